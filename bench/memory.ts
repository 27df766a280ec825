/**
 * Whether memory grows, told from samples of the resident set. Pure.
 *
 * The resident set of a healthy run is a saw tooth of tens of MiB: garbage collections, Parquet
 * files being written. So growth is told by two things that such teeth do not move together: the
 * line fitted to all samples, and the means of the first and the last quarter of the window. The
 * rise is the smaller of both; beyond `riseShareMax` of the mean it counts as growth.
 */
export interface MemorySample {
  readonly atSeconds: number
  readonly bytes: number
}

export interface Growth {
  /** Of the fitted line. */
  readonly bytesPerSecond: number
  /** Mean of the last quarter of the window less the mean of the first. */
  readonly quarterBytes: number
  /** The smaller of the fitted rise and `quarterBytes`, over the mean; below 0 when it falls. */
  readonly riseShare: number
}

export const riseShareMax = 0.05
/** Fewer say nothing. */
const samplesMin = 4

/**
 * Over the samples of the last `windowSeconds`.
 * @throws RangeError if these are fewer than four, or all of the same moment
 */
export const growthOf = (samples: readonly MemorySample[], windowSeconds: number): Growth => {
  const end = Math.max(...samples.map(({ atSeconds }) => atSeconds))
  const window = samples.filter(({ atSeconds }) => atSeconds >= end - windowSeconds)
  if (window.length < samplesMin) throw new RangeError(`growth of ${window.length} samples`)
  const start = Math.min(...window.map(({ atSeconds }) => atSeconds))
  if (start === end) throw new RangeError('growth within one moment')
  const quarter = (end - start) / 4
  const bytesPerSecond = slopeOf(window)
  const quarterBytes =
    meanBytes(window.filter(({ atSeconds }) => atSeconds >= end - quarter)) -
    meanBytes(window.filter(({ atSeconds }) => atSeconds <= start + quarter))
  const rise = Math.min(bytesPerSecond * (end - start), quarterBytes)
  return { bytesPerSecond, quarterBytes, riseShare: rise / meanBytes(window) }
}

const meanBytes = (samples: readonly MemorySample[]): number =>
  samples.reduce((sum, { bytes }) => sum + bytes, 0) / samples.length

/** Least squares. */
const slopeOf = (samples: readonly MemorySample[]): number => {
  const meanAt = samples.reduce((sum, { atSeconds }) => sum + atSeconds, 0) / samples.length
  const mean = meanBytes(samples)
  let covariance = 0
  let variance = 0
  for (const { atSeconds, bytes } of samples) {
    covariance += (atSeconds - meanAt) * (bytes - mean)
    variance += (atSeconds - meanAt) ** 2
  }
  return covariance / variance
}
