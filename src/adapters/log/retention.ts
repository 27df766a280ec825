/**
 * Which segments may go (R31).
 *
 * 1. Only what lies wholly below the consumed offset; without one, nothing.
 * 2. Within that, what is older than `retentionMs`, and earlier when the disk budget needs it.
 * 3. Deletions run one after the other, in offset order within a partition.
 */
import type { LogClock } from './log-files.ts'
import type { SegmentLog } from './segment-log.ts'

export interface RetainedPartition {
  readonly topic: string
  readonly partition: number
  readonly segments: SegmentLog
  /** Undefined until a consumer has committed. */
  readonly consumedOffset: number | undefined
}

export interface RetentionEvent {
  readonly type: 'retention.failed'
  readonly detail: string
}

export interface RetentionOptions {
  readonly clock: LogClock
  readonly retentionMs: number
  readonly observe: (
    event: RetentionEvent & { readonly topic: string; readonly partition: number }
  ) => void
}

export class Retention {
  readonly #partitions: readonly RetainedPartition[]
  readonly #options: RetentionOptions
  /** The deletions asked for so far. */
  #work: Promise<void> = Promise.resolve()

  constructor(partitions: readonly RetainedPartition[], options: RetentionOptions) {
    this.#partitions = partitions
    this.#options = options
  }

  /** Removes what is consumed and old. Never rejects. */
  expire(partition: RetainedPartition): Promise<void> {
    return this.#then(async () => {
      const { clock, retentionMs } = this.#options
      // Each turn removes a segment.
      while ((await this.#removeOldest(partition, clock.nowMs() - retentionMs)) > 0);
    })
  }

  /** Removes what is consumed until few enough bytes are used. Never rejects. */
  reclaim(usedBytes: () => number, usedBytesMax: number): Promise<void> {
    return this.#then(async () => {
      for (const partition of this.#partitions) {
        while (usedBytes() > usedBytesMax && (await this.#removeOldest(partition)) > 0);
      }
      for (const partition of this.#partitions) {
        if (usedBytes() > usedBytesMax && (await this.#retireNewest(partition))) {
          await this.#removeOldest(partition)
        }
      }
    })
  }

  #then(work: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(work)
    return this.#work
  }

  async #removeOldest(partition: RetainedPartition, endedBeforeMs?: number): Promise<number> {
    const { segments, consumedOffset } = partition
    if (consumedOffset === undefined) return 0
    return this.#guard(partition, 0, () => segments.removeOldest(consumedOffset, endedBeforeMs))
  }

  async #retireNewest(partition: RetainedPartition): Promise<boolean> {
    const { segments, consumedOffset } = partition
    if (consumedOffset === undefined) return false
    return this.#guard(partition, false, () => segments.retireNewest(consumedOffset))
  }

  async #guard<A>(partition: RetainedPartition, otherwise: A, work: () => Promise<A>): Promise<A> {
    try {
      return await work()
    } catch (error) {
      const { topic, partition: number } = partition
      const detail = error instanceof Error ? error.message : String(error)
      this.#options.observe({ type: 'retention.failed', topic, partition: number, detail })
      return otherwise
    }
  }
}
