/**
 * What a tail's store has at one moment, for one who reads.
 *
 * 1. However much is appended, dropped or cleared meanwhile, a hold has the same rows: those that
 *    were in memory when it began (R28).
 * 2. Tables that its statements read stay until it is released.
 * 3. A statement over rows that DuckDB was not given cannot be made.
 */
import * as Effect from 'effect/Effect'
import { type Column, identifier } from './columns.ts'
import type { QueryFailed, QueryPool } from './query-pool.ts'
import type { QueryParameter } from './query-session.ts'
import type { KeptColumns } from './record-columns.ts'
import { blockRows, type RowBlock, tableRowsSql, type TailSegment } from './tail-segment.ts'

/** By `k2_partition`: the first offset that is not there. */
export type Watermarks = ReadonlyMap<string, number>

/** By `k2_partition`: offsets below the watermark whose records are held back (R7). */
type Undecided = ReadonlyMap<string, readonly number[]>

interface TailPart {
  /** Of what `load` has put into DuckDB. */
  readonly sql: string
  readonly parameters: Readonly<Record<string, QueryParameter>>
  readonly rowsMax: number
  /** Bounds of their exchange time, microseconds, both inclusive. */
  readonly timestampLowerUs: number
  readonly timestampUpperUs: number
  /** What may have rows that are not older; undefined where there can be none. */
  readonly since: (fromUs: number) => TailPart | undefined
  readonly load: Effect.Effect<void, QueryFailed>
  /** The same rows, where they are. */
  readonly rows: readonly RowsInMemory[]
}

/** Rows of a segment as a hold sees them. */
interface RowsInMemory {
  readonly columns: KeptColumns
  readonly length: number
  /** Whether a row is one of those that are to be seen. */
  readonly isIn: (row: number) => boolean
  readonly blockRows: number
  readonly blocks: readonly Readonly<RowBlock>[]
}

/** What the store holds at one moment. */
export interface TailHold {
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

/** Of a store. */
export interface TailState {
  readonly name: string
  readonly columns: readonly Column[]
  readonly write: QueryPool['write']
  segments: readonly TailSegment[]
  /** The one that is appended to; among `segments` once it has a row. */
  current?: TailSegment | undefined
  /** Names by number: a number is compared faster than a name. */
  readonly partitions: string[]
  watermarks: Watermarks
  undecided: Undecided
  /** That were ever appended. */
  rows: number
  tables: number
  /** Tables that nobody reads any more. */
  readonly dropped: string[]
  readonly nowMs: () => number
  loadedMs: number
}

/** Whether rows of some, or of all partitions are in files, which are at `floors`. */
export const isBelow = (
  last: ReadonlyMap<string, number>,
  floors: Watermarks,
  how: 'some' | 'every'
): boolean =>
  [...last][how](([partition, offset]) => offset < (floors.get(partition) ?? 0))

/** The rows are in memory only, if nobody reads the table. */
export const dropUnread = (state: TailState, segment: TailSegment): void => {
  const table = segment.readers === 0 ? segment.forgetTable() : undefined
  if (table !== undefined) state.dropped.push(table)
}

const tableName = (state: TailState): string => identifier(`tail_${state.name}_${++state.tables}`)

/** @throws if it is not there yet: what a statement lacked would be left out in silence */
const rowsSql = ({ columns }: TailState, { segment, length }: Held): string => {
  const { table } = segment
  if (table === undefined || !segment.hasStored(length))
    throw new Error('rows of the tail are read by SQL before DuckDB has them')
  return tableRowsSql(columns, table)
}

interface Held {
  readonly segment: TailSegment
  /** Rows that there were. */
  readonly length: number
}

export const holdOf = (state: TailState): TailHold => {
  const { watermarks, undecided, rows } = state
  const all = state.segments.map((segment): Held => ({ segment, length: segment.length }))
  const read = new Set<TailSegment>()
  let isHeld = true
  const load = (some: readonly Held[]) =>
    Effect.suspend(() => {
      state.loadedMs = state.nowMs()
      for (const { segment } of some) {
        if (isHeld && !read.has(segment)) segment.readers++
        read.add(segment)
      }
      return some.every(({ segment, length }) => segment.hasStored(length))
        ? Effect.void
        : state.write(async (connection) => {
            for (const { segment, length } of some) {
              await segment.store(connection, tableName(state), length)
            }
          })
    })
  return {
    watermarks,
    undecided,
    partFrom: function partFrom(floors, { fromUs = -Infinity, toUs = Infinity }) {
      const met = all.filter(
        ({ segment }) =>
          segment.toUs >= fromUs && segment.fromUs < toUs && !isBelow(segment.last, floors, 'every')
      )
      if (met.length === 0) return undefined
      const from = state.partitions.map((partition) => floors.get(partition) ?? 0)
      const segments = met.map(({ segment }) => segment)
      return {
        get sql() {
          return met.map((it) => rowsSql(state, it)).join(' UNION ALL ')
        },
        parameters: {
          tail_end: { type: 'long', value: rows },
          tail_from: { type: 'longs', value: from }
        },
        rowsMax: met.reduce((sum, { length }) => sum + length, 0),
        timestampLowerUs: Math.min(...segments.map((segment) => segment.fromUs)),
        timestampUpperUs: Math.max(...segments.map((segment) => segment.toUs)),
        since: (us) => partFrom(floors, { fromUs: Math.max(fromUs, us), toUs }),
        load: load(met),
        rows: met.map(({ segment, length }) => ({
          columns: segment.rows,
          length,
          isIn: (row) => segment.isAt(row, from),
          blockRows,
          blocks: segment.blocks
        }))
      }
    },
    release: () => {
      if (!isHeld) return
      isHeld = false
      for (const segment of read) {
        segment.readers--
        if (segment.isRetired) dropUnread(state, segment)
      }
    }
  }
}
