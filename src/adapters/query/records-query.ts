/**
 * The newest records of a table that meet a filter, from the files of one pinned snapshot.
 *
 * 1. A query holds one lease from planning to its last row, released however it ends (R28).
 * 2. Filters are bound as parameters, and applied to rows whatever the planner pruned.
 * 3. Rows come in the order of `compareRecords`, which is total: the same snapshot and filter give
 *    the same bytes (R15).
 */
import * as Effect from 'effect/Effect'
import {
  newestFirst,
  type ReadGroup,
  type RecordRow,
  recordOrderSql,
  type Wanted
} from './newest-first.ts'
import type {
  Cell,
  Parameter,
  QueryEngine,
  RecordFilter,
  ScanLease,
  ScanPlanner
} from './query-ports.ts'
import { type RecordField, recordJsonSql } from './record-json.ts'

interface RecordsPage {
  readonly snapshotId: string | null
  /** One JSON object per record. */
  readonly rows: readonly string[]
  /** Whether more rows meet the filter. */
  readonly hasMore: boolean
  /** Files that the plan named, and that were read. */
  readonly filesPlanned: number
  readonly filesRead: number
}

export interface RecordsQuery<E> {
  /** At most `rowsMax` newest records. */
  readonly newest: (filter: RecordFilter, rowsMax: number) => Effect.Effect<RecordsPage, E>
}

export const makeRecordsQuery = <PlanError, EngineError>(ports: {
  readonly planner: ScanPlanner<PlanError>
  readonly engine: QueryEngine<EngineError>
  /** Of the record's schema, in the order of the answer. */
  readonly fields: readonly RecordField[]
}): RecordsQuery<PlanError | EngineError> => ({
  newest: (filter, rowsMax) =>
    Effect.acquireUseRelease(
      ports.planner.acquire(filter),
      (lease) =>
        // One row more than asked for tells whether there are more.
        newestFirst(
          lease.files,
          wanted(filter, rowsMax + 1),
          readGroup({ ...ports, lease }, filter, rowsMax + 1)
        ).pipe(
          Effect.map(({ rows, filesRead }) => ({
            snapshotId: lease.snapshotId,
            rows: rows.slice(0, rowsMax).map(({ json }) => json),
            hasMore: rows.length > rowsMax,
            filesPlanned: lease.files.length,
            filesRead
          }))
        ),
      (lease) => Effect.sync(() => lease.release())
    )
})

const rowsPerSymbolMatch = 8

const wanted = ({ symbol }: RecordFilter, rowsMax: number): Wanted => ({
  rowsMax,
  rowsPerMatch: symbol === undefined ? 1 : rowsPerSymbolMatch
})

interface Reading<PlanError, EngineError> {
  readonly engine: QueryEngine<EngineError>
  readonly lease: ScanLease<PlanError>
  readonly fields: readonly RecordField[]
}

const readGroup =
  <PlanError, EngineError>(
    { engine, fields, lease }: Reading<PlanError, EngineError>,
    filter: RecordFilter,
    rowsMax: number
  ): ReadGroup<PlanError | EngineError> =>
  (files, floorUs) => {
    const fromUs = Math.max(filter.fromUs ?? -Infinity, floorUs ?? -Infinity)
    const conditions: string[] = []
    const parameters: Record<string, Parameter> = {
      files: { type: 'texts', value: files.map(({ path }) => path) }
    }
    const require = (condition: string, name: string, parameter: Parameter) => {
      conditions.push(condition)
      parameters[name] = parameter
    }
    if (filter.symbol !== undefined) require('"symbol" = $symbol', 'symbol', text(filter.symbol))
    if (filter.exchange !== undefined)
      require('"exchange" = $exchange', 'exchange', text(filter.exchange))
    if (fromUs > -Infinity)
      require('"timestamp" >= $from', 'from', { type: 'timestamp', value: fromUs })
    if (filter.toUs !== undefined) {
      require('"timestamp" < $to', 'to', { type: 'timestamp', value: filter.toUs })
    }
    const sql = newestSql({ fields, source: lease.source }, conditions, rowsMax)
    const rows = engine.run({ sql, parameters })
    return Effect.map(lease.read(files, rows), (found) => found.map(recordRow))
  }

const text = (value: string): Parameter => ({ type: 'text', value })

/** JSON is made of the rows that are left, not of those that are sorted away. */
const newestSql = (
  { fields, source }: { readonly fields: readonly RecordField[]; readonly source: string },
  conditions: readonly string[],
  rowsMax: number
): string =>
  `SELECT epoch_us("timestamp"), "symbol", "source_sequence", "message_id",
     ${recordJsonSql(fields)}
   FROM (
     SELECT * FROM ${source}
     ${conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`}
     ORDER BY ${recordOrderSql} LIMIT ${rowsMax}
   )
   ORDER BY ${recordOrderSql}`

const recordRow = ([
  timestampUs,
  symbol,
  sourceSequence,
  messageId,
  json
]: readonly Cell[]): RecordRow => ({
  timestampUs: Number(timestampUs),
  symbol: String(symbol),
  sourceSequence: sourceSequence === null ? null : Number(sourceSequence),
  messageId: String(messageId),
  json: String(json)
})
