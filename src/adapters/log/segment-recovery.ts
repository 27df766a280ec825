/**
 * Opens a directory of segments after any end of its last writer, a power cut included.
 *
 * 1. Only the last segment can be torn: a newer one is made after the older one is durable.
 * 2. Within it only the last group can be torn: a group is written after the one before it is
 *    durable, and its first batch says so. Damage that a later group follows is therefore damage of
 *    durable bytes: a `LogCorrupt`, never truncated away.
 * 3. The last group is written over itself before it counts: after a failed fsync the page cache
 *    may show bytes that the disk does not have, and would call them clean.
 */
import { LogCorrupt } from './event-log.ts'
import type { LogFile } from './log-files.ts'
import {
  batchBytesAt,
  batchBytesMax,
  batchHeaderBytes,
  batchMagic,
  BatchMalformed,
  type LogBatch,
  openBatch,
  startsGroup
} from './record-batch.ts'
import {
  type SegmentDirectory,
  SegmentIndex,
  segmentName,
  segmentOffsets
} from './segment-reader.ts'

/** What the writer knows of a segment. */
export interface WrittenSegment {
  readonly baseOffset: number
  readonly index: SegmentIndex
  bytes: number
  /** When its first batch was written, Unix ms; undefined while it is empty or cannot be read. */
  startedMs: number | undefined
}

export interface RecoveredSegments {
  /** Ascending, at least one; the last is the one to append to. */
  readonly segments: WrittenSegment[]
  readonly active: LogFile
  /** Offset behind the last whole batch. */
  readonly endOffset: number
  /** What a crash had left behind it, and was cut off. */
  readonly tornBytes: number
}

/**
 * Reads the segments' state and makes it durable. An empty directory gets a segment of offset 0.
 * Rejects with LogCorrupt, or the disk's own error.
 */
export const recoverSegments = async (source: SegmentDirectory): Promise<RecoveredSegments> => {
  const { files, directory } = source
  const offsets = segmentOffsets(await files.list(directory))
  if (offsets.length === 0) {
    const active = await files.open(`${directory}/${segmentName(0)}`, 'create')
    await files.syncDirectory(directory)
    return { segments: [emptySegment(0)], active, endOffset: 0, tornBytes: 0 }
  }
  const segments: WrittenSegment[] = []
  for (const baseOffset of offsets.slice(0, -1)) {
    segments.push(await surveySegment(source, baseOffset))
  }
  const last = emptySegment(offsets.at(-1)!)
  segments.push(last)
  const active = await files.open(`${directory}/${segmentName(last.baseOffset)}`, 'write')
  try {
    const scan = await scanSegment(source, last, active)
    await settle(active, last, scan)
    await files.syncDirectory(directory)
    const { endOffset, size } = scan
    return { segments, active, endOffset, tornBytes: size - last.bytes }
  } catch (error) {
    await active.close()
    throw error
  }
}

/** Where the records of a segment end, and what of them is damaged, by reading only. */
export const surveyNewest = async (
  source: SegmentDirectory,
  baseOffset: number
): Promise<{ readonly endOffset: number; readonly damage: LogCorrupt | null }> => {
  const file = await source.files.open(`${source.directory}/${segmentName(baseOffset)}`, 'read')
  try {
    const { endOffset } = await scanSegment(source, emptySegment(baseOffset), file)
    return { endOffset, damage: null }
  } catch (error) {
    if (!(error instanceof LogCorrupt)) throw error
    const window = new FileWindow(file, await file.size())
    return { endOffset: await endBehind(window, error.position), damage: error }
  } finally {
    await file.close()
  }
}

/** Offset behind the last whole batch that follows a position, wherever it lies. */
const endBehind = async (window: FileWindow, position: number): Promise<number> => {
  let endOffset = 0
  for (let from = position + 1; from < window.size; ) {
    const candidate = await window.find(batchMagic, from)
    if (candidate === undefined) break
    const batch = await window.batchAt(candidate)
    const isWhole = !(batch instanceof BatchMalformed)
    if (isWhole) endOffset = Math.max(endOffset, batch.endOffset)
    from = candidate + (isWhole ? batch.bytes.length : 1)
  }
  return endOffset
}

export const emptySegment = (baseOffset: number): WrittenSegment => ({
  baseOffset,
  index: new SegmentIndex(),
  bytes: 0,
  startedMs: undefined
})

const scanChunkBytes = 1024 * 1024
const rewriteChunkBytes = 1024 * 1024

/** Size and age of an older segment; its batches are verified when they are read. */
const surveySegment = async (
  { files, directory }: SegmentDirectory,
  baseOffset: number
): Promise<WrittenSegment> => {
  const file = await files.open(`${directory}/${segmentName(baseOffset)}`, 'read')
  try {
    const segment = emptySegment(baseOffset)
    segment.bytes = await file.size()
    const start = Buffer.alloc(Math.min(segment.bytes, scanChunkBytes))
    await file.read(start, 0)
    segment.startedMs = firstBatch(start)?.appendedMsMax
    return segment
  } finally {
    await file.close()
  }
}

const firstBatch = (bytes: Buffer): LogBatch | undefined => {
  try {
    return openBatch(bytes, 0, bytes.length)
  } catch {
    return undefined
  }
}

interface Scan {
  readonly size: number
  readonly endOffset: number
  /** Position of the last group: what is before it was durable. */
  readonly groupPosition: number
}

/** Verifies every batch; sets `segment.bytes` to the end of the last whole one. */
const scanSegment = async (
  source: SegmentDirectory,
  segment: WrittenSegment,
  file: LogFile
): Promise<Scan> => {
  const size = await file.size()
  let endOffset = segment.baseOffset
  let groupPosition = 0
  // Each turn passes a batch of at least a header's length.
  const window = new FileWindow(file, size)
  while (segment.bytes < size) {
    const position = segment.bytes
    const batch = await window.batchAt(position)
    if (batch instanceof BatchMalformed || batch.baseOffset !== endOffset) {
      await refuseDurableDamage(source, { segment, window, position })
      break
    }
    if (startsGroup(batch)) groupPosition = position
    segment.startedMs ??= batch.appendedMsMax
    segment.index.note(batch.baseOffset, position)
    segment.bytes += batch.bytes.length
    endOffset = batch.endOffset
  }
  return { size, endOffset, groupPosition }
}

/** A group behind the damage proves that the damaged bytes were durable (2). */
const refuseDurableDamage = async (
  source: SegmentDirectory,
  at: { segment: WrittenSegment; window: FileWindow; position: number }
): Promise<void> => {
  const { segment, window, position } = at
  for (let from = position + 1; from < window.size; ) {
    const candidate = await window.find(batchMagic, from)
    if (candidate === undefined) return
    const batch = await window.batchAt(candidate)
    const isWhole = !(batch instanceof BatchMalformed)
    if (isWhole && startsGroup(batch) && batch.baseOffset > segment.baseOffset) {
      throw new LogCorrupt({
        topicPartition: source.topicPartition,
        file: segmentName(segment.baseOffset),
        position,
        detail: `durable batches before the one at byte ${candidate} are damaged`
      })
    }
    from = candidate + 1
  }
}

/** Cuts a torn tail off and makes what stays durable (3). */
const settle = async (file: LogFile, segment: WrittenSegment, scan: Scan): Promise<void> => {
  if (segment.bytes < scan.size) await file.truncate(segment.bytes)
  for (let position = scan.groupPosition; position < segment.bytes; position += rewriteChunkBytes) {
    const chunk = Buffer.allocUnsafe(Math.min(rewriteChunkBytes, segment.bytes - position))
    await file.read(chunk, position)
    await file.write([chunk], position)
  }
  await file.sync()
}

/** A piece of a file in memory that moves forward with what is asked of it. */
class FileWindow {
  readonly size: number
  readonly #file: LogFile
  #bytes = Buffer.alloc(0)
  #start = 0

  constructor(file: LogFile, size: number) {
    this.#file = file
    this.size = size
  }

  /** The batch at a position; it is valid until the next call. */
  async batchAt(position: number): Promise<LogBatch | BatchMalformed> {
    try {
      await this.#hold(position, batchHeaderBytes)
      const from = position - this.#start
      await this.#hold(position, batchBytesAt(this.#bytes, from, this.#bytes.length))
      return openBatch(this.#bytes, position - this.#start, this.#bytes.length)
    } catch (error) {
      if (error instanceof BatchMalformed) return error
      throw error
    }
  }

  /** Position of the first occurrence at or behind a position. */
  async find(pattern: Buffer, position: number): Promise<number | undefined> {
    for (let from = position; from + pattern.length <= this.size; ) {
      await this.#hold(from, pattern.length)
      const found = this.#bytes.indexOf(pattern, from - this.#start)
      if (found >= 0) return this.#start + found
      from = Math.max(from + 1, this.#start + this.#bytes.length - pattern.length + 1)
    }
    return undefined
  }

  /** Holds the bytes from a position on, as far as the file has them. */
  async #hold(position: number, bytes: number): Promise<void> {
    const end = Math.min(this.size, position + Math.min(bytes, batchBytesMax))
    if (position >= this.#start && end <= this.#start + this.#bytes.length) return
    const length = Math.min(this.size - position, Math.max(bytes, scanChunkBytes))
    const chunk = Buffer.allocUnsafe(length)
    this.#bytes = chunk.subarray(0, await this.#file.read(chunk, position))
    this.#start = position
  }
}
