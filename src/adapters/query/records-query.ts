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
import { isSimple } from './hot-file.ts'
import type { HotFiles } from './hot-files.ts'
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
import { fieldsNamed, type RecordField, type RecordText, recordTextSql } from './record-json.ts'
import { newestRows, type RowsWanted } from './record-rows.ts'
import { recordTextOf } from './record-text.ts'
import { timeTextSql, writeRecords } from './records-file.ts'
import type { RecordsFilter } from './records-sql.ts'

export interface RecordsRequest {
  readonly filter: RecordsFilter
  readonly rowsMax: number
  readonly text: RecordText
  /** Names, in the order of the answer; default: all. */
  readonly fields?: readonly string[] | undefined
  /** Rows left out before the first; default: none. */
  readonly offset?: number | undefined
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
  /** The same as a Parquet file at `path`, where there is anything to be read. */
  readonly file: (
    request: Omit<RecordsRequest, 'text'>,
    path: string
  ) => Effect.Effect<RecordsFilePage, E | ReadFault>
}

interface RecordsFilePage extends Omit<RecordsPage, 'rows'> {
  readonly rowCount: number
}

interface Ports<PlanError, EngineError> {
  readonly planner: RecordsPlanner<PlanError>
  readonly engine: QueryEngine<EngineError>
  /** Files that are kept in memory; absent: none. */
  readonly hotFiles?: HotFiles<PlanError> | undefined
  /** Of the record's schema, in the order of the answer. */
  readonly fields: readonly RecordField[]
  /** For FROM: the table without rows. */
  readonly noRows: string
  readonly tokens: TokenCodec
}

export const makeRecordsQuery = <PlanError, EngineError>(
  ports: Ports<PlanError, EngineError>
): RecordsQuery<PlanError | EngineError> => {
  const working = { ...ports, densities: makeDensities() }
  const planned = <A, E>(
    request: Omit<RecordsRequest, 'text'>,
    tailAs: 'sql' | 'rows',
    use: (planned: Planned<PlanError>) => Effect.Effect<A, E>
  ) =>
    Effect.flatMap(resumed(ports.tokens, request), (from) =>
      leased(acquire(ports.planner, request, { at: from.at, tailAs }), (lease, planMs) =>
        Effect.flatMap(skip(working, lease, { ...request, after: from.after }), (skipped) =>
          use({ lease, planMs, from: { ...from, after: skipped.after }, isOver: skipped.isOver })
        )
      )
    )
  return {
    newest: (request) =>
      planned(request, isSimple(request.filter) ? 'rows' : 'sql', (it) => {
        const fields = fieldsNamed(ports.fields, request.fields)
        return pageOf(working, request, {
          ...it,
          select: recordTextSql(fields, request.text),
          textOf: recordTextOf(fields, request.text)
        })
      }),
    file: (request, path) =>
      planned(request, 'sql', (it) =>
        Effect.gen(function* () {
          const { rows, ...page } = yield* pageOf(working, request, { ...it, select: timeTextSql })
          if (!page.isKnown)
            yield* writeRecords<PlanError, EngineError>(ports.engine, it.lease, {
              ...request,
              after: it.from.after,
              names: fieldsNamed(ports.fields, request.fields).map(({ name }) => name),
              times: rows,
              noRows: ports.noRows,
              path
            })
          return { ...page, rowCount: rows.length }
        })
      )
  }
}

const acquire = <E>(
  planner: RecordsPlanner<E>,
  { filter: { symbols, exchanges, fromUs, toUs } }: Pick<RecordsRequest, 'filter'>,
  { at, tailAs }: { readonly at: ReadAt | undefined; readonly tailAs: 'sql' | 'rows' }
) => {
  // What the planner can use; the rest is for the rows.
  const conditions: ScanConditions = {
    ...(symbols === undefined ? {} : { symbols }),
    ...(exchanges === undefined ? {} : { exchanges }),
    ...(fromUs === undefined ? {} : { fromUs }),
    ...(toUs === undefined ? {} : { toUs })
  }
  return planner.acquire(conditions, at, tailAs)
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
  /** There is nothing behind the rows that were left out. */
  readonly isOver: boolean
}

/** What each row is to have, as text. */
type Selected = Pick<RowsWanted, 'select' | 'textOf'>

type Working<PlanError, EngineError> = Ports<PlanError, EngineError> & {
  readonly densities: Densities
}

const pageOf = Effect.fnUntraced(function* <PlanError, EngineError>(
  ports: Working<PlanError, EngineError>,
  request: Omit<RecordsRequest, 'text'>,
  { lease, planMs, from, isOver, select, textOf }: Planned<PlanError> & Selected
) {
  const startedMs = performance.now()
  const { after, choice, query } = from
  const { rowsMax, filter } = request
  const point = yield* lease.point()
  const readToken = (point && ports.tokens.token({ point, choice })) ?? null
  const isKnown = readToken !== null && request.isKnown?.(readToken) === true
  // One row more than asked for tells whether there are more.
  const wanted = { filter, after, select, textOf, rowsMax: rowsMax + 1 }
  const { rows, filesRead } =
    isKnown || isOver
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

type Skipping = Pick<RecordsRequest, 'filter' | 'offset'> & Pick<Resumed, 'after'>

/** Where the rows begin that `offset` leaves; of those before only the places are read. */
const skip = Effect.fnUntraced(function* <PlanError, EngineError>(
  ports: Working<PlanError, EngineError>,
  lease: RecordsLease<PlanError>,
  { filter, offset = 0, after }: Skipping
) {
  if (offset === 0) return { after, isOver: false }
  const textOf = () => () => ''
  const wanted = { filter, after, select: "''", textOf, rowsMax: offset }
  const { rows } = yield* newestRows<PlanError, EngineError>(ports, lease, wanted)
  return { after: positionOf(rows.at(-1)), isOver: rows.length < offset }
})

const nothingRead = { rows: [], filesRead: 0 } as const

const positionOf = (row: RecordRow | undefined): RecordPosition | undefined => {
  if (row === undefined) return undefined
  const { timestampUs, symbol, sourceSequence, messageId } = row
  return { timestampUs, symbol, sourceSequence, messageId }
}
