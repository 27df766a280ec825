/**
 * How long each of many answers took: percentiles, and a histogram with logarithmic buckets.
 *
 * 1. Bounded: at most `bucketsMax` buckets, whatever is recorded; what is longer is in the last.
 * 2. No percentile is told that the values are too few for, and none that could not be told from
 *    the next one: of 20 values p95, p99 and the maximum are the same value.
 */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { requireEnough } from './statistics.ts'

/** Values in a bucket differ by a fifth at most: a quarter of a doubling. */
const bucketsPerDoubling = 4
const shortestMs = 1 / 16
/** From a sixteenth of a millisecond to 17 minutes. */
const bucketsMax = 96

export interface HistogramJson {
  readonly unit: 'ms'
  readonly count: number
  readonly max: number
  /** What ends the last bucket; each other one ends where the next begins. */
  readonly end: number
  /** Lower bound and count, without gaps from the first that has a value to the last. */
  readonly buckets: readonly (readonly [number, number])[]
}

export class Latencies {
  readonly #values: RecordableHistogram = createHistogram()
  readonly #buckets = new Uint32Array(bucketsMax)

  record(ms: number): void {
    this.#values.record(Math.max(1, Math.round(ms * 1_000)))
    this.#buckets[bucketOf(ms)]! += 1
  }

  get count(): number {
    return this.#values.count
  }

  get maxMs(): number {
    return this.#values.max / 1_000
  }

  /** @param percent above 0, below 100; @throws RangeError if there are too few values (2) */
  percentileMs(percent: number): number {
    requireEnough(this.count, percent / 100)
    return this.#values.percentile(percent) / 1_000
  }

  /** What a reader of the tail must know: that it was not told apart. `undefined` if it was. (2) */
  get fault(): string | undefined {
    const [p95, p99] = [this.percentileMs(95), this.percentileMs(99)]
    if (p95 < p99 && p99 < this.maxMs) return undefined
    return `p95 ${p95} ms, p99 ${p99} ms and at most ${this.maxMs} ms do not differ`
  }

  get json(): HistogramJson {
    const from = this.#buckets.findIndex((count) => count > 0)
    const to = this.#buckets.findLastIndex((count) => count > 0)
    const indexes = from < 0 ? [] : Array.from({ length: to - from + 1 }, (_, at) => from + at)
    return {
      unit: 'ms',
      count: this.count,
      max: this.count === 0 ? 0 : this.maxMs,
      end: rounded(lowerBound(to + 1)),
      buckets: indexes.map((at) => [rounded(lowerBound(at)), this.#buckets[at]!])
    }
  }
}

/** Of several runs together: their buckets are the same ones. */
export const merged = (left: HistogramJson, right: HistogramJson): HistogramJson => {
  const counts = new Map<number, number>()
  for (const [bound, count] of [...left.buckets, ...right.buckets])
    counts.set(indexOf(bound), (counts.get(indexOf(bound)) ?? 0) + count)
  const [from, to] = [Math.min(...counts.keys()), Math.max(...counts.keys())]
  const indexes = Array.from({ length: to - from + 1 }, (_, at) => from + at)
  return {
    unit: 'ms',
    count: left.count + right.count,
    max: Math.max(left.max, right.max),
    end: rounded(lowerBound(to + 1)),
    buckets: indexes.map((at) => [rounded(lowerBound(at)), counts.get(at) ?? 0])
  }
}

const lowerBound = (bucket: number): number => shortestMs * 2 ** (bucket / bucketsPerDoubling)

// Bounds are rounded when they are written: one of them belongs to its own bucket.
const indexOf = (ms: number): number =>
  Math.floor(Math.log2(ms / shortestMs) * bucketsPerDoubling + 1e-3)

/** What is shorter than the first bucket's bound counts to it, what is longer to the last. (1) */
const bucketOf = (ms: number): number => Math.min(Math.max(indexOf(ms), 0), bucketsMax - 1)

const rounded = (ms: number): number => Number(ms.toPrecision(5))
