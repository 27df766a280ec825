/**
 * The newest rows of a lease, in order and limited: what every format of records is made of.
 *
 * 1. Rows come in the order of `compareRecords`, which is total: the same lease and filter give the
 *    same rows (R15), and the rows behind a position are exactly those not yet given.
 * 2. Files and tail are merged here, and nowhere else; the lease stays the caller's.
 * 3. Files and tails that are in memory are read there, where the filter is one that can be.
 */
import * as Effect from 'effect/Effect'
import { addCost } from '../telemetry/query-cost.ts'
import type { Densities } from './densities.ts'
import { type HotFile, isSimple } from './hot-file.ts'
import type { HotFiles } from './hot-files.ts'
import {
  merge,
  newestFirst,
  type RecordPosition,
  type RecordRow,
  type Wanted
} from './newest-first.ts'
import type { Cell, Parameter, QueryEngine, RecordsLease, ScanFile } from './query-ports.ts'
import { pointCondition } from './read-point.ts'
import type { TextOfRows } from './record-text.ts'
import { type RecordsFilter, recordsStatement } from './records-sql.ts'
import { newestInMemory } from './tail-rows.ts'

export interface RowsWanted {
  readonly filter: RecordsFilter
  readonly rowsMax: number
  /** Rows behind this one only. */
  readonly after?: RecordPosition | undefined
  /** SQL expression over the table's columns: what each row is to have, as text. */
  readonly select: string
  /** The same of rows in memory; absent where no tail is read there. */
  readonly textOf?: TextOfRows | undefined
}

interface RowsPorts<PlanError, EngineError> {
  readonly engine: QueryEngine<EngineError>
  readonly hotFiles?: HotFiles<PlanError> | undefined
  readonly densities: Densities
}

interface FoundRows {
  readonly rows: readonly RecordRow[]
  readonly filesRead: number
}

export const newestRows = <PlanError, EngineError>(
  { engine, densities, hotFiles }: RowsPorts<PlanError, EngineError>,
  lease: Pick<RecordsLease<PlanError>, 'files' | 'source' | 'read' | 'beyond' | 'within'>,
  { filter, rowsMax, after, select, textOf }: RowsWanted
): Effect.Effect<FoundRows, PlanError | EngineError> => {
  const { tail } = lease.beyond
  const within = lease.within && pointCondition(lease.within)
  const want = wanted(filter, rowsMax, after, densities)
  const rowsOf = (
    source: string,
    given: Readonly<Record<string, Parameter>>,
    floorUs: number | undefined
  ) => {
    const { sql, parameters } = recordsStatement({
      source,
      select,
      filter: since(filter, floorUs),
      after,
      within,
      rowsMax
    })
    const found = engine.run({ sql, parameters: { ...parameters, ...given } })
    return Effect.map(found, (rows) => rows.map(recordRow))
  }
  // (3)
  const isHot = within === undefined && isSimple(filter)
  const find = (file: ScanFile) => (isHot ? hotFiles?.find(file, lease, select) : undefined)
  return newestFirst<PlanError | EngineError>(
    {
      files: lease.files.filter(mayBeBehind(after)),
      read: (group, floorUs) => {
        const asked = { filter: since(filter, floorUs), after, rowsMax }
        const { hot, cold } = inMemory(group, asked, find)
        const counted = addCost({ filesInMemory: group.length - cold.length })
        if (cold.length === 0) return Effect.as(counted, hot)
        const files: Parameter = { type: 'texts', value: cold.map(({ path }) => path) }
        const reading = lease.read(cold, rowsOf(lease.source, { files }, floorUs))
        return Effect.map(Effect.andThen(counted, reading), (rows) => merge(hot, rows, rowsMax))
      },
      tail: tail && {
        ...tail,
        recordCount: tail.rowsMax,
        isInMemory: tail.rows !== undefined,
        read: (floorUs) => {
          if (tail.rows !== undefined && textOf !== undefined) {
            const { rows } = tail
            const asked = { filter: since(filter, floorUs), after, rowsMax, textOf }
            return Effect.sync(() => newestInMemory(rows, { ...asked, within: lease.within }))
          }
          const part = floorUs === undefined ? tail : tail.since(floorUs)
          return part === undefined
            ? Effect.succeed([])
            : rowsOf(`(${part.sql})`, part.parameters, floorUs)
        }
      }
    },
    want
  ).pipe(
    Effect.tap(({ rowsPerMatch }) =>
      Effect.sync(() => {
        if (want.isDense === true && rowsPerMatch !== undefined)
          densities.learn(filter.symbols, rowsPerMatch)
      })
    )
  )
}

const since = (filter: RecordsFilter, floorUs = -Infinity): RecordsFilter => {
  const fromUs = Math.max(filter.fromUs ?? -Infinity, floorUs)
  return fromUs === -Infinity ? filter : { ...filter, fromUs }
}

/** The rows of files that are in memory, and the files that are not. */
const inMemory = (
  group: readonly ScanFile[],
  asked: Parameters<HotFile['newest']>[0],
  find: (file: ScanFile) => HotFile | undefined
) => {
  const cold: ScanFile[] = []
  let hot: readonly RecordRow[] = []
  for (const file of group) {
    const rows = find(file)?.newest(asked)
    if (rows === undefined) cold.push(file)
    else hot = merge(hot, rows, asked.rowsMax)
  }
  return { hot, cold }
}

export const mayBeBehind =
  (after: RecordPosition | undefined) =>
  ({ timestampLowerUs }: ScanFile): boolean =>
    after === undefined || timestampLowerUs <= after.timestampUs

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
