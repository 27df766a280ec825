/**
 * The venue's history of trades, by id, and what may be asked of it.
 * Source: "Old trade lookup", "Exchange information" and "Limits" of the venue's REST document.
 */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import type { AskedHistory } from '../../market/asked-history.ts'
import type { Instrument } from '../../market/instrument.ts'
import { type HistoryReply, readHistory } from './history-reply.ts'
import {
  type BinanceRestOptions,
  notOfForm,
  requestJson,
  type VenueError
} from './rest-request.ts'

/** Of one request, however many trades it asks for, and of one for the limits. */
export const historyWeight = 25
export const limitsWeight = 20

interface HistoryQuestion {
  /** Scheme, host, port, for example `https://api.binance.com`. */
  readonly baseUrl: string
  readonly instrument: Instrument
  readonly asked: AskedHistory
}

/** @param nowUs when the answer is there, microseconds since 1970 */
export const fetchHistory = (
  { baseUrl, instrument, asked }: HistoryQuestion,
  nowUs: () => number,
  options: BinanceRestOptions
): Effect.Effect<HistoryReply, VenueError> => {
  const symbol = encodeURIComponent(instrument.symbol)
  const query = `?symbol=${symbol}&fromId=${asked.fromId}&limit=${asked.limit}`
  const path = '/api/v3/historicalTrades'
  return Effect.map(requestJson({ baseUrl, path, query }, options), (body) =>
    readHistory(body, asked, { instrument, receivedUs: nowUs() })
  )
}

/** Request weight in an interval, and the venue's clock. */
export interface VenueLimit {
  readonly limit: number
  readonly intervalMs: number
  readonly serverTimeMs: number
}

const Announced = Schema.Struct({
  serverTime: Schema.Int,
  rateLimits: Schema.Array(
    Schema.Struct({
      rateLimitType: Schema.String,
      interval: Schema.String,
      intervalNum: Schema.Int,
      limit: Schema.Int
    })
  )
})
const decodeAnnounced = Schema.decodeUnknownEffect(Announced)

const intervalsMs: Readonly<Record<string, number>> = {
  SECOND: 1_000,
  MINUTE: 60_000,
  HOUR: 3_600_000,
  DAY: 86_400_000
}

/** The limit of the shortest interval; null where the venue announces none. */
export const fetchWeightLimit = Effect.fnUntraced(function* (
  baseUrl: string,
  symbol: string,
  options: BinanceRestOptions
): Effect.fn.Return<VenueLimit | null, VenueError> {
  const path = '/api/v3/exchangeInfo'
  const query = `?symbol=${encodeURIComponent(symbol)}`
  const body = yield* requestJson({ baseUrl, path, query }, options)
  const { serverTime, rateLimits } = yield* Effect.mapError(decodeAnnounced(body), (error) =>
    notOfForm({ baseUrl, path }, 'an exchangeInfo with limits', error)
  )
  const limits = rateLimits.flatMap(({ rateLimitType, interval, intervalNum, limit }) => {
    const intervalMs = (intervalsMs[interval] ?? 0) * intervalNum
    return rateLimitType === 'REQUEST_WEIGHT' && intervalMs > 0 && limit > 0
      ? [{ limit, intervalMs, serverTimeMs: serverTime }]
      : []
  })
  return limits.toSorted((one, other) => one.intervalMs - other.intervalMs)[0] ?? null
})
