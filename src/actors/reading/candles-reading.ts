/** Candles over the tables of this process. */
import * as Effect from 'effect/Effect'
import type { QueryPool } from '../../adapters/duckdb/query-pool.ts'
import {
  recordedStateAt,
  type RecordedState,
  type StateError
} from '../../adapters/iceberg/k2-summary.ts'
import { snapshotById } from '../../adapters/iceberg/metadata.ts'
import { attempt, type Table } from '../../adapters/iceberg/table.ts'
import { makeViewLedger } from '../../adapters/query/candle-ledger.ts'
import { makeCandlesQuery } from '../../adapters/query/candles-query.ts'
import {
  nothingBeyond,
  type MinutesLease,
  type ScanPlanner
} from '../../adapters/query/query-ports.ts'
import type { Sequences } from '../../market/candle-state.ts'
import type { TradingZones } from '../../market/trading-day.ts'
import { makeSequencesReader } from '../gaps/trade-states.ts'
import { TableUnavailable } from './leases.ts'

interface CandlesSetup<E> {
  readonly tables: { readonly trades: Table }
  readonly engine: QueryPool
  readonly zones: TradingZones
  readonly trades: ScanPlanner<E>
  readonly gaps: ScanPlanner<E>
}

export const candlesQueryOver = <E>({ tables, engine, zones, trades, gaps }: CandlesSetup<E>) =>
  makeCandlesQuery({
    trades,
    minutes: { acquire: () => Effect.succeed(noMinutes) },
    engine,
    ledger: makeViewLedger(gaps, engine),
    sequencesAt: sequencesOf(tables.trades),
    zones
  })

const noMinutes: MinutesLease<never> = {
  snapshotId: null,
  files: [],
  source: 'read_parquet($files)',
  beyond: nothingBeyond,
  read: (_, use) => use,
  release: () => {},
  coveredIn: () => -Infinity
}

const sequencesOf = (table: Table) => {
  const read = makeSequencesReader(table)
  return (snapshotId: string | null): Effect.Effect<Sequences, TableUnavailable> => {
    if (snapshotId === null) return Effect.succeed({})
    return Effect.gen(function* () {
      const { metadata } = table.loaded
      const snapshot = snapshotById(metadata, BigInt(snapshotId))
      if (snapshot === null) return yield* new TableUnavailable({ detail: 'its snapshot expired' })
      const recorded = yield* attempt<RecordedState, StateError>(() =>
        recordedStateAt(table.name, metadata, snapshot)
      )
      return yield* read(recorded)
    }).pipe(
      Effect.mapError((error) =>
        error instanceof TableUnavailable ? error : new TableUnavailable({ detail: error.message })
      )
    )
  }
}
