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
import type { HotMinutes } from '../../adapters/query/hot-minutes.ts'
import type { MinutesLease, ScanLease, ScanPlanner } from '../../adapters/query/query-ports.ts'
import type { Sequences } from '../../market/candle-state.ts'
import type { TradingZones } from '../../market/trading-day.ts'
import { makeSequencesReader } from '../gaps/trade-states.ts'
import { type Cover, coveredSequence, coversKey, parseCover } from '../rollup/rollup-cover.ts'
import { TableUnavailable } from './leases.ts'

interface CandlesSetup<E> {
  readonly tables: { readonly trades: Table; readonly candles: Table }
  readonly engine: QueryPool
  readonly zones: TradingZones
  readonly trades: ScanPlanner<E>
  readonly minutes: ScanPlanner<E>
  readonly gaps: ScanPlanner<E>
  readonly hotMinutes: HotMinutes
  /** What snapshots of the trades say of ids; by default, as they name it. */
  readonly sequencesAt?: ReturnType<typeof sequencesOf>
}

export const candlesQueryOver = <E>(setup: CandlesSetup<E>) => {
  const { tables, engine, zones, trades, gaps, hotMinutes } = setup
  return makeCandlesQuery({
    trades,
    minutes: {
      acquire: (filter) => Effect.flatMap(setup.minutes.acquire(filter), covering(tables))
    },
    engine,
    hotMinutes,
    ledger: makeViewLedger(gaps, engine),
    sequencesAt: setup.sequencesAt ?? sequencesOf(tables.trades),
    zones
  })
}

/** What the snapshot of a lease covers of the trades, as they are known when it is asked. */
const covering =
  <E>({ trades, candles }: CandlesSetup<E>['tables']) =>
  (lease: ScanLease<E>) =>
    Effect.map(
      coverAt(candles, lease.snapshotId),
      (cover): MinutesLease<E> => ({
        ...lease,
        coveredIn: (tradesSnapshotId) =>
          coveredSequence(
            trades.loaded.metadata,
            tradesSnapshotId === null ? null : BigInt(tradesSnapshotId),
            cover
          )
      })
    )

const coverAt = (
  table: Table,
  snapshotId: string | null
): Effect.Effect<Cover | undefined, TableUnavailable> =>
  snapshotId === null
    ? Effect.succeed(undefined)
    : Effect.map(recordedAt(table, snapshotId), ({ carried }) => parseCover(carried[coversKey]))

const recordedAt = (
  table: Table,
  snapshotId: string
): Effect.Effect<RecordedState, TableUnavailable> =>
  Effect.gen(function* () {
    const { metadata } = table.loaded
    const snapshot = snapshotById(metadata, BigInt(snapshotId))
    if (snapshot === null) return yield* new TableUnavailable({ detail: 'its snapshot expired' })
    return yield* Effect.mapError(
      attempt<RecordedState, StateError>(() => recordedStateAt(table.name, metadata, snapshot)),
      ({ message }) => new TableUnavailable({ detail: message })
    )
  })

const sequencesOf = (table: Table) => {
  const read = makeSequencesReader(table)
  return (snapshotId: string | null): Effect.Effect<Sequences, TableUnavailable> =>
    snapshotId === null
      ? Effect.succeed({})
      : Effect.flatMap(recordedAt(table, snapshotId), (recorded) =>
          Effect.mapError(
            read(recorded),
            ({ message }) => new TableUnavailable({ detail: message })
          )
        )
}
