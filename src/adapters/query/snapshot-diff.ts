/**
 * Rows that one snapshot of a table has and another one has not.
 *
 * 1. A row is told by its place in the log and its id, not by its file: what maintenance wrote anew
 *    is in both snapshots, and in no answer.
 * 2. Only files that one of the two has alone are read.
 */
import * as Effect from 'effect/Effect'
import { recordTextSql, type RecordField, type RecordText } from './record-json.ts'
import { filterConditions, type RecordsFilter, recordsStatement } from './records-sql.ts'
import type {
  Cell,
  Parameter,
  QueryEngine,
  RecordsLease,
  RecordsPlanner,
  ScanFile
} from './query-ports.ts'

export interface DiffRequest {
  /** Decimal text. */
  readonly snapshotId: string
  /** That it is held against; null: nothing, so that all rows are new. */
  readonly baseId: string | null
  readonly filter: Pick<RecordsFilter, 'symbols' | 'exchanges'>
  readonly rowsMax: number
  readonly text: RecordText
}

export interface DiffAnswer {
  /** Of those that only `snapshotId` has, newest first. */
  readonly rows: readonly string[]
  readonly hasMore: boolean
  readonly added: number
  /** Rows that only the base has. */
  readonly removed: number
}

export interface DiffQuery<E> {
  readonly between: (request: DiffRequest) => Effect.Effect<DiffAnswer, E>
}

interface Ports<PlanError, EngineError> {
  readonly planner: RecordsPlanner<PlanError>
  readonly engine: QueryEngine<EngineError>
  readonly fields: readonly RecordField[]
}

export const makeDiffQuery = <PlanError, EngineError>({
  planner,
  engine,
  fields
}: Ports<PlanError, EngineError>): DiffQuery<PlanError | EngineError> => {
  const leased = <A, E>(
    snapshotId: string,
    { filter }: DiffRequest,
    use: (lease: RecordsLease<PlanError>) => Effect.Effect<A, E>
  ) =>
    Effect.acquireUseRelease(planner.acquire(filter, { kind: 'snapshot', snapshotId }), use, (it) =>
      Effect.sync(() => it.release())
    )
  return {
    between: (request) => {
      const { snapshotId, baseId } = request
      return leased(snapshotId, request, (lease) =>
        baseId === null
          ? answerOf({ engine, fields }, sidesOf(lease, undefined), request)
          : leased(baseId, request, (base) =>
              answerOf({ engine, fields }, sidesOf(lease, base), request)
            )
      )
    }
  }
}

const answerOf = Effect.fnUntraced(function* <PlanError, EngineError>(
  { engine, fields }: Pick<Ports<PlanError, EngineError>, 'engine' | 'fields'>,
  sides: Sides<PlanError>,
  request: DiffRequest
) {
  const counts = yield* countsOf(engine, sides, request)
  if (request.rowsMax === 0 || counts.added === 0)
    return { rows: [], hasMore: counts.added > 0, ...counts }
  const { filter, rowsMax, text } = request
  const { sql, parameters } = recordsStatement({
    source: onlyHereSql(sides),
    select: recordTextSql(fields, text),
    filter,
    rowsMax,
    after: undefined,
    within: undefined
  })
  const found = yield* run(engine, sides, { sql, parameters })
  const rows = found.map((row) => String(row.at(-1)))
  return { rows, hasMore: counts.added > rows.length, ...counts }
})

const sidesOf = <E>(lease: RecordsLease<E>, base: RecordsLease<E> | undefined): Sides<E> => ({
  here: { lease, files: without(lease.files, base?.files ?? []) },
  there: { lease: base ?? lease, files: without(base?.files ?? [], lease.files) }
})

interface Side<E> {
  readonly lease: RecordsLease<E>
  /** That the other has not (2). */
  readonly files: readonly ScanFile[]
}

interface Sides<E> {
  readonly here: Side<E>
  readonly there: Side<E>
}

const without = (
  files: readonly ScanFile[],
  others: readonly ScanFile[]
): readonly ScanFile[] => {
  const paths = new Set(others.map(({ path }) => path))
  return files.filter(({ path }) => !paths.has(path))
}

/** Rows of `here` that `there` has not; for FROM, where `here` has files. */
const onlyHereSql = <E>({ here, there }: Sides<E>): string => {
  if (there.files.length === 0) return here.lease.source
  return `(SELECT here.* FROM ${here.lease.source} AS here ANTI JOIN
     (SELECT "k2_partition", "k2_offset", "message_id"
        FROM ${there.lease.source.replaceAll('$files', '$others')}) AS there
     ON here."k2_partition" IS NOT DISTINCT FROM there."k2_partition"
       AND here."k2_offset" IS NOT DISTINCT FROM there."k2_offset"
       AND here."message_id" = there."message_id")`
}

const countsOf = Effect.fnUntraced(function* <PlanError, EngineError>(
  engine: QueryEngine<EngineError>,
  sides: Sides<PlanError>,
  { filter }: DiffRequest
) {
  const countOf = Effect.fnUntraced(function* (some: Sides<PlanError>) {
    if (some.here.files.length === 0) return 0
    const { conditions, parameters } = filterConditions(filter)
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
    const sql = `SELECT count(*) FROM ${onlyHereSql(some)} ${where}`
    const [[count] = []] = yield* run(engine, some, { sql, parameters })
    return Number(count)
  })
  const added = yield* countOf(sides)
  const removed = yield* countOf({ here: sides.there, there: sides.here })
  return { added, removed }
})

interface Statement {
  readonly sql: string
  readonly parameters: Readonly<Record<string, Parameter>>
}

const run = <PlanError, EngineError>(
  engine: QueryEngine<EngineError>,
  { here, there }: Sides<PlanError>,
  { sql, parameters }: Statement
): Effect.Effect<ReadonlyArray<readonly Cell[]>, PlanError | EngineError> => {
  const paths = (files: readonly ScanFile[]): Parameter => ({
    type: 'texts',
    value: files.map(({ path }) => path)
  })
  const found = engine.run({
    sql,
    parameters: {
      ...parameters,
      files: paths(here.files),
      ...(there.files.length === 0 ? {} : { others: paths(there.files) })
    }
  })
  return here.lease.read(here.files, there.lease.read(there.files, found))
}
