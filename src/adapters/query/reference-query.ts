/**
 * Reference data as it holds now: the newest version of each company, of one pinned snapshot (R49).
 *
 * 1. A query holds one lease from planning to its last row, released however it ends (R28).
 * 2. The newest version is found before a filter by ticker is applied: an old ticker does not bring
 *    back an old version.
 * 3. Rows come by exchange and company, whose order is total: the same snapshot and filter give the
 *    same bytes (R15).
 */
import * as Effect from 'effect/Effect'
import { leaseRows } from './lease-rows.ts'
import type { Parameter, QueryEngine, ScanPlanner } from './query-ports.ts'
import { type RecordField, recordJsonSql } from './record-json.ts'

interface ReferenceFilter {
  readonly companyId?: string
  /** The venue's own symbol. */
  readonly ticker?: string
  /** Upper-case exchange code. */
  readonly exchange?: string
}

interface ReferencePage {
  readonly snapshotId: string | null
  /** One JSON object per company. */
  readonly rows: readonly string[]
  /** Whether more companies meet the filter. */
  readonly hasMore: boolean
  /** What cannot be answered now, in words. */
  readonly missing: readonly string[]
}

export interface ReferenceQuery<E> {
  readonly newest: (filter: ReferenceFilter, rowsMax: number) => Effect.Effect<ReferencePage, E>
}

export const makeReferenceQuery = <PlanError, EngineError>(ports: {
  readonly planner: ScanPlanner<PlanError>
  readonly engine: QueryEngine<EngineError>
  /** Of the record's schema, in the order of the answer. */
  readonly fields: readonly RecordField[]
}): ReferenceQuery<PlanError | EngineError> => ({
  newest: (filter, rowsMax) => {
    const { exchange } = filter
    return Effect.acquireUseRelease(
      // Not by ticker (2).
      ports.planner.acquire(exchange === undefined ? {} : { exchange }),
      (lease) => {
        const { snapshotId, files, read, beyond } = lease
        const all = leaseRows(lease)
        return all === undefined
          ? Effect.succeed({ snapshotId, rows: [], hasMore: false, missing: beyond.missing })
          : read(
              files,
              ports.engine.run({
                sql: newestSql({ ...ports, source: all.sql }, filter, rowsMax + 1),
                parameters: { ...all.parameters, ...parametersOf(filter) }
              })
            ).pipe(
              Effect.map((rows) => ({
                snapshotId,
                rows: rows.slice(0, rowsMax).map(([json]) => String(json)),
                hasMore: rows.length > rowsMax,
                missing: beyond.missing
              }))
            )
      },
      (lease) => Effect.sync(() => lease.release()) // (1)
    )
  }
})

const newestSql = (
  { fields, source }: { readonly fields: readonly RecordField[]; readonly source: string },
  { companyId, ticker, exchange }: ReferenceFilter,
  rowsMax: number
): string => {
  const conditions = [
    ...(companyId === undefined ? [] : ['"company_id" = $company']),
    ...(exchange === undefined ? [] : ['"exchange" = $exchange'])
  ]
  return `SELECT ${recordJsonSql(fields)}
   FROM (
     SELECT * FROM ${source}
     ${conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`}
     QUALIFY row_number() OVER (
       PARTITION BY "exchange", "company_id" ORDER BY "ingestion_timestamp" DESC, "k2_offset" DESC
     ) = 1
   )
   ${ticker === undefined ? '' : 'WHERE "symbol" = $ticker'}
   ORDER BY "exchange", "company_id" LIMIT ${rowsMax}`
}

const parametersOf = ({
  companyId,
  ticker,
  exchange
}: ReferenceFilter): Readonly<Record<string, Parameter>> => ({
  ...(companyId === undefined ? {} : { company: { type: 'text', value: companyId } }),
  ...(ticker === undefined ? {} : { ticker: { type: 'text', value: ticker } }),
  ...(exchange === undefined ? {} : { exchange: { type: 'text', value: exchange } })
})
