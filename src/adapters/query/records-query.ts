/**
 * The newest records of a table that meet a filter, from the files of one pinned snapshot.
 *
 * 1. A query holds one lease from planning to its last row, released however it ends (R28).
 * 2. Filters are bound as parameters, and applied to rows whatever the planner pruned.
 * 3. Rows come in the order of `compareRecords`, which is total: the same snapshot and filter give
 *    the same bytes (R15), and the rows behind a position are exactly those not yet given.
 * 4. All rows come through `newestOf`: what else than files is to be read is merged there.
 */
import * as Effect from 'effect/Effect'
import { type Densities, makeDensities } from './densities.ts'
import { newestFirst, type RecordPosition, type RecordRow, type Wanted } from './newest-first.ts'
import type {
  Cell,
  PlanFacts,
  QueryEngine,
  RecordsLease,
  RecordsPlanner,
  ScanConditions
} from './query-ports.ts'
import type { RecordField, RecordText } from './record-json.ts'
import { type RecordsFilter, recordsStatement } from './records-sql.ts'

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
    const { rowsMax } = request
    return newestOf(ports, request, lease).pipe(
      Effect.map(({ rows, filesRead }) => {
        const page = rows.slice(0, rowsMax)
        return {
          snapshotId: lease.snapshotId,
          rows: page.map(({ text }) => text),
          hasMore: rows.length > rowsMax,
          last: positionOf(page.at(-1)),
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

/** (4) One row more than asked for tells whether there are more. */
const newestOf = <PlanError, EngineError>(
  { engine, fields, densities }: Working<PlanError, EngineError>,
  { filter, rowsMax, text, after, fields: names }: RecordsRequest,
  lease: RecordsLease<PlanError>
) => {
  const files =
    after === undefined
      ? lease.files
      : lease.files.filter(({ timestampLowerUs }) => timestampLowerUs <= after.timestampUs)
  const want = wanted(filter, rowsMax + 1, after, densities)
  return newestFirst(files, want, (group, floorUs) => {
    const fromUs = Math.max(filter.fromUs ?? -Infinity, floorUs ?? -Infinity)
    const { sql, parameters } = recordsStatement({
      source: lease.source,
      fields: names === undefined ? fields : chosen(fields, names),
      text,
      filter: fromUs === -Infinity ? filter : { ...filter, fromUs },
      after,
      rowsMax: rowsMax + 1
    })
    const paths = group.map(({ path }) => path)
    const read = engine.run({
      sql,
      parameters: { ...parameters, files: { type: 'texts', value: paths } }
    })
    return Effect.map(lease.read(group, read), (found) => found.map(recordRow))
  }).pipe(
    Effect.tap(({ rowsPerMatch }) =>
      Effect.sync(() => {
        if (want.isDense === true && rowsPerMatch !== undefined)
          densities.learn(filter.symbols, rowsPerMatch)
      })
    )
  )
}

const chosen = (
  fields: readonly RecordField[],
  names: readonly string[]
): readonly RecordField[] =>
  names.flatMap((name) => fields.find((field) => field.name === name) ?? [])

const wanted = (
  { symbols, exchanges, toUs = Infinity, ...others }: RecordsFilter,
  rowsMax: number,
  after: RecordPosition | undefined,
  densities: Densities
): Wanted => ({
  rowsMax,
  rowsPerMatch: densities.of(symbols),
  newestUs: Math.min(toUs, after?.timestampUs ?? Infinity),
  isDense: exchanges === undefined && Object.keys(others).every((name) => name === 'fromUs')
})

const positionOf = (row: RecordRow | undefined): RecordPosition | null => {
  if (row === undefined) return null
  const { timestampUs, symbol, sourceSequence, messageId } = row
  return { timestampUs, symbol, sourceSequence, messageId }
}

const recordRow = ([
  timestampUs,
  symbol,
  sourceSequence,
  messageId,
  text
]: readonly Cell[]): RecordRow => ({
  timestampUs: Number(timestampUs),
  symbol: String(symbol),
  sourceSequence: sourceSequence === null ? null : Number(sourceSequence),
  messageId: String(messageId),
  text: String(text)
})
