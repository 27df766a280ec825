/**
 * A durable sequence of batches in one directory: a partition of the embedded log, or a spool lane.
 *
 * 1. Appends are gathered and become durable in groups: one write, one fsync, in the order of
 *    calls. While a group is under way the next one gathers.
 * 2. The watermark moves only after the fsync, and after that of the directory for a new segment
 *    (R11).
 * 3. The offset of a batch is decided when it is written, so a refused append uses none.
 * 4. A failed write or fsync fails its group and whatever waits behind it, and nothing is appended
 *    until the directory is opened again: the state of the page cache is unknown.
 * 5. The newest segment is never removed: its name remembers where the log ends.
 */
import { LogUnavailable, type LogBounds } from './event-log.ts'
import type { LogClock, LogFile } from './log-files.ts'
import { type LogBatch, type PackedRecords, sealBatch } from './record-batch.ts'
import { readBatches, type SegmentDirectory, segmentName } from './segment-reader.ts'
import {
  emptySegment,
  type RecoveredSegments,
  recoverSegments,
  type WrittenSegment
} from './segment-recovery.ts'

export interface SegmentLogOptions extends SegmentDirectory {
  readonly clock: LogClock
  /** A group begins no sooner behind the last one, ms: appends in between share its fsync. */
  readonly flushDelayMs: number
  /** A group of this size does not wait. */
  readonly flushBytes: number
  /** A segment that has this size is followed by a new one. */
  readonly segmentBytes: number
  /** No batch gets an offset below it (R11). */
  readonly floorOffset: number
  readonly observe: (event: SegmentLogEvent) => void
}

export type SegmentLogEvent =
  | { readonly type: 'tail.truncated'; readonly bytes: number; readonly offset: number }
  | {
      readonly type: 'group.committed'
      readonly batches: number
      readonly records: number
      readonly bytes: number
      /** From the start of the write to the end of the fsync. */
      readonly durationMs: number
      readonly durableEnd: number
    }
  | { readonly type: 'segment.started'; readonly baseOffset: number }
  | {
      readonly type: 'segment.removed'
      readonly baseOffset: number
      readonly endOffset: number
      readonly bytes: number
    }
  | { readonly type: 'append.failed'; readonly batches: number; readonly cause: LogUnavailable }

/** How an append ended: its base offset, or why it is not known to be durable. */
export type Settle = (outcome: number | LogUnavailable) => void

interface PendingAppend {
  readonly packed: PackedRecords
  readonly requestedMs: number
  readonly settle: Settle
}

/** Recovers the directory's segments. Rejects with LogCorrupt, or the disk's own error. */
export const openSegmentLog = async (options: SegmentLogOptions): Promise<SegmentLog> => {
  const recovered = await recoverSegments(options)
  if (recovered.tornBytes > 0) {
    options.observe({
      type: 'tail.truncated',
      bytes: recovered.tornBytes,
      offset: recovered.endOffset
    })
  }
  return new SegmentLog(options, recovered)
}

export class SegmentLog {
  /** Where the records ended when the log was opened, whatever the floor. */
  readonly recoveredEnd: number
  readonly #options: SegmentLogOptions
  readonly #segments: WrittenSegment[]
  #active: LogFile
  /** Offset at which the newest segment's records end. */
  #newestEnd: number
  #durableEnd: number
  #bytes: number
  #pending: PendingAppend[] = []
  #pendingBytes = 0
  /** The write under way: a group, or the start of a segment. */
  #underWay: Promise<void> | undefined
  #cancelTimer: (() => void) | undefined
  /** When the last group began. */
  #begunMs = Number.NEGATIVE_INFINITY
  #failure: LogUnavailable | undefined
  /** Whether the segment that was removed last may come back. */
  #isRemovalUnsynced = false

  constructor(options: SegmentLogOptions, recovered: RecoveredSegments) {
    this.#options = options
    this.#segments = recovered.segments
    this.#active = recovered.active
    this.recoveredEnd = recovered.endOffset
    this.#newestEnd = recovered.endOffset
    this.#bytes = recovered.segments.reduce((sum, { bytes }) => sum + bytes, 0)
    this.#durableEnd = Math.max(recovered.endOffset, options.floorOffset)
  }

  get bounds(): LogBounds {
    return { startOffset: this.#segments[0]!.baseOffset, durableEnd: this.#durableEnd }
  }

  /** Durable bytes of the segments that hold records at or behind an offset. */
  bytesFrom(offset: number): number {
    if (offset >= this.#durableEnd) return 0
    // A segment ends where the next begins.
    return this.#segments.reduce(
      (sum, { bytes }, index) =>
        (this.#segments[index + 1]?.baseOffset ?? this.#durableEnd) > offset ? sum + bytes : sum,
      0
    )
  }

  /** Durable bytes on disk. */
  get bytes(): number {
    return this.#bytes
  }

  /** Settles once the batch is durable, or cannot be known to be. */
  append(packed: PackedRecords, settle: Settle): void {
    if (this.#failure !== undefined) {
      settle(this.#failure)
      return
    }
    this.#pending.push({ packed, requestedMs: this.#options.clock.nowMs(), settle })
    this.#pendingBytes += packed.bytes.length
    this.#arrange()
  }

  /** As `readBatches`. */
  read(fromOffset: number, bytesMax: number): Promise<readonly LogBatch[]> {
    return readBatches(this.#options, () => {
      const segments = [...this.#segments]
      return { segments, fromOffset, durableEnd: this.#durableEnd, bytesMax }
    })
  }

  /**
   * Removes the oldest segment if it lies wholly below an offset and has ended before a time.
   * Resolves to the bytes that became free; 0 when there is no such segment. One call at a time.
   */
  async removeOldest(
    belowOffset: number,
    endedBeforeMs = Number.POSITIVE_INFINITY
  ): Promise<number> {
    const [oldest, next] = this.#segments
    if (oldest === undefined || next === undefined || next.baseOffset > belowOffset) return 0
    // A segment ends no later than the next one starts; what has no time yet started a moment ago.
    if (endedBeforeMs !== Number.POSITIVE_INFINITY) {
      if (next.startedMs === undefined || next.startedMs > endedBeforeMs) return 0
    }
    const { files, directory, observe } = this.#options
    // A crash must not bring back an older segment than one it takes away.
    if (this.#isRemovalUnsynced) await files.syncDirectory(directory)
    this.#isRemovalUnsynced = true
    this.#segments.shift()
    this.#bytes -= oldest.bytes
    await files.remove(`${directory}/${segmentName(oldest.baseOffset)}`)
    await files.syncDirectory(directory)
    this.#isRemovalUnsynced = false
    const { baseOffset, bytes } = oldest
    observe({ type: 'segment.removed', baseOffset, endOffset: next.baseOffset, bytes })
    return bytes
  }

  /**
   * Starts a new segment if the newest has records, all below an offset: then it can be removed.
   */
  async retireNewest(belowOffset: number): Promise<boolean> {
    const idle = this.#underWay === undefined && this.#pending.length === 0
    if (!idle || this.#failure !== undefined || this.#durableEnd > belowOffset) return false
    if (this.#segments.at(-1)!.bytes === 0) return false
    this.#begin(async () => {
      await this.#startSegment()
      await this.#options.files.syncDirectory(this.#options.directory)
      return () => undefined
    })
    await this.#underWay
    return this.#failure === undefined
  }

  /** Writes what is pending and closes; later appends fail. */
  async close(): Promise<void> {
    // Each turn ends a write; the last one leaves nothing pending.
    while (this.#underWay !== undefined || this.#pending.length > 0) {
      if (this.#underWay === undefined) this.#flush()
      await this.#underWay
    }
    this.#failure ??= this.#unavailable('it was closed')
    await this.#active.close()
  }

  /** Flushes now, or when the last group began long enough ago. */
  #arrange(): void {
    if (this.#underWay !== undefined || this.#pending.length === 0) return
    const { clock, flushDelayMs, flushBytes } = this.#options
    if (this.#pendingBytes >= flushBytes || flushDelayMs === 0) {
      this.#flush()
      return
    }
    const sinceMs = clock.nowMs() - this.#begunMs
    // A clock that was set back says nothing. What is appended in one go is one group in any case.
    const delayMs = sinceMs >= 0 && sinceMs < flushDelayMs ? flushDelayMs - sinceMs : 0
    this.#cancelTimer ??= clock.schedule(delayMs, () => this.#flush())
  }

  #flush(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    if (this.#underWay !== undefined || this.#pending.length === 0) return
    this.#begunMs = this.#options.clock.nowMs()
    const group = this.#pending.splice(0, groupBatchesMax)
    for (const { packed } of group) this.#pendingBytes -= packed.bytes.length
    this.#begin(() => this.#commit(group), group)
  }

  /** Runs one write; a failure is the end of the log (4). */
  #begin(write: () => Promise<() => void>, group: readonly PendingAppend[] = []): void {
    const run = async () => {
      const end = await write().catch((error: unknown) => () => this.#fail(error, group))
      this.#underWay = undefined
      end()
      this.#arrange()
    }
    this.#underWay = run()
  }

  async #commit(group: readonly PendingAppend[]): Promise<() => void> {
    const { clock, segmentBytes, files, directory, observe } = this.#options
    // Inside a segment offsets have no hole: the one that the floor may make is between two of
    // them.
    const startsSegment =
      this.#segments.at(-1)!.bytes >= segmentBytes || this.#newestEnd !== this.#durableEnd
    if (startsSegment) await this.#startSegment()
    const segment = this.#segments.at(-1)!
    const writtenMs = clock.nowMs()
    const placed = this.#seal(group, segment, writtenMs)
    await this.#active.write(
      group.map(({ packed }) => packed.bytes),
      segment.bytes
    )
    await this.#active.sync()
    if (startsSegment) await files.syncDirectory(directory)
    segment.startedMs ??= writtenMs
    segment.bytes += placed.bytes
    this.#bytes += placed.bytes
    this.#newestEnd = placed.endOffset
    this.#durableEnd = placed.endOffset
    const durationMs = clock.nowMs() - writtenMs
    const { bytes, records, endOffset: durableEnd } = placed
    const batches = group.length
    observe({ type: 'group.committed', batches, records, bytes, durationMs, durableEnd })
    return () => {
      for (const [index, { settle }] of group.entries()) settle(placed.baseOffsets[index]!)
    }
  }

  /** Gives the group its offsets, from the durable end on (3). */
  #seal(group: readonly PendingAppend[], segment: WrittenSegment, writtenMs: number) {
    const baseOffsets: number[] = []
    let endOffset = this.#durableEnd
    let position = segment.bytes
    for (const [index, { packed, requestedMs }] of group.entries()) {
      sealBatch(packed, {
        baseOffset: endOffset,
        appendedMsMin: requestedMs,
        appendedMsMax: writtenMs,
        startsGroup: index === 0
      })
      segment.index.note(endOffset, position)
      baseOffsets.push(endOffset)
      endOffset += packed.recordCount
      position += packed.bytes.length
    }
    return {
      baseOffsets,
      endOffset,
      bytes: position - segment.bytes,
      records: endOffset - this.#durableEnd
    }
  }

  async #startSegment(): Promise<void> {
    const { files, directory, observe } = this.#options
    const segment = emptySegment(this.#durableEnd)
    const name = segmentName(segment.baseOffset)
    const started = await files.open(`${directory}/${name}`, 'create')
    const ended = this.#active
    this.#active = started
    this.#segments.push(segment)
    this.#newestEnd = segment.baseOffset
    observe({ type: 'segment.started', baseOffset: segment.baseOffset })
    await ended.close()
  }

  #fail(error: unknown, group: readonly PendingAppend[]): void {
    const detail = error instanceof Error ? error.message : String(error)
    this.#failure = this.#unavailable(`a write failed, open the log again: ${detail}`)
    const failed = [...group, ...this.#pending.splice(0)]
    this.#pendingBytes = 0
    this.#options.observe({ type: 'append.failed', batches: failed.length, cause: this.#failure })
    for (const { settle } of failed) settle(this.#failure)
  }

  #unavailable(detail: string): LogUnavailable {
    return new LogUnavailable({ topicPartition: this.#options.topicPartition, detail })
  }
}

const groupBatchesMax = 1_024
