/**
 * Where a replay is cut into slices of time: how many rows are read at once.
 *
 * 1. How rows lie in time is guessed from the bounds of files, and learnt. A wrong guess makes a
 *    slice longer or shorter, never wrong.
 * 2. A streamed slice has nothing of the tail, and all its rows, whose text comes in parts. One
 *    that is read at once has some rows at most, of which one learns whether these are all.
 */
import type { RecordPosition } from './newest-first.ts'
import type { RecordsFilter } from './records-sql.ts'
import type { RowsInTime } from './replay-slices.ts'

/** Where a slice begins: at a time, and behind a row of it. */
export interface From {
  readonly sinceUs: number
  readonly after: RecordPosition | undefined
}

export interface SliceRange extends From {
  /** Exclusive. */
  readonly untilUs: number
  /** How many rows files have in it, about. */
  readonly expected: number | undefined
  readonly isLast: boolean
}

export interface SliceAtOnce extends SliceRange {
  readonly rowsMax: number
}

export interface CutLimits {
  /** Text of a slice that is read at once, about. */
  readonly blockBytesMax: number
  readonly fieldCount: number
  readonly isPaced: boolean
}

/** For the first rows to be there soon. */
const firstRows = 4_096
const growth = 4
/** A line is about so long for each of its fields. */
const fieldBytes = 25
/** Of paced replays, whose rows are sent one by one. */
const pacedRows = 16_384
/**
 * A streamed slice has as many blocks: a file is unpacked again for each slice of it, while the
 * text of a slice is all in memory, sorted.
 */
const streamedBlocks = 3
const shareMin = 1e-6

export class Cuts {
  readonly #filter: Pick<RecordsFilter, 'fromUs' | 'toUs'>
  readonly #limits: CutLimits
  #rowBytes: number
  #wantedRows = firstRows
  /** Of the rows that files have at a time, how many meet the filter. */
  #share = 1

  constructor(filter: Pick<RecordsFilter, 'fromUs' | 'toUs'>, limits: CutLimits) {
    this.#filter = filter
    this.#limits = limits
    this.#rowBytes = limits.fieldCount * fieldBytes
  }

  /** As long as there should be as many rows in it as are read at once; ends by `endUs`. */
  streamed(from: From, rows: RowsInTime, endUs: number): SliceRange {
    const slice = this.#slice(from, rows, this.#rowsOf(streamedBlocks))
    if (slice.untilUs <= endUs) return slice
    return { ...slice, untilUs: endUs, expected: undefined, isLast: false }
  }

  atOnce(from: From, rows: RowsInTime): SliceAtOnce {
    const wanted = this.#rowsOf(1)
    return { ...this.#slice(from, rows, wanted), rowsMax: Math.ceil(wanted * 1.5) }
  }

  learn(found: number, bytes: number, { expected }: SliceRange): void {
    this.#wantedRows = Math.min(this.#wantedRows * growth, Number.MAX_SAFE_INTEGER)
    if (expected !== undefined && expected > 0)
      this.#share = Math.min(1, Math.max(found / expected, this.#share / growth, shareMin))
    if (found > 0) this.#rowBytes = Math.ceil(bytes / found)
  }

  #rowsOf(blocks: number): number {
    const { blockBytesMax, isPaced } = this.#limits
    const most = Math.max(1, Math.floor((blockBytesMax * blocks) / this.#rowBytes))
    return Math.min(this.#wantedRows, isPaced ? Math.min(most, pacedRows) : most)
  }

  #slice({ sinceUs, after }: From, rows: RowsInTime, wantedRows: number): SliceRange {
    const { fromUs = -Infinity, toUs = Infinity } = this.#filter
    const startUs = Math.max(sinceUs, fromUs, rows.oldestUs)
    const wanted = Math.ceil(wantedRows / this.#share)
    const untilUs = Number.isFinite(startUs) ? rows.until(startUs, wanted) : undefined
    if (untilUs === undefined || untilUs >= toUs)
      return { sinceUs, after, untilUs: toUs, expected: undefined, isLast: true }
    const expected = rows.before(untilUs) - rows.before(startUs)
    return { sinceUs, after, untilUs, expected, isLast: false }
  }
}
