/**
 * What one partition of the event log could not take yet: a segment log, and how far it has been
 * drained into the event log.
 *
 * 1. The drained position trails the acknowledgement: it moves when the event log has the records,
 *    in memory first and on disk later. A restart repeats, and never skips (R36).
 * 2. What is drained is removed segment by segment. An empty lane keeps one empty segment, whose
 *    name remembers where it ends.
 * 3. The position's file is a hint that saves repeats: absent, old or damaged, draining starts
 *    earlier. It never lies ahead.
 */
import * as Schema from 'effect/Schema'
import type { LogUnavailable } from './event-log.ts'
import { joinBatches, type JoinedBatches } from './joined-batches.ts'
import type { PackedRecords } from './record-batch.ts'
import { openSegmentLog, type SegmentLog, type SegmentLogOptions } from './segment-log.ts'
import { readWhole, replaceWhole } from './whole-file.ts'

export type SpoolLaneEvent =
  | { readonly type: 'position.unreadable'; readonly detail: string }
  /** Drained bytes stay, or are drained again after a restart; the next step tries again. */
  | { readonly type: 'cleanup.failed'; readonly detail: string }

export interface SpoolLaneOptions extends Omit<SegmentLogOptions, 'observe' | 'floorOffset'> {
  /** Drained bytes after which the position is written. */
  readonly positionStepBytes: number
  readonly observe: (event: SpoolLaneEvent | Parameters<SegmentLogOptions['observe']>[0]) => void
}

/** Recovers the lane. Rejects with LogCorrupt, or the disk's own error. */
export const openSpoolLane = async (options: SpoolLaneOptions): Promise<OpenSpoolLane> => {
  await options.files.makeDirectory(options.directory)
  const position = await readPosition(options)
  const segments = await openSegmentLog({ ...options, floorOffset: position })
  return new OpenSpoolLane(options, segments, position)
}

export class OpenSpoolLane {
  readonly #options: SpoolLaneOptions
  readonly #segments: SegmentLog
  #drained: number
  #unwrittenBytes = 0
  #appending = 0
  #appendingBytes = 0
  #isClosed = false
  #cleaning: Promise<void> = Promise.resolve()

  constructor(options: SpoolLaneOptions, segments: SegmentLog, position: number) {
    this.#options = options
    this.#segments = segments
    this.#drained = Math.max(position, segments.bounds.startOffset)
  }

  /** Offset of the oldest record that waits. */
  get drainedOffset(): number {
    return this.#drained
  }

  /** Records that are durable here and not yet in the event log. */
  get records(): number {
    return this.#segments.bounds.durableEnd - this.#drained
  }

  /** Nothing waits, and nothing is on its way in. */
  get isEmpty(): boolean {
    return this.#appending === 0 && this.records === 0
  }

  /** Bytes of segments that are not wholly drained. */
  get undrainedBytes(): number {
    return this.#segments.bytesFrom(this.#drained)
  }

  /** Bytes on disk, and of appends under way. */
  get bytes(): number {
    return this.#segments.bytes + this.#appendingBytes
  }

  /** Settles once the batch is durable, or cannot be known to be. */
  append(packed: PackedRecords, settle: (failure: LogUnavailable | undefined) => void): void {
    const bytes = packed.bytes.length
    this.#appending++
    this.#appendingBytes += bytes
    this.#segments.append(packed, (outcome) => {
      this.#appending--
      this.#appendingBytes -= bytes
      settle(typeof outcome === 'number' ? undefined : outcome)
    })
  }

  /** The oldest records that are not drained, undefined where there are none. */
  async oldest(bytesMax: number): Promise<JoinedBatches | undefined> {
    if (this.records === 0) return undefined
    return joinBatches(await this.#segments.read(this.#drained, bytesMax), bytesMax)
  }

  /** The event log has everything below the offset (1). Never rejects. One call at a time. */
  async acknowledge({ endOffset, packed }: JoinedBatches): Promise<void> {
    if (endOffset < this.#drained) throw new RangeError(`${endOffset} was drained before`)
    // The folder may be another's by now, who starts where this one was closed.
    if (this.#isClosed) return
    this.#drained = endOffset
    this.#unwrittenBytes += packed.bytes.length
    this.#cleaning = this.#tryToClean()
    await this.#cleaning
  }

  async #tryToClean(): Promise<void> {
    try {
      await this.#clean()
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error)
      this.#options.observe({ type: 'cleanup.failed', detail })
    }
  }

  /** Writes what is pending and the position, and closes. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#cleaning
    const written = this.#unwrittenBytes > 0 ? this.#writePosition() : Promise.resolve()
    // A position that cannot be written costs repeats; a segment that stays open costs the lane.
    await Promise.allSettled([written])
    await this.#segments.close()
    await written
  }

  /** (2) */
  async #clean(): Promise<void> {
    if (this.isEmpty) await this.#segments.retireNewest(this.#drained)
    // Each turn removes a segment; the newest stays.
    while ((await this.#segments.removeOldest(this.#drained)) > 0);
    if (this.#segments.bounds.startOffset === this.#drained) this.#unwrittenBytes = 0
    if (this.#unwrittenBytes >= this.#options.positionStepBytes) await this.#writePosition()
  }

  async #writePosition(): Promise<void> {
    const { files, directory } = this.#options
    const covered = this.#unwrittenBytes
    const content = JSON.stringify({ version: 1, drained: this.#drained })
    await replaceWhole(files, `${directory}/${positionName}`, `${content}\n`)
    await files.syncDirectory(directory)
    this.#unwrittenBytes -= covered
  }
}

const positionName = 'drained.json'

const decodePosition = Schema.decodeUnknownSync(
  Schema.Struct({ version: Schema.Literal(1), drained: Schema.Int })
)

/** (3) */
const readPosition = async ({ files, directory, observe }: SpoolLaneOptions): Promise<number> => {
  const text = await readWhole(files, `${directory}/${positionName}`)
  if (text === undefined) return 0
  try {
    return decodePosition(JSON.parse(text)).drained
  } catch (error) {
    observe({
      type: 'position.unreadable',
      detail: error instanceof Error ? error.message : String(error)
    })
    return 0
  }
}
