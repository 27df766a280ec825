/**
 * When the generator's trades happen: a closed form, so that no state is needed to go on after a
 * restart and none to answer for history.
 *
 * The number of trades up to an instant is rate × (t + a sum of sinusoids), straight lines between
 * knots, which makes bursts and lulls from seconds to a day; ids end whole clusters, so that
 * several trades share a time as when one order fills many.
 *
 * 1. `lastIdAt(ms) ≥ id` exactly when `dueMs(id) ≤ ms`; both rest on one predicate evaluated at
 *    whole milliseconds, so the result never depends on where the search began.
 * 2. Counts grow: the amplitudes sum to less than 1.
 * 3. A flood changes the future only: the count is continuous where its segment begins.
 */
import { unitOf } from './hash.ts'

/** 2024-01-01T00:00:00Z: id 1 of every symbol follows it. */
export const genesisMs = 1_704_067_200_000

export interface GeneratorClock {
  readonly dueMs: (id: number) => number
  readonly lastIdAt: (ms: number) => number
  /** Native id that closes the cluster of `id`. */
  readonly clusterEnd: (id: number) => number
  /** From `fromMs` on trades come `times` as fast as the plain rate. */
  readonly flood: (times: number, fromMs: number) => void
}

interface Segment {
  readonly fromMs: number
  /** Trades up to `fromMs`, with their fraction. */
  readonly countBefore: number
  /** Of the plain function at `fromMs`. */
  readonly plainBefore: number
  readonly times: number
}

interface Wave {
  readonly periodS: number
  readonly amplitude: number
}

const waves: ReadonlyArray<Wave> = [
  { periodS: 86_400, amplitude: 0.2 },
  { periodS: 1_800, amplitude: 0.2 },
  { periodS: 97, amplitude: 0.2 },
  { periodS: 11, amplitude: 0.25 }
]
const clusterEnds = [1, 2, 5, 6, 10, 11, 12, 16]
const blockSize = 16
/** [n] = the last cluster end ≤ n, and the first ≥ n. */
const endAtMost = Array.from({ length: blockSize + 1 }, (_, n) =>
  Math.max(0, ...clusterEnds.filter((end) => end <= n))
)
const endAtLeast = Array.from({ length: blockSize + 1 }, (_, n) =>
  Math.min(...clusterEnds.filter((end) => end >= n))
)
const newtonStepsMax = 6
const floodsMax = 10_000

/** Clock of one symbol; `rate` in trades per second. An even one has neither bursts nor lulls. */
export const makeGeneratorClock = (rate: number, seed: number, isEven = false): GeneratorClock => {
  const plain = plainCount(waveCountOf(rate, seed, isEven ? [] : waves))
  const segments: Array<Segment> = [{ fromMs: genesisMs, countBefore: 0, plainBefore: 0, times: 1 }]
  const segmentBy = (isBefore: (segment: Segment) => boolean): Segment => {
    let index = segments.length - 1
    while (index > 0 && !isBefore(segments[index]!)) index -= 1
    return segments[index]!
  }
  const countAt = (ms: number): number => {
    const segment = segmentBy(({ fromMs }) => fromMs <= ms)
    return segment.countBefore + segment.times * (plain.count(ms) - segment.plainBefore)
  }
  const clusterEnd = (id: number): number => {
    const block = Math.floor((id - 1) / blockSize) * blockSize
    return block + endAtLeast[id - block]!
  }
  let lastEnd = 0
  let lastDueMs = genesisMs
  return {
    clusterEnd,
    dueMs: (id) => {
      const end = clusterEnd(id)
      if (end === lastEnd) return lastDueMs
      const segment = segmentBy(({ countBefore }) => countBefore < end)
      const target = segment.plainBefore + (end - segment.countBefore) / segment.times
      const isNext = end > lastEnd && end - lastEnd <= blockSize
      const guess = newton(plain, target, isNext ? lastDueMs : genesisMs + (target / rate) * 1_000)
      lastDueMs = firstMs((ms) => countAt(ms) >= end, Math.round(guess))
      lastEnd = end
      return lastDueMs
    },
    lastIdAt: (ms) => {
      const count = ms <= genesisMs ? 0 : countAt(ms)
      const block = Math.floor(count / blockSize) * blockSize
      return block + endAtMost[Math.floor(count - block)]!
    },
    flood: (times, fromMs) => {
      if (segments.at(-1)!.times === times || segments.length >= floodsMax) return
      segments.push({
        fromMs,
        countBefore: countAt(fromMs),
        plainBefore: plain.count(fromMs),
        times
      })
      lastEnd = 0
    }
  }
}

interface PlainCount {
  readonly count: (ms: number) => number
  /** Trades per millisecond. */
  readonly slope: (ms: number) => number
}

/**
 * Between knots the count is a straight line: the shortest wave has forty of them, and a trade at
 * full speed costs no cosine.
 */
const knotMs = 256

const plainCount = (waveCount: (elapsedMs: number) => number): PlainCount => {
  let knot = Number.NaN
  let before = 0
  let after = 0
  const moveTo = (next: number): void => {
    if (next === knot) return
    before = next === knot + 1 ? after : waveCount(next * knotMs)
    after = waveCount((next + 1) * knotMs)
    knot = next
  }
  return {
    count: (ms) => {
      moveTo(Math.floor((ms - genesisMs) / knotMs))
      return before + ((after - before) * (ms - genesisMs - knot * knotMs)) / knotMs
    },
    slope: (ms) => {
      moveTo(Math.floor((ms - genesisMs) / knotMs))
      return (after - before) / knotMs
    }
  }
}

/** Trades up to so many milliseconds after the genesis, at the knots. */
const waveCountOf = (
  rate: number,
  seed: number,
  waves: ReadonlyArray<Wave>
): ((elapsedMs: number) => number) => {
  const terms = waves.map(({ periodS, amplitude }, index) => {
    const omega = (2 * Math.PI) / (periodS * 1_000)
    const phase = 2 * Math.PI * unitOf(seed, index)
    return { periodMs: periodS * 1_000, omega, phase, scale: amplitude / omega }
  })
  const ratePerMs = rate / 1_000
  return (elapsedMs) => {
    let sum = elapsedMs
    for (const { periodMs, omega, phase, scale } of terms) {
      // Cosines of large numbers are slow, hence the remainder.
      const angle = omega * remainder(elapsedMs, periodMs) + phase
      sum += scale * (Math.cos(phase) - Math.cos(angle))
    }
    return ratePerMs * sum
  }
}

/** Several times as fast as `%`; being off by a whole period does not matter to a wave. */
const remainder = (value: number, period: number): number =>
  value - Math.floor(value / period) * period

/** An approximation of where `count` reaches the target; `firstMs` makes it exact. */
const newton = (plain: PlainCount, target: number, startMs: number): number => {
  let ms = startMs
  for (let step = 0; step < newtonStepsMax; step += 1) {
    const delta = (target - plain.count(ms)) / plain.slope(ms)
    ms += delta
    if (Math.abs(delta) < 0.25) break
  }
  return ms
}

/** The first whole millisecond for which a monotone predicate holds, found from a guess near it. */
const firstMs = (holds: (ms: number) => boolean, guessMs: number): number => {
  let low = guessMs - 1 // must not hold
  let high = guessMs // must hold
  for (let step = 1; !holds(high); step *= 2) {
    low = high
    high += step
  }
  for (let step = 1; low >= genesisMs && holds(low); step *= 2) {
    high = low
    low -= step
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (holds(middle)) high = middle
    else low = middle
  }
  return high
}
