/**
 * The newest trade id that the venue has of each symbol (R3).
 * Source: "24hr ticker price change statistics" and "Recent trades list" of the venue's REST
 * document.
 *
 * 1. Up to 20 symbols cost a weight of 2 together, and more than that 20 times as much: they are
 *    asked for in groups of 20.
 * 2. Where the venue refuses the group, perhaps for one of its symbols, each is asked for alone by
 *    its newest trade. One that it refuses then has no answer.
 */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import type { VenueRefused } from './exchange-errors.ts'
import {
  type BinanceRestOptions,
  notOfForm,
  requestJson,
  type RestRequest,
  type VenueError
} from './rest-request.ts'

const symbolsPerRequest = 20

/** @param baseUrl scheme, host, port, for example `https://api.binance.com`. */
export const fetchNewestIds = Effect.fnUntraced(function* (
  baseUrl: string,
  symbols: ReadonlyArray<string>,
  options: BinanceRestOptions
): Effect.fn.Return<ReadonlyMap<string, number>, VenueError> {
  const found = new Map<string, number>()
  for (let start = 0; start < symbols.length; start += symbolsPerRequest) {
    const group = symbols.slice(start, start + symbolsPerRequest)
    const ids = yield* groupIds(baseUrl, group, options)
    for (const [symbol, id] of ids) found.set(symbol, id)
  }
  return found
})

const groupIds = (
  baseUrl: string,
  symbols: ReadonlyArray<string>,
  options: BinanceRestOptions
): Effect.Effect<ReadonlyArray<readonly [string, number]>, VenueError> =>
  Effect.catchIf(tickerIds(baseUrl, symbols, options), isOfTheQuestion, () =>
    Effect.map(
      Effect.forEach(symbols, (symbol) =>
        Effect.catchIf(tradeIds(baseUrl, symbol, options), isOfTheQuestion, () =>
          Effect.succeed([])
        )
      ),
      (ids) => ids.flat()
    )
  )

/** The venue takes requests, and not this one. */
const isOfTheQuestion = (error: VenueError): error is VenueRefused =>
  error._tag === 'VenueRefused' && (error.status === 400 || error.status === 404)

const Tickers = Schema.Array(Schema.Struct({ symbol: Schema.String, lastId: Schema.Int }))
const Trades = Schema.Array(Schema.Struct({ id: Schema.Int }))
const decodeTickers = Schema.decodeUnknownEffect(Tickers)
const decodeTrades = Schema.decodeUnknownEffect(Trades)

const tickerIds = Effect.fnUntraced(function* (
  baseUrl: string,
  symbols: ReadonlyArray<string>,
  options: BinanceRestOptions
) {
  const query = `?symbols=${encodeURIComponent(JSON.stringify(symbols))}`
  const request: RestRequest = { baseUrl, path: '/api/v3/ticker/24hr', query }
  const body = yield* requestJson(request, options)
  const tickers = yield* Effect.mapError(decodeTickers(body), (error) =>
    notOfForm(request, 'a list of tickers', error)
  )
  return tickers.map(({ symbol, lastId }) => [symbol, lastId] as const)
})

const tradeIds = Effect.fnUntraced(function* (
  baseUrl: string,
  symbol: string,
  options: BinanceRestOptions
) {
  const query = `?symbol=${encodeURIComponent(symbol)}&limit=1`
  const request: RestRequest = { baseUrl, path: '/api/v3/trades', query }
  const body = yield* requestJson(request, options)
  const trades = yield* Effect.mapError(decodeTrades(body), (error) =>
    notOfForm(request, 'a list of trades', error)
  )
  return trades.map(({ id }) => [symbol, id] as const)
})
