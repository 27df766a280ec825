/**
 * The newest records of a table that meet a filter, as text: from files and from what the log has
 * beyond them.
 *
 * 1. A query holds one lease from planning to its last row, released however it ends (R28).
 * 2. Filters are bound as parameters, and applied to rows whatever the planner pruned.
 * 3. All rows come through `newestRows`, in its order.
 * 4. A page names the point at which it was read, and the next page begins behind its last row at
 *    that very point: whatever has come, landed or been merged since, no row comes twice or is left
 *    out (R15).
 */
import * as Effect from 'effect/Effect'
import { type Densities, makeDensities } from './densities.ts'
import type { RecordPosition, RecordRow } from './newest-first.ts'
import type {
  PlanFacts,
  QueryEngine,
  ReadAt,
  RecordsLease,
  RecordsPlanner,
  ScanConditions
} from './query-ports.ts'
import { type ReadFrom, type ReadFault, type Resumed, resumed } from './read-from.ts'
import { type TokenCodec } from './read-token.ts'
import { type RecordField, type RecordText, recordTextSql } from './record-json.ts'
import { newestRows } from './record-rows.ts'
import type { RecordsFilter } from './records-sql.ts'

export interface RecordsRequest {
  readonly filter: RecordsFilter
  readonly rowsMax: number
  readonly text: RecordText
  /** Names, in the order of the answer; default: all. */
  readonly fields?: readonly string[] | undefined
  /** Default: the table as it is now. */
  readonly from?: ReadFrom | undefined
  /** Whether the client has the answer of this token: nothing is read then. */
  readonly isKnown?: ((readToken: string) => boolean) | undefined
}

interface RecordsPage {
  /** That the answer names. */
  readonly snapshotId: string | null
  /** One text per record. */
  readonly rows: readonly string[]
  /** Whether more rows meet the filter. */
  readonly hasMore: boolean
  /** What cannot be answered, in words; empty where the answer is whole. */
  readonly missing: readonly string[]
  /** Of the point that was read; null where it has none (`read-token.ts`). */
  readonly readToken: string | null
  /** Of the page behind this one; null where there is none. */
  readonly nextCursor: string | null
  /** Nothing was read, as the client has it (`isKnown`). */
  readonly isKnown: boolean
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
  readonly newest: (request: RecordsRequest) => Effect.Effect<RecordsPage, E | ReadFault>
}

interface Ports<PlanError, EngineError> {
  readonly planner: RecordsPlanner<PlanError>
  readonly engine: QueryEngine<EngineError>
  /** Of the record's schema, in the order of the answer. */
  readonly fields: readonly RecordField[]
  readonly tokens: TokenCodec
}

export const makeRecordsQuery = <PlanError, EngineError>(
  ports: Ports<PlanError, EngineError>
): RecordsQuery<PlanError | EngineError> => {
  const working = { ...ports, densities: makeDensities() }
  return {
    newest: (request) =>
      Effect.flatMap(resumed(ports.tokens, request), (from) =>
        leased(acquire(ports.planner, request, from.at), (lease, planMs) =>
          pageOf(working, request, { lease, planMs, from })
        )
      )
  }
}

const acquire = <E>(
  planner: RecordsPlanner<E>,
  { filter: { symbols, exchanges, fromUs, toUs } }: RecordsRequest,
  at: ReadAt | undefined
) => {
  // What the planner can use; the rest is for the rows.
  const conditions: ScanConditions = {
    ...(symbols === undefined ? {} : { symbols }),
    ...(exchanges === undefined ? {} : { exchanges }),
    ...(fromUs === undefined ? {} : { fromUs }),
    ...(toUs === undefined ? {} : { toUs })
  }
  return planner.acquire(conditions, at)
}

/** (1) */
const leased = <A, E, E2>(
  acquiring: Effect.Effect<RecordsLease<E>, E>,
  use: (lease: RecordsLease<E>, planMs: number) => Effect.Effect<A, E2>
): Effect.Effect<A, E | E2> =>
  Effect.suspend(() => {
    const startedMs = performance.now()
    return Effect.acquireUseRelease(
      acquiring,
      (lease) => use(lease, performance.now() - startedMs),
      (lease) => Effect.sync(() => lease.release())
    )
  })

interface Planned<PlanError> {
  readonly lease: RecordsLease<PlanError>
  readonly planMs: number
  readonly from: Resumed
}

type Working<PlanError, EngineError> = Ports<PlanError, EngineError> & {
  readonly densities: Densities
}

const pageOf = Effect.fnUntraced(function* <PlanError, EngineError>(
  ports: Working<PlanError, EngineError>,
  request: RecordsRequest,
  { lease, planMs, from: { after, choice, query } }: Planned<PlanError>
) {
  const startedMs = performance.now()
  const { rowsMax, filter } = request
  const point = yield* lease.point()
  const readToken = (point && ports.tokens.token({ point, choice })) ?? null
  const isKnown = readToken !== null && request.isKnown?.(readToken) === true
  const select = recordTextSql(fieldsOf(ports.fields, request.fields), request.text)
  // One row more than asked for tells whether there are more.
  const wanted = { filter, after, select, rowsMax: rowsMax + 1 }
  const { rows, filesRead } = isKnown
    ? nothingRead
    : yield* newestRows<PlanError, EngineError>(ports, lease, wanted)
  const page = rows.slice(0, rowsMax)
  const last = rows.length > rowsMax ? positionOf(page.at(-1)) : undefined
  const cursor = point && last && ports.tokens.cursor({ point, choice, query, after: last })
  return {
    snapshotId: point === undefined ? lease.snapshotId : point.snapshotId,
    rows: page.map(({ text }) => text),
    hasMore: rows.length > rowsMax,
    missing: lease.beyond.missing,
    readToken,
    nextCursor: cursor ?? null,
    isKnown,
    explain: { ...lease.facts, filesRead, planMs, readMs: performance.now() - startedMs }
  } satisfies RecordsPage
})

const nothingRead = { rows: [], filesRead: 0 } as const

const fieldsOf = (
  fields: readonly RecordField[],
  names: readonly string[] | undefined
): readonly RecordField[] =>
  names === undefined
    ? fields
    : names.flatMap((name) => fields.find((field) => field.name === name) ?? [])

const positionOf = (row: RecordRow | undefined): RecordPosition | undefined => {
  if (row === undefined) return undefined
  const { timestampUs, symbol, sourceSequence, messageId } = row
  return { timestampUs, symbol, sourceSequence, messageId }
}
