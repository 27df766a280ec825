/**
 * The newest records of a table that meet a filter, as text: from the files of one pinned snapshot
 * and from what the log has beyond it.
 *
 * 1. A query holds one lease from planning to its last row, released however it ends (R28).
 * 2. Filters are bound as parameters, and applied to rows whatever the planner pruned.
 * 3. All rows come through `newestRows`, in its order.
 */
import * as Effect from 'effect/Effect'
import { type Densities, makeDensities } from './densities.ts'
import type { RecordPosition, RecordRow } from './newest-first.ts'
import type {
  PlanFacts,
  QueryEngine,
  RecordsLease,
  RecordsPlanner,
  ScanConditions
} from './query-ports.ts'
import { type RecordField, type RecordText, recordTextSql } from './record-json.ts'
import { newestRows } from './record-rows.ts'
import type { RecordsFilter } from './records-sql.ts'

export interface RecordsRequest {
  readonly filter: RecordsFilter
  readonly rowsMax: number
  readonly text: RecordText
  /** Names, in the order of the answer; default: all. */
  readonly fields?: readonly string[]
  /** Rows behind this one only. */
  readonly after?: RecordPosition
}

interface RecordsPage {
  readonly snapshotId: string | null
  /** One text per record. */
  readonly rows: readonly string[]
  /** Whether more rows meet the filter. */
  readonly hasMore: boolean
  /** Of the last row; null without rows. */
  readonly last: RecordPosition | null
  /** What cannot be answered now, in words; empty where the answer is whole. */
  readonly missing: readonly string[]
  readonly explain: ReadFacts
}

/** What the answer cost. */
interface ReadFacts extends PlanFacts {
  readonly filesRead: number
  readonly planMs: number
  readonly readMs: number
}

export interface RecordsQuery<E> {
  /** At most `rowsMax` newest records. */
  readonly newest: (request: RecordsRequest) => Effect.Effect<RecordsPage, E>
}

interface Ports<PlanError, EngineError> {
  readonly planner: RecordsPlanner<PlanError>
  readonly engine: QueryEngine<EngineError>
  /** Of the record's schema, in the order of the answer. */
  readonly fields: readonly RecordField[]
}

export const makeRecordsQuery = <PlanError, EngineError>(
  ports: Ports<PlanError, EngineError>
): RecordsQuery<PlanError | EngineError> => {
  const working = { ...ports, densities: makeDensities() }
  return {
    newest: (request) =>
      leased(ports.planner.acquire(conditionsOf(request.filter)), (lease, planMs) =>
        pageOf(working, request, { lease, planMs })
      )
  }
}

/** What the planner can use; the rest is for the rows. */
const conditionsOf = ({ symbols, exchanges, fromUs, toUs }: RecordsFilter): ScanConditions => ({
  ...(symbols === undefined ? {} : { symbols }),
  ...(exchanges === undefined ? {} : { exchanges }),
  ...(fromUs === undefined ? {} : { fromUs }),
  ...(toUs === undefined ? {} : { toUs })
})

/** (1) */
const leased = <A, E, E2>(
  acquire: Effect.Effect<RecordsLease<E>, E>,
  use: (lease: RecordsLease<E>, planMs: number) => Effect.Effect<A, E2>
): Effect.Effect<A, E | E2> =>
  Effect.suspend(() => {
    const startedMs = performance.now()
    return Effect.acquireUseRelease(
      acquire,
      (lease) => use(lease, performance.now() - startedMs),
      (lease) => Effect.sync(() => lease.release())
    )
  })

interface Planned<PlanError> {
  readonly lease: RecordsLease<PlanError>
  readonly planMs: number
}

type Working<PlanError, EngineError> = Ports<PlanError, EngineError> & {
  readonly densities: Densities
}

const pageOf = <PlanError, EngineError>(
  ports: Working<PlanError, EngineError>,
  request: RecordsRequest,
  { lease, planMs }: Planned<PlanError>
): Effect.Effect<RecordsPage, PlanError | EngineError> =>
  Effect.suspend(() => {
    const startedMs = performance.now()
    const { filter, rowsMax, after } = request
    const select = recordTextSql(fieldsOf(ports.fields, request.fields), request.text)
    // One row more than asked for tells whether there are more.
    const wanted = { filter, after, select, rowsMax: rowsMax + 1 }
    return newestRows<PlanError, EngineError>(ports, lease, wanted).pipe(
      Effect.map(({ rows, filesRead }) => {
        const page = rows.slice(0, rowsMax)
        return {
          snapshotId: lease.snapshotId,
          rows: page.map(({ text }) => text),
          hasMore: rows.length > rowsMax,
          last: positionOf(page.at(-1)),
          missing: lease.beyond.missing,
          explain: {
            ...lease.facts,
            filesRead,
            planMs,
            readMs: performance.now() - startedMs
          }
        }
      })
    )
  })

const fieldsOf = (
  fields: readonly RecordField[],
  names: readonly string[] | undefined
): readonly RecordField[] =>
  names === undefined
    ? fields
    : names.flatMap((name) => fields.find((field) => field.name === name) ?? [])

const positionOf = (row: RecordRow | undefined): RecordPosition | null => {
  if (row === undefined) return null
  const { timestampUs, symbol, sourceSequence, messageId } = row
  return { timestampUs, symbol, sourceSequence, messageId }
}
