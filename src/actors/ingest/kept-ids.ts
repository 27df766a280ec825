/**
 * The highest trade id that the table has of each symbol, as an earlier process has left it: from
 * there on a new one claims what it was not there to hear (R3). What the log and the spool have
 * beyond it lands after all, and is no hole.
 *
 * 1. Read once, before the first connection, and waited for no longer than `loadMsMax`: a feed does
 *    not wait for a catalog that is away. Where it could not be read, or no table is open in this
 *    process, nothing is claimed for a restart.
 */
import * as Effect from 'effect/Effect'
import type { RecordedState } from '../../adapters/iceberg/k2-summary.ts'
import { readRecordedState, readState, type Table } from '../../adapters/iceberg/table.ts'
import { parsePartitionState } from '../lander/landing-partition.ts'
import type { Shared } from '../shared.ts'

const loadMsMax = 5_000

type Kept = Pick<Shared, 'exchange' | 'trades' | 'hasRole' | 'telemetry'>

export class KeptIds {
  readonly #shared: Kept
  #ids: ReadonlyMap<string, number> | undefined

  constructor(shared: Kept) {
    this.#shared = shared
  }

  of(symbol: string): number | null {
    return this.#ids?.get(symbol) ?? null
  }

  /** (1) */
  readonly loaded: Effect.Effect<void> = Effect.suspend(() => {
    const { hasRole, trades, telemetry } = this.#shared
    if (this.#ids !== undefined || (!hasRole('land') && !hasRole('serve'))) return Effect.void
    const reading = Effect.flatMap(trades.table.get, (table) => this.#read(table)).pipe(
      Effect.timeoutOrElse({
        duration: loadMsMax,
        orElse: () => Effect.fail({ message: `not read within ${loadMsMax} ms` })
      })
    )
    return Effect.match(reading, {
      onSuccess: (ids) => void (this.#ids = ids),
      onFailure: ({ message: detail }) =>
        telemetry.log('warn', 'feed.kept_ids_unknown', { table: trades.tableName, detail })
    })
  })

  #read(table: Table): Effect.Effect<ReadonlyMap<string, number>, { readonly message: string }> {
    const { exchange, trades } = this.#shared
    return Effect.gen(function* () {
      const recorded = yield* readRecordedState(table)
      const ids = new Map<string, number>()
      for (const path of statePaths(recorded, trades.topic)) {
        const bytes = yield* readState(table, path)
        const { sequences } = yield* Effect.try({
          try: () => parsePartitionState(bytes),
          catch: (error) => ({ message: `${path}: ${String(error)}` })
        })
        for (const [key, { epochs }] of Object.entries(sequences)) {
          const newest = epochs.at(-1)
          if (newest === undefined || !key.startsWith(`${exchange}:`)) continue
          ids.set(key.slice(exchange.length + 1), newest.high)
        }
      }
      return ids
    })
  }
}

const statePaths = ({ states }: RecordedState, topic: string): readonly string[] =>
  Object.values(states).flatMap((topics) => Object.values(topics[topic] ?? {}))
