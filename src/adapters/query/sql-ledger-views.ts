/**
 * Views of SQL that are no table of files: the gap ledger as it stands, the snapshots, and candles,
 * which are of a table and of what that does not cover yet.
 */
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

/** Candles that a statement has at most. */
const candlesMax = 20_000

interface Candles {
  readonly snapshotId: string | null
  /** Symbols of which older ones were left out, and from when on all have all, ISO 8601. */
  readonly cut: { readonly symbols: number; readonly wholeFrom: string } | null
  /** A JSON object each. */
  readonly rows: readonly string[]
  readonly missing: readonly string[]
}

/**
 * Candles of minutes as `/v1/candles` has them: those of the table, and those of minutes that it
 * does not cover yet, made of trades and tail.
 */
export const candlesView = <E>(candles: (max: number) => Effect.Effect<Candles, E>): SqlView<E> =>
  rowsView(
    'candles',
    columnsOf({
      exchange: 'VARCHAR',
      symbol: 'VARCHAR',
      interval_start: 'TIMESTAMPTZ',
      interval_end: 'TIMESTAMPTZ',
      open_price: 'DECIMAL(18,8)',
      high_price: 'DECIMAL(18,8)',
      low_price: 'DECIMAL(18,8)',
      close_price: 'DECIMAL(18,8)',
      volume: 'DECIMAL(38,8)',
      vwap: 'DECIMAL(18,8)',
      twap: 'DECIMAL(18,8)',
      trade_count: 'BIGINT',
      quote_volume: 'DECIMAL(38,16)',
      buy_volume: 'DECIMAL(38,8)',
      sell_volume: 'DECIMAL(38,8)',
      state: 'VARCHAR'
    }),
    Effect.map(candles(candlesMax), ({ cut, missing, ...of }) => ({
      ...of,
      missing: [
        ...missing,
        ...(cut === null
          ? []
          : [
              `candles: before ${cut.wholeFrom}, those of ${cut.symbols} symbols, as a statement ` +
                `has the newest ${candlesMax} in all; trades has what they were made of`
            ])
      ]
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
