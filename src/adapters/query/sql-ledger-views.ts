/** Views of SQL that are no table of files: the gap ledger as it stands, and the snapshots. */
import * as Effect from 'effect/Effect'
import type { GapsQuery } from './gaps-query.ts'
import { rowsView, type SqlView } from './sql-query.ts'

const gapsMax = 100_000

/** Gaps as `/v1/gaps` has them. */
export const gapsView = <E>(gaps: GapsQuery<E>): SqlView<E> =>
  rowsView(
    'gaps',
    columnsOf({
      exchange: 'VARCHAR',
      symbol: 'VARCHAR',
      data_type: 'VARCHAR',
      state: 'VARCHAR',
      reason: 'VARCHAR',
      epoch: 'BIGINT',
      from_id: 'BIGINT',
      to_id: 'BIGINT',
      count: 'BIGINT',
      after_time: 'TIMESTAMPTZ',
      before_time: 'TIMESTAMPTZ',
      opened_at: 'TIMESTAMPTZ',
      closed_at: 'TIMESTAMPTZ',
      closed_reason: 'VARCHAR'
    }),
    Effect.map(gaps.list({ state: 'all' }, gapsMax), ({ snapshotId, rows, hasMore }) => ({
      snapshotId,
      rows,
      ...(hasMore ? { missing: `gaps: closed ones beyond ${gapsMax} in all` } : {})
    }))
  )

interface Snapshot {
  readonly table: string
  /** Decimal text. */
  readonly snapshotId: string
  readonly parentId: string | null
  /** ISO 8601. */
  readonly timestamp: string
  readonly operation: string
  readonly summary: Readonly<Record<string, string>>
}

export const snapshotsView = <E>(
  snapshots: Effect.Effect<readonly Snapshot[], E>
): SqlView<E> =>
  rowsView(
    'snapshots',
    columnsOf({
      table_name: 'VARCHAR',
      snapshot_id: 'BIGINT',
      parent_id: 'BIGINT',
      timestamp: 'TIMESTAMPTZ',
      operation: 'VARCHAR',
      summary: 'MAP(VARCHAR, VARCHAR)'
    }),
    Effect.map(snapshots, (all) => ({
      snapshotId: null,
      rows: all.map(
        ({ table, snapshotId, parentId, timestamp, operation, summary }) =>
          `{"table_name":${JSON.stringify(table)},"snapshot_id":${snapshotId},` +
          `"parent_id":${parentId ?? 'null'},"timestamp":"${timestamp}",` +
          `"operation":${JSON.stringify(operation)},"summary":${JSON.stringify(summary)}}`
      )
    }))
  )

const columnsOf = (types: Readonly<Record<string, string>>) =>
  Object.entries(types).map(([name, type]) => ({ name, type }))
