/** Which symbols the tail has trades of, and from when until when: files know nothing of it. */
import * as Effect from 'effect/Effect'
import type { BeyondFiles, QueryEngine } from './query-ports.ts'

interface Series {
  readonly exchange: string
  readonly symbol: string
}

export interface TailSeries {
  readonly exchangesOf: (symbol: string) => readonly string[]
  /** Microseconds; Infinity where the tail has nothing of it. */
  readonly oldestOf: (series: Series) => number
  /** -Infinity where the tail has nothing of it. */
  readonly newestOf: (series: Series) => number
}

export const readTailSeries = <E>(
  engine: QueryEngine<E>,
  tail: BeyondFiles['tail'],
  symbols: readonly string[]
): Effect.Effect<TailSeries, E> => {
  if (tail === undefined) return Effect.succeed(nothing)
  const sql = `SELECT "exchange", "symbol", min(epoch_us("timestamp")),
      max(epoch_us("timestamp"))
    FROM (${tail.sql})
    WHERE "symbol" IN (SELECT unnest($symbols)) GROUP BY ALL`
  const parameters = { ...tail.parameters, symbols: { type: 'texts', value: symbols } } as const
  return Effect.map(engine.run({ sql, parameters }), (rows) => {
    const found = rows.map(([exchange, symbol, oldestUs, newestUs]) => ({
      exchange: String(exchange),
      symbol: String(symbol),
      oldestUs: Number(oldestUs),
      newestUs: Number(newestUs)
    }))
    const ofSeries = ({ exchange, symbol }: Series) =>
      found.find((it) => it.exchange === exchange && it.symbol === symbol)
    return {
      exchangesOf: (symbol) =>
        found.filter((it) => it.symbol === symbol).map(({ exchange }) => exchange),
      oldestOf: (series) => ofSeries(series)?.oldestUs ?? Infinity,
      newestOf: (series) => ofSeries(series)?.newestUs ?? -Infinity
    }
  })
}

const nothing: TailSeries = {
  exchangesOf: () => [],
  oldestOf: () => Infinity,
  newestOf: () => -Infinity
}
