/**
 * The venue's public REST routes, as its "REST API" document describes them: time, exchangeInfo,
 * ticker/24hr, trades and historicalTrades, with weights, limits and errors in the venue's form.
 *
 * 1. A reply tells only of trades that the streams have passed.
 * 2. Every reply of a route carries the used weight; beyond the limit it is 429 with Retry-After.
 * 3. Of the ticker, ids, count, open and last are exact; high, low and volumes come from at most
 *    `sampleMax` trades spread over the window, because the generator keeps no history.
 */
import { decimalScale, formatDecimal } from '../../market/decimal.ts'
import type { RequestWeight } from './request-weight.ts'
import type { Playback, TradeSource, VenueTrade } from './trade-source.ts'
import type { ListedSymbol } from './venue-listing.ts'

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface RestOptions {
  readonly source: TradeSource
  readonly playback: Playback
  readonly weight: RequestWeight
  readonly weightMax: () => number
  readonly venueTimeMs: () => number
}

/** Answers a GET; undefined for a path that the venue does not have. */
export const makeRestRoutes = (options: RestOptions): ((url: URL) => Reply | undefined) => {
  const bySymbol = new Map(options.source.listing.map((listed) => [listed.symbol, listed]))
  const context: RouteContext = { ...options, bySymbol }
  return (url) => {
    const route = routes[url.pathname]
    if (route === undefined) return undefined
    const { used, retryAfterS } = options.weight.charge(route.weight(url.searchParams))
    const headers = { 'X-MBX-USED-WEIGHT': String(used), 'X-MBX-USED-WEIGHT-1M': String(used) }
    if (retryAfterS !== undefined) {
      const limit = `current limit is ${options.weightMax()} request weight per 1 MINUTE.`
      const body = { code: -1003, msg: `Too much request weight used; ${limit}` }
      return reply(429, body, { ...headers, 'Retry-After': String(retryAfterS) }) // (2)
    }
    const result = route.answer(url.searchParams, context)
    return result instanceof Refusal
      ? reply(400, result.body, headers)
      : reply(200, result, headers)
  }
}

interface RouteContext extends RestOptions {
  readonly bySymbol: ReadonlyMap<string, ListedSymbol>
}

interface Route {
  readonly weight: (query: URLSearchParams) => number
  readonly answer: (query: URLSearchParams, context: RouteContext) => unknown
}

class Refusal {
  readonly body: { readonly code: number; readonly msg: string }
  constructor(code: number, msg: string) {
    this.body = { code, msg }
  }
}

const dayMs = 86_400_000
const limitDefault = 500
const limitMax = 1_000
const sampleMax = 200

const reply = (
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>>
): Reply => ({
  status,
  headers: { 'Content-Type': 'application/json;charset=UTF-8', ...headers },
  body: JSON.stringify(body)
})

const routes: Readonly<Record<string, Route>> = {
  '/api/v3/ping': { weight: () => 1, answer: () => ({}) },
  '/api/v3/time': {
    weight: () => 1,
    answer: (_, { venueTimeMs }) => ({ serverTime: venueTimeMs() })
  },
  '/api/v3/exchangeInfo': {
    weight: () => 20,
    answer: (query, context) => {
      const listed = askedSymbols(query, context)
      return listed instanceof Refusal ? listed : exchangeInfo(listed, context)
    }
  },
  '/api/v3/ticker/24hr': {
    weight: (query) => tickerWeight(query),
    answer: (query, context) => {
      const listed = askedSymbols(query, context)
      if (listed instanceof Refusal) return listed
      const tickers = listed.map((one) => ticker(one.symbol, context))
      return query.has('symbol') ? tickers[0] : tickers
    }
  },
  '/api/v3/trades': {
    weight: () => 25,
    answer: (query, context) => trades(query, context, undefined)
  },
  '/api/v3/historicalTrades': {
    weight: () => 25,
    answer: (query, context) => {
      const fromId = wholeNumberOf(query, 'fromId')
      return fromId instanceof Refusal ? fromId : trades(query, context, fromId)
    }
  }
}

const tickerWeight = (query: URLSearchParams): number => {
  if (query.has('symbol')) return 2
  const count = query.get('symbols')?.split(',').length ?? Number.POSITIVE_INFINITY
  if (count <= 20) return 2
  return count <= 100 ? 40 : 80
}

/** Listings asked for by `symbol`, `symbols=["A","B"]`, or all. */
const askedSymbols = (
  query: URLSearchParams,
  { bySymbol }: RouteContext
): ReadonlyArray<ListedSymbol> | Refusal => {
  const symbol = query.get('symbol')
  const list = query.get('symbols')
  if (symbol !== null && list !== null)
    return new Refusal(-1128, 'Combination of optional parameters invalid.')
  if (symbol === null && list === null) return [...bySymbol.values()]
  let names: ReadonlyArray<unknown>
  try {
    names = list === null ? [symbol] : (JSON.parse(list) as ReadonlyArray<unknown>)
    if (!Array.isArray(names) || names.length === 0) throw new Error('not a list')
  } catch {
    return new Refusal(
      -1100,
      illegalText('symbols', '^\\["[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}\\]$')
    )
  }
  const listed = names.map((name) => bySymbol.get(String(name)))
  return listed.some((one) => one === undefined)
    ? new Refusal(-1121, 'Invalid symbol.')
    : (listed as ReadonlyArray<ListedSymbol>)
}

const illegalText = (name: string, range: string): string =>
  `Illegal characters found in parameter '${name}'; legal range is '${range}'.`

const wholeNumberOf = (query: URLSearchParams, name: string): number | undefined | Refusal => {
  const text = query.get(name)
  if (text === null) return undefined
  if (/^\d{1,20}$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text)
  return new Refusal(
    -1100,
    `Illegal characters found in parameter '${name}'; legal range is '^[0-9]{1,20}$'.`
  )
}

const exchangeInfo = (
  listed: ReadonlyArray<ListedSymbol>,
  { weightMax, venueTimeMs }: RouteContext
) => ({
  timezone: 'UTC',
  serverTime: venueTimeMs(),
  rateLimits: [
    { rateLimitType: 'REQUEST_WEIGHT', interval: 'MINUTE', intervalNum: 1, limit: weightMax() }
  ],
  exchangeFilters: [],
  symbols: listed.map(({ symbol, baseAsset, quoteAsset, priceDecimals, quantityDecimals }) => ({
    symbol,
    status: 'TRADING',
    baseAsset,
    baseAssetPrecision: 8,
    quoteAsset,
    quotePrecision: 8,
    quoteAssetPrecision: 8,
    orderTypes: ['LIMIT', 'MARKET'],
    isSpotTradingAllowed: true,
    filters: [
      { filterType: 'PRICE_FILTER', tickSize: formatDecimal(10n ** BigInt(8 - priceDecimals)) },
      { filterType: 'LOT_SIZE', stepSize: formatDecimal(10n ** BigInt(8 - quantityDecimals)) }
    ]
  }))
})

const trades = (
  query: URLSearchParams,
  { bySymbol, playback }: RouteContext,
  fromId: number | undefined
) => {
  const symbol = query.get('symbol')
  if (symbol === null || symbol === '') {
    return new Refusal(
      -1102,
      "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."
    )
  }
  const limit = wholeNumberOf(query, 'limit')
  if (limit instanceof Refusal) return limit
  if (limit === 0) return new Refusal(-1130, "Data sent for parameter 'limit' is not valid.")
  if (!bySymbol.has(symbol)) return new Refusal(-1121, 'Invalid symbol.')
  return playback
    .trades(symbol, fromId, Math.min(limit ?? limitDefault, limitMax))
    .map((trade) => ({
      id: trade.id,
      price: trade.price,
      qty: trade.quantity,
      quoteQty: formatDecimal(quoteQuantity(trade)),
      time: trade.timeMs,
      isBuyerMaker: trade.buyerIsMaker,
      isBestMatch: trade.bestMatch
    }))
}

/** Price × quantity, truncated to eight decimals. */
const quoteQuantity = ({ price, quantity }: VenueTrade): bigint =>
  (unitsOf(price) * unitsOf(quantity)) / 10n ** 8n

/** As a bigint of 10^-8; unlike a stored decimal a recorded quantity may exceed decimal(18,8). */
const unitsOf = (text: string): bigint => {
  const [whole = '', fraction = ''] = text.split('.')
  return BigInt(whole + fraction.slice(0, decimalScale).padEnd(decimalScale, '0'))
}

const ticker = (symbol: string, { playback, venueTimeMs }: RouteContext) => {
  const closeTime = venueTimeMs()
  const openTime = closeTime - dayMs
  const lastId = playback.newestId(symbol)
  const firstId = lastId === -1 ? -1 : playback.firstIdSince(symbol, openTime)
  const count = firstId === -1 ? 0 : lastId - firstId + 1
  const first = firstId === -1 ? undefined : playback.trades(symbol, firstId, 1)[0]
  const last = lastId === -1 ? undefined : playback.trades(symbol, lastId, 1)[0]
  const open = first === undefined ? 0n : unitsOf(first.price)
  const close = last === undefined ? 0n : unitsOf(last.price)
  const sample = count === 0 ? [] : sampleOf(playback, symbol, firstId, count)
  const prices = [open, close, ...sample.map(({ price }) => unitsOf(price))]
  const scaled = (total: bigint) =>
    sample.length === 0 ? 0n : (total * BigInt(count)) / BigInt(sample.length)
  const volume = scaled(sample.reduce((sum, { quantity }) => sum + unitsOf(quantity), 0n))
  const quoteVolume = scaled(sample.reduce((sum, trade) => sum + quoteQuantity(trade), 0n))
  return {
    symbol,
    priceChange: formatDecimal(close - open),
    priceChangePercent:
      open === 0n ? '0.000' : (Number(((close - open) * 100_000n) / open) / 1_000).toFixed(3),
    weightedAvgPrice: formatDecimal(volume === 0n ? 0n : (quoteVolume * 10n ** 8n) / volume),
    lastPrice: formatDecimal(close),
    lastQty: last?.quantity ?? formatDecimal(0n),
    openPrice: formatDecimal(open),
    highPrice: formatDecimal(prices.reduce((high, price) => (price > high ? price : high))),
    lowPrice: formatDecimal(prices.reduce((low, price) => (price < low ? price : low))),
    volume: formatDecimal(volume),
    quoteVolume: formatDecimal(quoteVolume),
    openTime,
    closeTime,
    firstId,
    lastId,
    count
  }
}

const sampleOf = (
  playback: Playback,
  symbol: string,
  firstId: number,
  count: number
): ReadonlyArray<VenueTrade> => {
  const taken = Math.min(sampleMax, count)
  return Array.from({ length: taken }, (_, index) =>
    playback.trades(symbol, firstId + Math.floor((index * count) / taken), 1)
  ).flat()
}
