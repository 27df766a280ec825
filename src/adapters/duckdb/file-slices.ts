/**
 * Cuts a batch into files: one exchange and one UTC day each, at most `rowsMax` rows, disjoint in
 * exchange time (R22).
 *
 * 1. Every row is in exactly one slice.
 * 2. Of two slices of one partition, all rows of the first are older than all rows of the second.
 *    Rows of one microsecond therefore stay together; only they can make a slice exceed `rowsMax`.
 */

export interface Slice {
  readonly exchange: string
  /** Days since 1970-01-01, UTC; negative before. */
  readonly day: number
  /** Index of the slice among those of the batch; rows name it in `sliceOf`. */
  readonly index: number
  readonly rowCount: number
}

export interface Slicing {
  readonly slices: readonly Slice[]
  /** Slice index of each row. */
  readonly sliceOf: Int32Array
}

export interface SliceSource {
  readonly length: number
  exchangeAt(row: number): string
  timestampAt(row: number): number
}

const dayUs = 86_400_000_000

export const sliceRows = (source: SliceSource, rowsMax: number): Slicing => {
  const sliceOf = new Int32Array(source.length)
  const slices: Slice[] = []
  for (const { exchange, day, rows } of partitionRows(source)) {
    let start = 0
    while (start < rows.length) {
      const end =
        rows.length - start <= rowsMax ? rows.length : endOfSlice(source, rows, start, rowsMax)
      for (let at = start; at < end; at++) sliceOf[rows[at]!] = slices.length
      slices.push({ exchange, day, index: slices.length, rowCount: end - start })
      start = end
    }
  }
  return { slices, sliceOf }
}

interface PartitionRows {
  readonly exchange: string
  readonly day: number
  rows: number[]
}

const partitionRows = (source: SliceSource): Iterable<PartitionRows> => {
  const partitions = new Map<string, PartitionRows>()
  let last: PartitionRows | undefined
  for (let row = 0; row < source.length; row++) {
    const exchange = source.exchangeAt(row)
    const day = Math.floor(source.timestampAt(row) / dayUs)
    if (last === undefined || last.day !== day || last.exchange !== exchange) {
      const key = `${day} ${exchange}`
      last = partitions.get(key) ?? { exchange, day, rows: [] }
      partitions.set(key, last)
    }
    last.rows.push(row)
  }
  return partitions.values()
}

/** Sorts the rows by time on the first call for a partition, then cuts between two times. */
const endOfSlice = (
  source: SliceSource,
  rows: number[],
  start: number,
  rowsMax: number
): number => {
  if (start === 0) rows.sort((left, right) => source.timestampAt(left) - source.timestampAt(right))
  const timeAt = (at: number) => source.timestampAt(rows[at]!)
  let end = start + rowsMax
  while (end > start && timeAt(end - 1) === timeAt(end)) end--
  if (end > start) return end
  end = start + rowsMax
  while (end < rows.length && timeAt(end) === timeAt(start)) end++
  return end
}
