/** The views that SQL of users sees: one entry each. */
import * as Effect from 'effect/Effect'
import { columnsOf, duckdbTypeOf } from '../../adapters/duckdb/columns.ts'
import { describeSnapshots, type Table } from '../../adapters/iceberg/table.ts'
import type { GapsQuery } from '../../adapters/query/gaps-query.ts'
import type { ScanPlanner } from '../../adapters/query/query-ports.ts'
import { candlesView, gapsView, snapshotsView } from '../../adapters/query/sql-ledger-views.ts'
import { filesView, type SqlView } from '../../adapters/query/sql-query.ts'
import type { ApiFault } from '../../adapters/http/api-deps.ts'
import { hiddenSummaryKeys } from '../../adapters/http/routes.ts'
import type { Shared } from '../shared.ts'
import { type CandleQueries, candlesOf } from './sql-candles.ts'

/** What comes through the log as records, and so has a tail. */
export type LandedTable = 'trades' | 'quotes' | 'referenceData'

type Tables = Readonly<Record<LandedTable | 'gaps' | 'candles', Table>>

interface Queries extends CandleQueries {
  readonly gaps: GapsQuery<ApiFault>
}

export const sqlViews = <E extends ApiFault>(
  shared: Shared,
  tables: Tables,
  plannerOf: (name: LandedTable) => ScanPlanner<E>,
  { gaps, ...ofTrades }: Queries
): readonly SqlView<ApiFault>[] => {
  const files = (view: string, name: LandedTable) => {
    const columns = columnsOf(shared[name].spec.schema).map((column) => ({
      name: column.name,
      type: duckdbTypeOf(column).toString()
    }))
    return filesView<ApiFault>(view, columns, plannerOf(name))
  }
  return [
    files('trades', 'trades'),
    files('quotes', 'quotes'),
    files('reference_data', 'referenceData'),
    candlesView(candlesOf(ofTrades)),
    gapsView(gaps),
    snapshotsView(snapshotsOf(tables))
  ]
}

const snapshotsOf = (tables: Tables) =>
  Effect.map(
    Effect.forEach(Object.values(tables), (table) =>
      Effect.map(describeSnapshots(table), (snapshots) =>
        snapshots.map(({ snapshotId, parentId, timestampMs, operation, summary }) => ({
          table: table.name,
          snapshotId: snapshotId.toString(),
          parentId: parentId?.toString() ?? null,
          timestamp: new Date(timestampMs).toISOString(),
          operation,
          summary: Object.fromEntries(
            Object.entries(summary).filter(([key]) => !hiddenSummaryKeys.has(key))
          )
        }))
      )
    ),
    (all) => all.flat()
  )
