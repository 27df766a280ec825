/**
 * Cuts a batch into files: one exchange and one UTC day each, at most `rowsMax` rows, disjoint in
 * exchange time (R22), and puts the rows of each in their order.
 *
 * 1. Every row is in exactly one slice.
 * 2. Of two slices of one partition, all rows of the first are older than all rows of the second.
 *    Rows of one microsecond therefore stay together; only they can make a slice exceed `rowsMax`.
 * 3. Rows of a slice ascend by (symbol, timestamp, source_sequence, k2_offset), as DuckDB would
 *    sort them: texts by their UTF-8 bytes, missing sequences last. A symbol's rows come nearly so
 *    from the log, so this takes a fraction of a sort over whole rows.
 */

/** What rows are grouped by. */
export interface RowGroup {
  readonly exchange: string
  readonly symbol: string
}

export interface SliceSource {
  readonly length: number
  /** Exchange and symbol of rows, by the codes that `groupAt` gives. */
  readonly groups: readonly RowGroup[]
  groupAt(row: number): number
  /** Microseconds. */
  timestampAt(row: number): number
  /** NaN where the record has none. */
  sequenceAt(row: number): number
  offsetAt(row: number): number
}

export interface Slice {
  readonly exchange: string
  /** Days since 1970-01-01, UTC; negative before. */
  readonly day: number
  /** Index of the slice among those of the batch. */
  readonly index: number
  /** Rows of the batch, in the order of the file. */
  readonly rows: Int32Array
}

const dayUs = 86_400_000_000

export const sliceRows = (source: SliceSource, rowsMax: number): readonly Slice[] => {
  const ranks = ranksOf(source.groups)
  const slices: Slice[] = []
  for (const { exchange, day, rows } of partitionRows(source)) {
    for (const cut of cutByTime(source, rows, rowsMax)) {
      slices.push({ exchange, day, index: slices.length, rows: sorted(source, cut, ranks) })
    }
  }
  return slices
}

interface PartitionRows {
  readonly exchange: string
  readonly day: number
  readonly rows: Int32Array
}

const partitionRows = (source: SliceSource): readonly PartitionRows[] => {
  const partitions: Array<Omit<PartitionRows, 'rows'>> = []
  const partitionOf = new Int32Array(source.length)
  let at = 0
  for (let row = 0; row < source.length; row++) {
    const { exchange } = source.groups[source.groupAt(row)]!
    const day = Math.floor(source.timestampAt(row) / dayUs)
    const last = partitions[at]
    if (last === undefined || last.day !== day || last.exchange !== exchange) {
      at = partitions.findIndex((known) => known.day === day && known.exchange === exchange)
      if (at === -1) at = partitions.push({ exchange, day }) - 1
    }
    partitionOf[row] = at
  }
  const rowsOf = distributed(allRows(source.length), partitions.length, partitionOf)
  return partitions.map((partition, index) => ({ ...partition, rows: rowsOf[index]! }))
}

const allRows = (count: number): Int32Array => {
  const rows = new Int32Array(count)
  for (let row = 0; row < count; row++) rows[row] = row
  return rows
}

/** Rows by bin, in the order that they have; `binAt` names the bin of each. */
const distributed = (
  rows: Int32Array,
  binCount: number,
  binAt: Int32Array
): readonly Int32Array[] => {
  if (binCount === 1) return [rows]
  const counts = new Int32Array(binCount)
  for (const bin of binAt) counts[bin]! += 1
  const bins = Array.from(counts, (count) => new Int32Array(count))
  counts.fill(0)
  for (let at = 0; at < rows.length; at++) {
    const bin = binAt[at]!
    bins[bin]![counts[bin]!++] = rows[at]!
  }
  return bins
}

/** Time is cut between intervals of this number, so that nothing has to be sorted for it. */
const intervals = 4_096

const cutByTime = (
  source: SliceSource,
  rows: Int32Array,
  rowsMax: number
): readonly Int32Array[] => {
  if (rows.length <= rowsMax) return [rows]
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  for (const row of rows) {
    const time = source.timestampAt(row)
    if (time < min) min = time
    if (time > max) max = time
  }
  if (min === max) return [rows]
  // Monotone, so equal times share an interval and an older one is never behind a newer one (2).
  const scale = (intervals - 1) / (max - min)
  const intervalAt = new Int32Array(rows.length)
  const counts = new Int32Array(intervals)
  for (let at = 0; at < rows.length; at++) {
    const interval = Math.floor((source.timestampAt(rows[at]!) - min) * scale)
    intervalAt[at] = interval
    counts[interval]! += 1
  }
  const sliceOf = slicesOfIntervals(counts, rows.length, rowsMax)
  const binAt = intervalAt.map((interval) => sliceOf[interval]!)
  const cuts = distributed(rows, sliceOf.at(-1)! + 1, binAt)
  // An interval with too many rows is cut again by itself; it is shorter each time.
  return cuts.flatMap((cut) => cutByTime(source, cut, rowsMax))
}

/** Rows of one time stay together, so cuts that aim at `rowsMax` would leave a small rest each. */
const cutShare = 0.99

/** Slice of each interval: as few slices as the rows need, about equally large. */
const slicesOfIntervals = (counts: Int32Array, rowCount: number, rowsMax: number): Int32Array => {
  const target = rowCount / Math.ceil(rowCount / (rowsMax * cutShare))
  const sliceOf = new Int32Array(counts.length)
  let slice = 0
  let inSlice = 0
  for (let interval = 0; interval < counts.length; interval++) {
    const count = counts[interval]!
    // Only rows begin a slice: the last intervals may have none.
    if (count > 0 && inSlice > 0 && (inSlice >= target || inSlice + count > rowsMax)) {
      slice += 1
      inSlice = 0
    }
    sliceOf[interval] = slice
    inSlice += count
  }
  return sliceOf
}

/** Place of each group in the order of symbols. */
const ranksOf = (groups: readonly RowGroup[]): Int32Array => {
  const symbols = [...new Set(groups.map(({ symbol }) => symbol))]
    .map((symbol) => ({ symbol, bytes: Buffer.from(symbol, 'utf8') }))
    .sort((left, right) => Buffer.compare(left.bytes, right.bytes))
  const rankOf = new Map(symbols.map(({ symbol }, rank) => [symbol, rank]))
  return Int32Array.from(groups, ({ symbol }) => rankOf.get(symbol)!)
}

/** Rows by symbol in their order, then each symbol's rows by time where they are not already. */
const sorted = (source: SliceSource, rows: Int32Array, ranks: Int32Array): Int32Array => {
  const starts = new Int32Array(ranks.length + 1)
  for (const row of rows) starts[ranks[source.groupAt(row)]! + 1]! += 1
  for (let rank = 0; rank < ranks.length; rank++) starts[rank + 1]! += starts[rank]!
  const next = starts.slice()
  const order = new Int32Array(rows.length)
  for (const row of rows) order[next[ranks[source.groupAt(row)]!]!++] = row
  for (let rank = 0; rank < ranks.length; rank++) {
    const ofSymbol = order.subarray(starts[rank], starts[rank + 1])
    if (!isAscending(source, ofSymbol)) ofSymbol.sort((one, other) => compare(source, one, other))
  }
  return order
}

const isAscending = (source: SliceSource, rows: Int32Array): boolean => {
  for (let index = 1; index < rows.length; index++) {
    if (compare(source, rows[index - 1]!, rows[index]!) > 0) return false
  }
  return true
}

const compare = (source: SliceSource, one: number, other: number): number =>
  source.timestampAt(one) - source.timestampAt(other) ||
  compareSequences(source.sequenceAt(one), source.sequenceAt(other)) ||
  source.offsetAt(one) - source.offsetAt(other)

const compareSequences = (one: number, other: number): number => {
  if (Number.isNaN(one)) return Number.isNaN(other) ? 0 : 1
  return Number.isNaN(other) ? -1 : one - other
}
