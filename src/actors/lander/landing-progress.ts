/** Where landing stands, kept on the main thread from what the lander's worker reports. */
import { emptyPartitionState, type PartitionCounters } from '../../machines/partition-fold.ts'
import type { LanderEvent, PartitionPosition } from './lander-ports.ts'

export interface StoppedPartition {
  readonly partition: number
  readonly detail: string
}

const counterKeys = Object.keys(emptyPartitionState().counters) as (keyof PartitionCounters)[]

export class LandingProgress {
  #positions: readonly PartitionPosition[] = []
  readonly #stopped = new Map<number, string>()
  #isStarted = false
  #rows = 0
  /** What had landed before the rows that are counted. */
  #landedBefore = 0
  #lastCommitMs: number | undefined
  #snapshotId: string | undefined

  observe(event: LanderEvent, nowMs: number): void {
    switch (event.type) {
      case 'lander.started':
        this.#positions = event.positions
        this.#isStarted = true
        this.#rows = 0
        this.#landedBefore = this.totals.landed
        // What is still stopped is reported again.
        this.#stopped.clear()
        return
      case 'commit.landed':
        this.#positions = event.positions
        this.#rows += event.rows
        this.#lastCommitMs = nowMs
        this.#snapshotId = event.snapshotId
        return
      case 'partition.stopped':
        this.#stopped.set(event.partition, event.detail)
        return
      case 'commit.fenced':
      case 'commit.failed':
      case 'record.dead_lettered':
      case 'ids.rejected':
      case 'records.followed':
        return
      default:
        event satisfies never
    }
  }

  /** Whether the worker has opened what it lands from and to. */
  get isStarted(): boolean {
    return this.#isStarted
  }

  /** Next offset to land, and counters since the table was made, by partition. */
  get positions(): readonly PartitionPosition[] {
    return this.#positions
  }

  /** Counters since the table was made, over all partitions. */
  get totals(): PartitionCounters {
    const totals = emptyPartitionState().counters
    for (const { counters } of this.#positions) {
      for (const key of counterKeys) totals[key] += counters[key]
    }
    return totals
  }

  /**
   * Rows of the commits since the table was read last, and how many records counted as landed
   * meanwhile.
   */
  get sinceStart(): { readonly rows: number; readonly landed: number } {
    return { rows: this.#rows, landed: this.totals.landed - this.#landedBefore }
  }

  /** Partitions that an operator must see to. */
  get stopped(): readonly StoppedPartition[] {
    return [...this.#stopped].map(([partition, detail]) => ({ partition, detail }))
  }

  get lastCommitMs(): number | undefined {
    return this.#lastCommitMs
  }

  get snapshotId(): string | undefined {
    return this.#snapshotId
  }
}
