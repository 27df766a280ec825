/**
 * Rows that the log has beyond the files of a table, in memory (R6, R45): of this thread, where the
 * newest are found without a statement, and of DuckDB, once a statement is to read them.
 *
 * 1. Rows lie in segments. A segment is dropped as a whole, once all of it is in files; a hold that
 *    began before keeps what it sees (R28).
 * 2. A hold sees what had been appended when it began, however much is appended meanwhile.
 * 3. A row is part of the log from the record on that decided it: for a record that was held back
 *    that is a later one, so its own offset may be below that of files which do not have it.
 * 4. Appending what is there already changes nothing: whoever begins anew may repeat itself.
 * 5. A hold's watermarks and what is held back below them are of the same moment.
 * 6. What DuckDB was given goes again when no statement has needed any of it for `storedMsMax`.
 */
import * as Effect from 'effect/Effect'
import type { Column } from './columns.ts'
import type { QueryFailed, QueryPool } from './query-pool.ts'
import type { KeptColumns } from './record-columns.ts'
import {
  dropUnread,
  holdOf,
  isBelow,
  type TailHold,
  type TailState,
  type Watermarks
} from './tail-hold.ts'
import { TailSegment } from './tail-segment.ts'

interface TailAppend {
  readonly partition: string
  /** Those of `open`, with rows of the partition; undefined: it has no more, but is further. */
  readonly rows: KeptColumns | undefined
  /** Offset of the record that decided a row (3). */
  readonly decidedAt: (row: number) => number
  /** How far the partition is once this is appended. */
  readonly watermark: number
  /** Below it. */
  readonly undecided: readonly number[]
}

export interface TailStore {
  /**
   * Columns to push the rows of the next append to; what was pushed and not appended is gone.
   * `make` is always the same, since a store is of one data type.
   */
  readonly open: <R extends KeptColumns>(make: () => R) => R
  readonly append: (append: TailAppend) => void
  /** Drops what is in files, which are at `floors` (1). */
  readonly trim: (floors: Watermarks) => Effect.Effect<void, QueryFailed>
  /** Drops everything; holds keep what they see. */
  readonly clear: Effect.Effect<void, QueryFailed>
  readonly hold: () => TailHold
  readonly rowCount: () => number
  /** What the rows take, in memory of this thread and of DuckDB, were all of them there too. */
  readonly bytes: () => number
}

interface TailStoreOptions {
  readonly name: string
  readonly columns: readonly Column[]
  readonly nowMs?: () => number
}

const segmentRowsMax = 24_576
const storedMsMax = 10_000

export const makeTailStore = (
  { write }: Pick<QueryPool, 'write'>,
  { name, columns, nowMs = () => performance.now() }: TailStoreOptions
): TailStore => {
  const state: TailState = {
    name,
    columns,
    write,
    segments: [],
    partitions: [],
    watermarks: new Map(),
    undecided: new Map(),
    rows: 0,
    tables: 0,
    dropped: [],
    nowMs,
    loadedMs: -Infinity
  }
  const retire = (isOver: (segment: TailSegment) => boolean) => {
    for (const segment of state.segments.filter(isOver)) {
      segment.isRetired = true
      dropUnread(state, segment)
    }
    state.segments = state.segments.filter(({ isRetired }) => !isRetired)
    return dropTables(state)
  }
  return {
    open: (make) => open(state, make),
    append: (request) => append(state, request),
    trim: (floors) =>
      Effect.suspend(() => {
        const { current } = state
        // What comes next is in the next segment, so that this one ends.
        if (current !== undefined && isBelow(current.last, floors, 'some'))
          state.current = undefined
        const isIdle = nowMs() - state.loadedMs > storedMsMax // (6)
        if (isIdle) for (const segment of state.segments) dropUnread(state, segment)
        return retire(({ last }) => isBelow(last, floors, 'every'))
      }),
    clear: Effect.suspend(() => {
      state.current = undefined
      state.watermarks = new Map()
      state.undecided = new Map()
      return retire(() => true)
    }),
    hold: () => holdOf(state),
    rowCount: () => state.segments.reduce((sum, { length }) => sum + length, 0),
    bytes: () => state.segments.reduce((sum, { bytes }) => sum + bytes, 0)
  }
}

const open = <R extends KeptColumns>(state: TailState, make: () => R): R => {
  if ((state.current?.length ?? 0) >= segmentRowsMax) state.current = undefined
  const segment = (state.current ??= new TailSegment(make(), state.rows))
  segment.rows.truncate(segment.length)
  return segment.rows as R
}

const append = (state: TailState, request: TailAppend): void => {
  const { partition, rows, decidedAt, watermark, undecided } = request
  if (!state.partitions.includes(partition)) state.partitions.push(partition)
  const known = state.watermarks.get(partition)
  const { current } = state
  if (current !== undefined && current.rows === rows) {
    const before = current.length
    const part = state.partitions.indexOf(partition)
    current.append({ partition, part, knownEnd: known ?? 0, decidedAt }) // (4)
    state.rows += current.length - before
    if (before === 0 && current.length > 0) state.segments = [...state.segments, current]
  }
  // (5) Both move together, or neither does.
  if (known !== undefined && watermark < known) return
  const isHeld = undecided.length > 0
  if (watermark !== known) state.watermarks = new Map(state.watermarks).set(partition, watermark)
  if (!isHeld && !state.undecided.has(partition)) return
  const held = new Map(state.undecided)
  if (isHeld) held.set(partition, undecided)
  else held.delete(partition)
  state.undecided = held
}

const dropTables = ({ dropped, write }: TailState) =>
  dropped.length === 0
    ? Effect.void
    : write((connection) =>
        connection.run(dropped.splice(0).map((table) => `DROP TABLE ${table};`).join(' '))
      ).pipe(Effect.asVoid)
