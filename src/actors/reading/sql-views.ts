/** The views that SQL of users sees: one entry each. */
import * as Effect from 'effect/Effect'
import { type AvroRecord, columnsOf, duckdbTypeOf } from '../../adapters/duckdb/columns.ts'
import { describeSnapshots, type Table } from '../../adapters/iceberg/table.ts'
import type { GapsQuery } from '../../adapters/query/gaps-query.ts'
import type { ScanPlanner } from '../../adapters/query/query-ports.ts'
import { gapsView, snapshotsView } from '../../adapters/query/sql-ledger-views.ts'
import { filesView, type SqlView } from '../../adapters/query/sql-query.ts'
import type { ApiFault } from '../../adapters/http/api-deps.ts'
import type { Shared } from '../shared.ts'

type Tables = Readonly<Record<'trades' | 'quotes' | 'referenceData' | 'gaps', Table>>

export const sqlViews = <E extends ApiFault>(
  shared: Shared,
  tables: Tables,
  plannerOver: (table: Table, schema: AvroRecord) => ScanPlanner<E>,
  gaps: GapsQuery<ApiFault>
): readonly SqlView<ApiFault>[] => {
  const files = (name: string, table: Table, schema: AvroRecord) => {
    const columns = columnsOf(schema).map((column) => ({
      name: column.name,
      type: duckdbTypeOf(column).toString()
    }))
    return filesView<ApiFault>(name, columns, plannerOver(table, schema))
  }
  return [
    files('trades', tables.trades, shared.trades.spec.schema),
    files('quotes', tables.quotes, shared.quotes.spec.schema),
    files('reference_data', tables.referenceData, shared.referenceData.spec.schema),
    gapsView(gaps),
    snapshotsView(snapshotsOf(tables))
  ]
}

/** Summary entries that name files of this machine. */
const hiddenKeys: ReadonlySet<string> = new Set(['k2.state', 'k2.ledger'])

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
            Object.entries(summary).filter(([key]) => !hiddenKeys.has(key))
          )
        }))
      )
    ),
    (all) => all.flat()
  )
