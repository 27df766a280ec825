/** Medians, spreads and percentiles of measured values. Pure. */

export interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
  /** How many values it is of. */
  readonly count: number
}

/** @throws RangeError if there is no value, or one that is no finite number. */
export const summarise = (values: readonly number[]): Summary => {
  const sorted = ascending(values)
  return {
    median: medianOfSorted(sorted),
    min: sorted[0]!,
    max: sorted.at(-1)!,
    count: sorted.length
  }
}

/** The middle value, or the mean of the two middle ones. @throws RangeError as `summarise`. */
export const median = (values: readonly number[]): number => medianOfSorted(ascending(values))

/**
 * Nearest rank: the smallest value that at least `share` of all values do not exceed.
 * @param share above 0, below 1
 * @throws RangeError as `summarise`, for another share, and for fewer values than it takes
 */
export const percentile = (values: readonly number[], share: number): number => {
  if (!(share > 0 && share < 1)) throw new RangeError(`a percentile of share ${share}`)
  const sorted = ascending(values)
  requireEnough(sorted.length, share)
  return sorted[Math.ceil(share * sorted.length) - 1]!
}

/**
 * A percentile that no value lies beyond is the maximum under another name: p95 takes 20 values,
 * p99 takes 100.
 * @throws RangeError
 */
export const requireEnough = (count: number, share: number): void => {
  const needed = share <= 0.5 ? 1 : Math.ceil(1 / (1 - share) - 1e-6)
  if (count < needed)
    throw new RangeError(`p${+(share * 100).toFixed(3)} of ${count} values: it takes ${needed}`)
}

const ascending = (values: readonly number[]): readonly number[] => {
  if (values.length === 0) throw new RangeError('statistics of no value')
  const odd = values.find((value) => !Number.isFinite(value))
  if (odd !== undefined) throw new RangeError(`statistics of ${odd}`)
  return [...values].sort((left, right) => left - right)
}

const medianOfSorted = (sorted: readonly number[]): number => {
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
