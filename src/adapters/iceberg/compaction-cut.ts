/**
 * Where the rows of a compaction group are cut into files (R22). Pure.
 *
 * 1. Every row is in exactly one file.
 * 2. No file crosses the end of the group or of a closed hour, and files of a group do not overlap
 *    in time.
 * 3. Rows of one bucket of time stay together; only they can make a file exceed its rows. Where an
 *    hour needs several files they are about equally large.
 */
import {
  bucketUs,
  groupedBy,
  hourOf,
  hourUs,
  layoutLimits,
  type LayoutLimits
} from './compaction-plan.ts'

/** Rows of a time bucket that has any, by its beginning. */
export interface TimeBucket {
  readonly fromUs: number
  readonly rows: number
}

export interface TimeRange {
  /** Inclusive. */
  readonly fromUs: number
  /** Exclusive. */
  readonly toUs: number
  readonly rows: number
}

/** Ranges of one file each. `buckets` ascend. */
export const cutByTime = (
  { endUs, closedUs }: { readonly endUs: number; readonly closedUs: number },
  buckets: readonly TimeBucket[],
  { openRowsMax, closedRowsMax }: LayoutLimits = layoutLimits
): readonly TimeRange[] => {
  const isClosed = (fromUs: number) => hourOf(fromUs) + hourUs <= closedUs
  const regionOf = ({ fromUs }: TimeBucket) =>
    `${isClosed(fromUs) ? hourOf(fromUs) : 'open'} ${fromUs < endUs}`
  return [...groupedBy(buckets, regionOf).values()].flatMap((region) =>
    evenly(region, isClosed(region[0]!.fromUs) ? closedRowsMax : openRowsMax)
  )
}

/** As few files as the rows need (3). */
const evenly = (buckets: readonly TimeBucket[], rowsMax: number): readonly TimeRange[] => {
  const total = buckets.reduce((sum, { rows }) => sum + rows, 0)
  const target = total / Math.ceil(total / rowsMax)
  const ranges: { fromUs: number; toUs: number; rows: number }[] = []
  let last: (typeof ranges)[number] | undefined
  for (const { fromUs, rows } of buckets) {
    if (last === undefined || last.rows >= target || last.rows + rows > rowsMax) {
      last = { fromUs, toUs: fromUs, rows: 0 }
      ranges.push(last)
    }
    last.toUs = fromUs + bucketUs
    last.rows += rows
  }
  return ranges
}
