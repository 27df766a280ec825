/**
 * Rows that the log has beyond the files of a table, in memory of the query engine, so that one
 * statement reads both (R6, R45).
 *
 * 1. Rows lie in segments, each an in-memory table. A segment is dropped as a whole, once all of it
 *    is in files, and no hold that began before is left (R28).
 * 2. A hold sees what had been appended when it began, however much is appended meanwhile: every
 *    row has the number of its append, every append is one transaction.
 * 3. A row is part of the log from the record on that decided it: for a record that was held back
 *    that is a later one, so its own offset may be below that of files which do not have it.
 * 4. Appending what is there already changes nothing: whoever begins anew may repeat itself.
 * 5. A hold's watermarks and what is held back below them are of the same moment.
 */
import type { DuckDBConnection } from '@duckdb/node-api'
import * as Effect from 'effect/Effect'
import { type Column, identifier, tableColumnsSql, textLiteral } from './columns.ts'
import { IntegerBuffer } from './number-buffers.ts'
import type { QueryParameter, QueryPool, QueryFailed } from './query-pool.ts'
import type { RecordColumns } from './record-columns.ts'
import { stage, stagingOf } from './staging-table.ts'

/** By `k2_partition`: the first offset that is not there. */
export type Watermarks = ReadonlyMap<string, number>

/** By `k2_partition`: offsets below the watermark whose records are held back (R7). */
type Undecided = ReadonlyMap<string, readonly number[]>

interface TailPart {
  readonly sql: string
  readonly parameters: Readonly<Record<string, QueryParameter>>
  readonly rowsMax: number
  /** Bounds of their exchange time, microseconds, both inclusive. */
  readonly timestampLowerUs: number
  readonly timestampUpperUs: number
  /** What may have rows that are not older; undefined where there can be none. */
  readonly since: (fromUs: number) => TailPart | undefined
}

/** What the store holds at one moment (2). */
interface TailHold {
  readonly watermarks: Watermarks
  /** As of these watermarks. */
  readonly undecided: Undecided
  /** Rows at or beyond `floors`, within a time range; undefined where there can be none. */
  readonly partFrom: (floors: Watermarks, range: TimeRange) => TailPart | undefined
  readonly release: () => void
}

interface TimeRange {
  /** Microseconds, inclusive. */
  readonly fromUs?: number | undefined
  /** Microseconds, exclusive. */
  readonly toUs?: number | undefined
}

interface TailAppend {
  readonly rows: RecordColumns
  /** Offset of the record that decided a row (3). */
  readonly decidedAt: (row: number) => number
  /** Of the partitions that the rows are of, the last deciding offset. */
  readonly last: Watermarks
  /** How far the store is once this is appended. */
  readonly watermarks: Watermarks
  /** As of these watermarks. */
  readonly undecided: Undecided
}

export interface TailStore {
  readonly append: (append: TailAppend) => Effect.Effect<void, QueryFailed>
  /** Drops what is in files, which are at `floors` (1). */
  readonly trim: (floors: Watermarks) => Effect.Effect<void, QueryFailed>
  /** Drops everything; holds keep what they see. */
  readonly clear: Effect.Effect<void, QueryFailed>
  readonly hold: () => TailHold
  readonly rowCount: () => number
}

interface Segment {
  readonly table: string
  rowCount: number
  fromUs: number
  toUs: number
  /** By `k2_partition`, the last deciding offset. */
  readonly last: Map<string, number>
  holds: number
  isRetired: boolean
}

export const makeTailStore = (
  { write }: Pick<QueryPool, 'write'>,
  { name, columns }: { readonly name: string; readonly columns: readonly Column[] }
): TailStore => {
  const state: State = {
    name,
    columns,
    segments: [],
    partitions: [],
    watermarks: new Map(),
    undecided: new Map(),
    appends: 0,
    made: 0
  }
  /** Retired, and held by nobody any more. */
  const dropped: Segment[] = []
  const dropRetired = Effect.suspend(() => {
    const tables = dropped.splice(0).map(({ table }) => table)
    return tables.length === 0
      ? Effect.void
      : Effect.asVoid(
          write((connection) =>
            connection.run(tables.map((table) => `DROP TABLE ${table};`).join(' '))
          )
        )
  })
  const retire = (isOver: (segment: Segment) => boolean) => {
    const over = state.segments.filter(isOver)
    state.segments = state.segments.filter((segment) => !over.includes(segment))
    for (const segment of over) {
      segment.isRetired = true
      if (segment.holds === 0) dropped.push(segment)
    }
    return dropRetired
  }
  return {
    append: (request) => append(state, write, request),
    trim: (floors) => {
      // What comes next is in the next segment, so that this one ends.
      const { current } = state
      if (current !== undefined && isBelow(current.last, floors, 'some')) state.current = undefined
      return retire(({ last }) => isBelow(last, floors, 'every'))
    },
    clear: Effect.suspend(() => {
      state.current = undefined
      state.watermarks = new Map()
      state.undecided = new Map()
      return retire(() => true)
    }),
    hold: () => holdOf(state, (segment) => dropped.push(segment)),
    rowCount: () => state.segments.reduce((sum, { rowCount }) => sum + rowCount, 0)
  }
}

interface State {
  readonly name: string
  readonly columns: readonly Column[]
  segments: readonly Segment[]
  /** The one that is appended to. */
  current?: Segment | undefined
  /** Names by number: a number is compared faster than a name. */
  readonly partitions: string[]
  watermarks: Watermarks
  undecided: Undecided
  appends: number
  made: number
}

const isBelow = (
  last: ReadonlyMap<string, number>,
  floors: Watermarks,
  how: 'some' | 'every'
): boolean =>
  [...last][how](([partition, offset]) => offset < (floors.get(partition) ?? 0))

const append = (
  state: State,
  write: QueryPool['write'],
  request: TailAppend
): Effect.Effect<void, QueryFailed> =>
  Effect.suspend(() => {
    const { rows, decidedAt, last } = request
    if (rows.length === 0) {
      advance(state, request)
      return Effect.void
    }
    for (const partition of last.keys()) {
      if (!state.partitions.includes(partition)) state.partitions.push(partition)
    }
    const number = state.appends + 1
    if ((state.current?.rowCount ?? 0) >= segmentRowsMax) state.current = undefined
    const segment = (state.current ??= segmentOf(state))
    const batch = stagingOf({
      buffers: [...rows.buffers, decidedBuffer(rows, decidedAt)],
      length: rows.length,
      sequenceAt: (row) => rows.sequenceAt(row)
    })
    const order = Int32Array.from({ length: rows.length }, (_, row) => row)
    return write(async (connection) => {
      if (!state.segments.includes(segment)) await connection.run(createSql(state, segment))
      await stage(connection, batch, order)
      await insert(connection, insertSql(state, segment, number), batch)
    }).pipe(
      Effect.map(() => {
        state.appends = number
        advance(state, request)
        if (!segment.isRetired && !state.segments.includes(segment)) {
          state.segments = [...state.segments, segment]
        }
        note(segment, rows, last)
      })
    )
  })

/** What is undecided belongs to the watermark: both move together, or neither does. */
const advance = (state: State, { watermarks, undecided }: TailAppend): void => {
  const known = state.watermarks
  const held = new Map(state.undecided)
  for (const [partition, offset] of watermarks) {
    if (offset < (known.get(partition) ?? 0)) continue
    held.delete(partition)
    const offsets = undecided.get(partition)
    if (offsets !== undefined) held.set(partition, offsets)
  }
  state.watermarks = further(known, watermarks)
  state.undecided = held
}

const segmentRowsMax = 32_768

const segmentOf = (state: State): Segment => ({
  table: identifier(`tail_${state.name}_${++state.made}`),
  rowCount: 0,
  fromUs: Infinity,
  toUs: -Infinity,
  last: new Map(),
  holds: 0,
  isRetired: false
})

const decidedColumn: Column = { name: 'tail_decided', kind: 'long', isNullable: false }

const decidedBuffer = (rows: RecordColumns, decidedAt: TailAppend['decidedAt']): IntegerBuffer => {
  const buffer = new IntegerBuffer(decidedColumn)
  for (let row = 0; row < rows.length; row++) buffer.setNumber(row, decidedAt(row))
  return buffer
}

/** An append that failed half way may have left the table behind. */
const createSql = ({ columns }: State, { table }: Segment): string =>
  `CREATE TABLE IF NOT EXISTS ${table} (${tableColumnsSql([...columns, decidedColumn])},
     tail_part SMALLINT, tail_append INTEGER)`

const namesOf = (columns: readonly Column[]): string =>
  columns.map(({ name }) => identifier(name)).join(', ')

/** (4) */
const insertSql =
  ({ columns, partitions, watermarks }: State, { table }: Segment, number: number) =>
  (selectSql: string): string => {
    const known = partitions.map((partition) => watermarks.get(partition) ?? 0).join(', ')
    return `INSERT INTO ${table}
      SELECT ${namesOf([...columns, decidedColumn])}, tail_part, ${number} FROM (
        SELECT *, list_position([${partitions.map(textLiteral).join(', ')}], k2_partition)
          AS tail_part FROM (${selectSql})
      ) WHERE tail_decided >= ([${known}]::BIGINT[])[tail_part]`
  }

const insert = async (
  connection: DuckDBConnection,
  sqlOf: (selectSql: string) => string,
  { selectSql, parameters }: ReturnType<typeof stagingOf>
): Promise<void> => {
  const statement = await connection.prepare(sqlOf(selectSql))
  try {
    for (const { name, value, type } of parameters) {
      statement.bindValue(statement.parameterIndex(name), value, type)
    }
    await statement.run()
  } finally {
    statement.destroySync()
  }
}

/** Of rows that were there already nothing is taken back: the range is a bound. */
const note = (segment: Segment, rows: RecordColumns, last: Watermarks): void => {
  segment.rowCount += rows.length
  for (let row = 0; row < rows.length; row++) {
    const timeUs = rows.timestampAt(row)
    if (timeUs < segment.fromUs) segment.fromUs = timeUs
    if (timeUs > segment.toUs) segment.toUs = timeUs
  }
  for (const [partition, offset] of last) {
    segment.last.set(partition, Math.max(offset, segment.last.get(partition) ?? 0))
  }
}

/** The further of the two, partition by partition. */
export const further = (known: Watermarks, next: Watermarks): Watermarks =>
  new Map([
    ...known,
    ...[...next].map(
      ([partition, offset]) => [partition, Math.max(offset, known.get(partition) ?? 0)] as const
    )
  ])

const holdOf = (state: State, drop: (segment: Segment) => void): TailHold => {
  const { segments, watermarks, undecided, appends } = state
  const rowCounts = segments.map(({ rowCount }) => rowCount)
  for (const segment of segments) segment.holds++
  let isHeld = true
  return {
    watermarks,
    undecided,
    partFrom: function partFrom(floors, { fromUs = -Infinity, toUs = Infinity }) {
      const met = segments.filter(
        (segment) =>
          segment.toUs >= fromUs && segment.fromUs < toUs && !isBelow(segment.last, floors, 'every')
      )
      if (met.length === 0) return undefined
      const from = state.partitions.map((partition) => floors.get(partition) ?? 0)
      return {
        sql: met.map(({ table }) => selectSql(state, table)).join(' UNION ALL '),
        parameters: {
          tail_append: { type: 'long', value: appends },
          tail_from: { type: 'longs', value: from }
        },
        rowsMax: met.reduce((sum, segment) => sum + rowCounts[segments.indexOf(segment)]!, 0),
        timestampLowerUs: Math.min(...met.map((segment) => segment.fromUs)),
        timestampUpperUs: Math.max(...met.map((segment) => segment.toUs)),
        since: (us) => partFrom(floors, { fromUs: Math.max(fromUs, us), toUs })
      }
    },
    release: () => {
      if (!isHeld) return
      isHeld = false
      for (const segment of segments) {
        segment.holds--
        if (segment.isRetired && segment.holds === 0) drop(segment)
      }
    }
  }
}

const selectSql = ({ columns }: State, table: string): string =>
  `SELECT ${namesOf(columns)} FROM ${table}
   WHERE tail_append <= $tail_append AND tail_decided >= ($tail_from::BIGINT[])[tail_part]`
