/**
 * The venue's own list of what it trades: `GET /api/v3/exchangeInfo` → instruments, or all that it
 * says of them.
 * Source: "General API Information" and "Exchange information" of the venue's REST document.
 *
 * 1. One attempt, no retry: a request ends within `requestMsMax`, an answer within `bodyBytesMax`.
 * 2. Symbols that the venue does not list are named, all at once (`UnknownSymbols`).
 * 3. Whatever else goes wrong is the venue's unavailability, with its own code and words.
 */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import type { Instrument } from '../../market/instrument.ts'
import { UnknownSymbols, VenueRefused, VenueUnavailable } from './exchange-errors.ts'
import { venueOf } from './socket-open.ts'

export interface BinanceRestOptions {
  readonly requestMsMax: number
  readonly bodyBytesMax: number
  readonly observe: (event: RestEvent) => void
}

export const binanceRestDefaults = {
  requestMsMax: 10_000,
  bodyBytesMax: 64 * 1024 * 1024 // the whole list of the venue has about 20 MiB
} as const

export interface RestEvent {
  readonly type: 'rest.answered'
  readonly venue: string
  readonly path: string
  readonly status: number
  /** Request weight used in the venue's minute so far; null where the header is missing. */
  readonly usedWeight: number | null
}

export type InstrumentsError = VenueUnavailable | VenueRefused | UnknownSymbols

/**
 * Instruments of the given symbols, in their order.
 * @param baseUrl scheme, host, port, for example `https://api.binance.com`.
 */
export const fetchInstruments = Effect.fnUntraced(function* (
  baseUrl: string,
  symbols: ReadonlyArray<string>,
  options: BinanceRestOptions
): Effect.fn.Return<ReadonlyArray<Instrument>, InstrumentsError> {
  const wanted = [...new Set(symbols)]
  if (wanted.length === 0) return []
  const listed = yield* fetchListing(baseUrl, wanted, options)
  const unknown = wanted.filter((symbol) => !listed.has(symbol))
  if (unknown.length > 0) {
    return yield* new UnknownSymbols({ venue: venueOf(baseUrl), symbols: unknown })
  }
  return wanted.flatMap((symbol) => {
    const found = listed.get(symbol)
    return found === undefined ? [] : [instrumentOf(found)]
  })
})

const path = '/api/v3/exchangeInfo'
/** More symbols are not asked for by name, because of the URL's length. */
const namedSymbolsMax = 100
const invalidSymbolCodes: ReadonlySet<number | null> = new Set([-1121, -1100])

/**
 * What the venue lists, by symbol; not all of the symbols need be in it, and others may. By name
 * where that is short; all of it where a name is refused: the venue does not say which.
 */
export const fetchListing = (
  baseUrl: string,
  symbols: ReadonlyArray<string>,
  options: BinanceRestOptions
): Effect.Effect<ReadonlyMap<string, ListedSymbol>, VenueUnavailable | VenueRefused> => {
  const whole = requestListing(baseUrl, '', options)
  if (symbols.length > namedSymbolsMax) return whole
  const query = `?symbols=${encodeURIComponent(JSON.stringify(symbols))}`
  return requestListing(baseUrl, query, options).pipe(
    Effect.catchIf(
      (error) => error._tag === 'VenueRefused' && invalidSymbolCodes.has(error.code),
      () => whole
    )
  )
}

const Listed = Schema.Struct({
  symbol: Schema.NonEmptyString,
  baseAsset: Schema.NonEmptyString,
  quoteAsset: Schema.NonEmptyString,
  /** `TRADING` where it can be traded. */
  status: Schema.optionalKey(Schema.String),
  baseAssetPrecision: Schema.optionalKey(Schema.Int),
  quoteAssetPrecision: Schema.optionalKey(Schema.Int),
  filters: Schema.optionalKey(
    Schema.Array(
      Schema.Struct({
        filterType: Schema.String,
        tickSize: Schema.optionalKey(Schema.String),
        stepSize: Schema.optionalKey(Schema.String),
        minNotional: Schema.optionalKey(Schema.String)
      })
    )
  )
})

/** What the venue says of a symbol, as far as it is read. */
export type ListedSymbol = (typeof Listed)['Type']

const ExchangeInfo = Schema.Struct({ symbols: Schema.Array(Listed) })
const VenueError = Schema.Struct({ code: Schema.Int, msg: Schema.String })

const decodeExchangeInfo = Schema.decodeUnknownEffect(ExchangeInfo)
const decodeVenueError = Schema.decodeUnknownOption(VenueError)

const requestListing = Effect.fnUntraced(function* (
  baseUrl: string,
  query: string,
  options: BinanceRestOptions
) {
  const venue = venueOf(baseUrl)
  const unavailable = (reason: string) => new VenueUnavailable({ venue, path, reason })
  const url = `${baseUrl.replace(/\/+$/, '')}${path}${query}`
  const answer = yield* Effect.tryPromise({
    try: (signal) => request(url, options.bodyBytesMax, signal),
    catch: (error) => unavailable(reasonOf(error))
  }).pipe(
    Effect.timeoutOrElse({
      duration: options.requestMsMax,
      orElse: () => Effect.fail(unavailable(`no answer within ${options.requestMsMax} ms`))
    })
  )
  const { status, headers } = answer
  options.observe({ type: 'rest.answered', venue, path, status, usedWeight: usedWeightOf(headers) })
  const body = yield* Effect.try({
    try: (): unknown => JSON.parse(answer.text),
    catch: () => unavailable(`HTTP ${status}, and the body is not JSON`)
  }).pipe(
    Effect.catchIf(
      () => status !== 200,
      () => Effect.succeed(null)
    )
  )
  if (status !== 200) return yield* refused(venue, answer, body)
  const info = yield* Effect.mapError(decodeExchangeInfo(body), (error) =>
    unavailable(`not an exchangeInfo: ${error.message.slice(0, reasonLengthMax)}`)
  )
  return new Map(info.symbols.map((listed) => [listed.symbol, listed] as const))
})

const instrumentOf = (listed: ListedSymbol): Instrument => ({
  exchange: 'BINANCE',
  symbol: listed.symbol,
  assetClass: 'crypto',
  baseAsset: listed.baseAsset,
  quoteAsset: listed.quoteAsset
})

interface RestAnswer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

const request = async (
  url: string,
  bodyBytesMax: number,
  signal: AbortSignal
): Promise<RestAnswer> => {
  const response = await fetch(url, { signal, redirect: 'error' })
  const chunks: Uint8Array[] = []
  let bodyBytes = 0
  for await (const chunk of response.body ?? []) {
    bodyBytes += chunk.length
    // Leaving the loop cancels the body, and with it the connection.
    if (bodyBytes > bodyBytesMax) throw new Error(`the body exceeds ${bodyBytesMax} bytes`)
    chunks.push(chunk)
  }
  const { status, headers } = response
  return { status, headers, text: Buffer.concat(chunks).toString('utf8') }
}

const refused = (venue: string, { status, headers, text }: RestAnswer, body: unknown) => {
  const error = decodeVenueError(body)
  const isTold = error._tag === 'Some'
  return new VenueRefused({
    venue,
    path,
    status,
    code: isTold ? error.value.code : null,
    reason: (isTold ? error.value.msg : text).slice(0, reasonLengthMax),
    retryAfterMs: secondsIn(headers.get('retry-after'))
  })
}

const reasonLengthMax = 256

const secondsIn = (text: string | null): number | null =>
  text !== null && /^\d{1,6}$/.test(text) ? Number(text) * 1000 : null

const usedWeightOf = (headers: Headers): number | null => {
  const text = headers.get('x-mbx-used-weight-1m')
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : null
}

/** `fetch failed` says nothing; its cause does. */
const reasonOf = (error: unknown): string => {
  const cause: unknown = error instanceof Error && error.cause !== undefined ? error.cause : error
  if (!(cause instanceof Error)) return 'the request failed'
  const code = 'code' in cause && typeof cause.code === 'string' ? `${cause.code}: ` : ''
  return `${code}${cause.message}`.slice(0, reasonLengthMax)
}
