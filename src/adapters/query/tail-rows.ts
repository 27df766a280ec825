/**
 * The newest rows of a tail in memory, found without a statement.
 *
 * 1. What is found is what `recordsStatement` finds in the same rows, in its order, for every
 *    filter that `isSimple` takes.
 * 2. Rows come about in the order of time: the last blocks are looked at first, and blocks whose
 *    rows are all too old not at all.
 */
import { compareRecords, type RecordPosition, type RecordRow } from './newest-first.ts'
import type { RowsInMemory } from './query-ports.ts'
import type { ReadPoint } from './read-point.ts'
import type { TextOfRows } from './record-text.ts'
import type { RecordsFilter } from './records-sql.ts'

interface TailRowsWanted {
  readonly filter: Pick<RecordsFilter, 'symbols' | 'exchanges' | 'fromUs' | 'toUs'>
  /** Rows behind this one only. */
  readonly after: RecordPosition | undefined
  /** Rows of this point only. */
  readonly within: Pick<ReadPoint, 'watermarks' | 'undecided'> | undefined
  readonly rowsMax: number
  readonly textOf: TextOfRows
}

export const newestInMemory = (
  parts: readonly RowsInMemory[],
  wanted: TailRowsWanted
): readonly RecordRow[] => {
  const newest = new Newest(wanted.rowsMax, wanted.filter.fromUs ?? -Infinity)
  for (const part of parts.toReversed()) collect(part, wanted, newest)
  const texts = new Map(parts.map((part) => [part, wanted.textOf(part.columns)] as const))
  return newest.rows.map(({ part, row, timestampUs, symbol, sourceSequence, messageId }) => ({
    timestampUs,
    symbol,
    sourceSequence,
    messageId,
    text: texts.get(part)!(row)
  }))
}

const collect = (part: RowsInMemory, wanted: TailRowsWanted, newest: Newest): void => {
  const { columns, blocks, blockRows, length, isIn } = part
  const { filter, after, within } = wanted
  const { isWanted, mask } = groupsOf(columns, filter)
  const { toUs = Infinity } = filter
  const afterUs = after?.timestampUs ?? Infinity
  const idAt = columns.valueOf('message_id')
  const isWithin = within === undefined ? undefined : pointIn(part, within)
  for (let index = Math.ceil(length / blockRows) - 1; index >= 0; index--) {
    const block = blocks[index]
    // A block without bounds has rows that nobody sees.
    if (block === undefined || (block.groups & mask) === 0) continue
    if (block.toUs < newest.fromUs || block.fromUs >= toUs || block.fromUs > afterUs) continue
    const end = Math.min(length, (index + 1) * blockRows)
    for (let row = index * blockRows; row < end; row++) {
      const timeUs = columns.timestampAt(row)
      if (timeUs < newest.fromUs || timeUs >= toUs || timeUs > afterUs) continue
      if (isWanted[columns.groupAt(row)] !== 1 || !isIn(row)) continue
      if (isWithin?.(row) === false) continue
      const found = new FoundRow(part, row, idAt)
      if (after === undefined || compareRecords(found, after) > 0) newest.add(found)
    }
  }
}

/** Which groups meet the filter, by code, and the bits of those. */
const groupsOf = (
  { groups }: RowsInMemory['columns'],
  { symbols, exchanges }: TailRowsWanted['filter']
) => {
  const isWanted = new Uint8Array(groups.length)
  let mask = 0
  for (const [code, { symbol, exchange }] of groups.entries()) {
    if (symbols?.includes(symbol) === false || exchanges?.includes(exchange) === false) continue
    isWanted[code] = 1
    mask |= 1 << (code & 31)
  }
  return { isWanted, mask }
}

/** As `inView` has it. */
const pointIn = (
  { columns }: RowsInMemory,
  { watermarks, undecided }: NonNullable<TailRowsWanted['within']>
) => {
  const partitionAt = columns.valueOf('k2_partition')
  return (row: number): boolean => {
    const partition = partitionAt(row) as string
    const offset = columns.offsetAt(row)
    return (
      offset < (watermarks.get(partition) ?? 0) &&
      undecided.get(partition)?.includes(offset) !== true
    )
  }
}

class FoundRow implements RecordPosition {
  readonly part: RowsInMemory
  readonly row: number
  readonly timestampUs: number
  readonly #idAt: (row: number) => unknown

  constructor(part: RowsInMemory, row: number, idAt: (row: number) => unknown) {
    this.part = part
    this.row = row
    this.timestampUs = part.columns.timestampAt(row)
    this.#idAt = idAt
  }

  get symbol(): string {
    const { columns } = this.part
    return columns.groups[columns.groupAt(this.row)]!.symbol
  }

  get sourceSequence(): number | null {
    const sequence = this.part.columns.sequenceAt(this.row)
    return Number.isNaN(sequence) ? null : sequence
  }

  /** Made where it decides: most rows differ before. */
  get messageId(): string {
    return (this.#idAt(this.row) as string).toWellFormed()
  }
}

/** So many more rows than are wanted are kept before they are sorted. */
const spareRows = 512

/** The first rows in order, of those that were added. */
class Newest {
  readonly #rowsMax: number
  #found: FoundRow[] = []
  /** Rows that are older are not among them. */
  fromUs: number

  constructor(rowsMax: number, fromUs: number) {
    this.#rowsMax = rowsMax
    this.fromUs = fromUs
  }

  add(found: FoundRow): void {
    this.#found.push(found)
    if (this.#found.length >= this.#rowsMax + spareRows) this.#cut()
  }

  get rows(): readonly FoundRow[] {
    this.#cut()
    return this.#found
  }

  #cut(): void {
    this.#found.sort(compareRecords)
    if (this.#found.length < this.#rowsMax) return
    this.#found.length = this.#rowsMax
    const last = this.#found.at(-1)
    if (last !== undefined) this.fromUs = Math.max(this.fromUs, last.timestampUs)
  }
}
