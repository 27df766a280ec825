/**
 * How far the table is behind a partition of the log, from samples of where the log ends.
 *
 * 1. Raw lag is the newest sample's end less the table's offset. It saws between two commits with
 *    nothing wrong.
 * 2. Overdue lag is what is older than two commit ages and has not landed: the end as sampled two
 *    commit ages ago less the table's offset, never below 0 (R2).
 * 3. What was not sampled, or too long ago, is unknown, which is not 0.
 * 4. A partition of which nothing has landed counts from the log's start, not from 0 (R25).
 * 5. Samples in memory have a limit, however long a commit age is.
 */

export interface LagLimits {
  /** Ms after which a record should have landed: two commit ages. */
  readonly overdueMs: number
  /** A newest sample that is older, ms, says nothing of now. */
  readonly staleMs: number
}

/** Where a partition of the log starts and ends. */
export interface SampledBounds {
  readonly startOffset: number
  readonly endOffset: number
}

export type Lag =
  | { readonly type: 'unknown'; readonly reason: 'never_sampled' | 'stale' }
  | {
      readonly type: 'known'
      readonly rawRecords: number
      /** Undefined while there is no sample that is old enough. */
      readonly overdueRecords: number | undefined
      /** Age of the newest sample, ms. */
      readonly ageMs: number
    }

interface Sample extends SampledBounds {
  readonly atMs: number
}

/** Any three in a row are at least a spacing apart. */
export const samplesMax = 256

/** Of one partition. Times are of one clock that never goes back, ms. */
export class LagHistory {
  readonly #limits: LagLimits
  /** By time; the oldest is the newest of those that are old enough for `overdueRecords`. */
  readonly #samples: Sample[] = []

  get sampleCount(): number {
    return this.#samples.length
  }

  constructor(limits: LagLimits) {
    this.#limits = limits
  }

  note(atMs: number, { startOffset, endOffset }: SampledBounds): void {
    const samples = this.#samples
    const { overdueMs } = this.#limits
    const spacingMs = overdueMs / (samplesMax / 2 - 2)
    // Closer ones add nothing: the newest moves, unless that would leave too large a step (5).
    const beforeLast = samples.at(-2)
    if (beforeLast !== undefined && atMs - beforeLast.atMs < spacingMs) samples.pop()
    samples.push({ atMs, startOffset, endOffset })
    while (samples.length > 1 && samples[1]!.atMs <= atMs - overdueMs) samples.shift()
  }

  /** `landedOffset`: the table's, undefined where nothing has landed. */
  read(nowMs: number, landedOffset: number | undefined): Lag {
    const newest = this.#samples.at(-1)
    if (newest === undefined) return { type: 'unknown', reason: 'never_sampled' }
    const ageMs = nowMs - newest.atMs
    if (ageMs > this.#limits.staleMs) return { type: 'unknown', reason: 'stale' }
    const from = landedOffset ?? newest.startOffset
    const dueMs = nowMs - this.#limits.overdueMs
    const due = this.#samples.findLast(({ atMs }) => atMs <= dueMs)
    return {
      type: 'known',
      rawRecords: Math.max(0, newest.endOffset - from),
      overdueRecords: due === undefined ? undefined : Math.max(0, due.endOffset - from),
      ageMs
    }
  }
}
