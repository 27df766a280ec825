/**
 * The venue's own list of what it trades: `GET /api/v3/exchangeInfo` → instruments, or all that it
 * says of them.
 * Source: "General API Information" and "Exchange information" of the venue's REST document.
 *
 * Symbols that the venue does not list are named, all at once (`UnknownSymbols`).
 */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import type { Instrument } from '../../market/instrument.ts'
import { UnknownSymbols } from './exchange-errors.ts'
import {
  type BinanceRestOptions,
  notOfForm,
  requestJson,
  type VenueError
} from './rest-request.ts'
import { venueOf } from './socket-open.ts'

export type InstrumentsError = VenueError | UnknownSymbols

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
): Effect.Effect<ReadonlyMap<string, ListedSymbol>, VenueError> => {
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

const decodeExchangeInfo = Schema.decodeUnknownEffect(ExchangeInfo)

const requestListing = Effect.fnUntraced(function* (
  baseUrl: string,
  query: string,
  options: BinanceRestOptions
) {
  const body = yield* requestJson({ baseUrl, path, query }, options)
  const info = yield* Effect.mapError(decodeExchangeInfo(body), (error) =>
    notOfForm({ baseUrl, path }, 'an exchangeInfo', error)
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
