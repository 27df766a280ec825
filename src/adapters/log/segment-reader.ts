/**
 * Reads batches from the segment files of one directory, for the writer and for read-only views
 * alike.
 *
 * 1. Nothing at or beyond the durable watermark is looked at: a write may be under way there.
 * 2. Batches are contiguous from the offset asked for; a hole or damage is a named error.
 * 3. No file stays open between reads, so a deleted segment is never read from a stale handle.
 */
import { LogCorrupt, OffsetOutOfRange, LogOffsetsLost } from './event-log.ts'
import { FileAbsent, type LogFile, type LogFiles } from './log-files.ts'
import {
  batchBytesAt,
  BatchMalformed,
  batchHeaderBytes,
  type LogBatch,
  openBatch
} from './record-batch.ts'

/** One file of consecutive batches, and where some of them start. */
export interface Segment {
  readonly baseOffset: number
  readonly index: SegmentIndex
}

export interface SegmentDirectory {
  readonly files: LogFiles
  /** Path of the directory. */
  readonly directory: string
  /** Names the partition in errors. */
  readonly topicPartition: string
  /** Absent, each read has memory of its own. */
  readonly memory?: ReadMemory
}

/**
 * Memory that reads use again and again, so that reading makes no garbage: batches of a read are
 * views of it, and only whole until the next one begins.
 */
export class ReadMemory {
  readonly #chunks: Buffer[] = []
  #used = 0

  /** Everything that was taken may be overwritten from here on. */
  begin(): void {
    this.#used = 0
  }

  take(bytes: number): Buffer {
    const index = this.#used++
    if ((this.#chunks[index]?.length ?? 0) < bytes) {
      this.#chunks[index] = Buffer.allocUnsafeSlow(Math.max(bytes, chunkBytesMin))
    }
    return this.#chunks[index]!.subarray(0, bytes)
  }
}

interface BatchPlace {
  readonly offset: number
  readonly position: number
}

export interface SegmentRead {
  /** Ascending by base offset. */
  readonly segments: readonly Segment[]
  readonly fromOffset: number
  readonly durableEnd: number
  readonly bytesMax: number
}

export const segmentName = (baseOffset: number): string =>
  `${baseOffset.toString().padStart(nameDigits, '0')}.log`

/** Base offsets of the segment files among the names, ascending. */
export const segmentOffsets = (names: readonly string[]): readonly number[] =>
  names
    .filter((name) => namePattern.test(name))
    .map((name) => Number(name.slice(0, nameDigits)))
    .sort((a, b) => a - b)

/** Positions of some batches, at least `stepBytes` apart, and of the one to be read next. */
export class SegmentIndex {
  readonly #offsets: number[] = []
  readonly #positions: number[] = []
  #next: BatchPlace | undefined

  /** What was read ended here: who reads on begins here. */
  noteNext(offset: number, position: number): void {
    this.#next = { offset, position }
  }

  /** Notes a batch unless one close to it, or behind it, is known. */
  note(offset: number, position: number): void {
    const last = this.#positions.length - 1
    if (last >= 0 && position < this.#positions[last]! + stepBytes) return
    this.#offsets.push(offset)
    this.#positions.push(position)
  }

  /** The last known batch that starts at or below the offset. */
  locate(offset: number): BatchPlace | undefined {
    if (this.#next?.offset === offset) return this.#next
    let low = 0
    let high = this.#offsets.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#offsets[middle]! <= offset) low = middle + 1
      else high = middle
    }
    if (low === 0) return undefined
    return { offset: this.#offsets[low - 1]!, position: this.#positions[low - 1]! }
  }
}

/**
 * Batches from the one that holds `fromOffset` on: up to `bytesMax`, but at least one, of one
 * segment. `look` tells what is there; it is asked again when files turn out to have come or gone.
 * Rejects with OffsetOutOfRange, LogOffsetsLost, LogCorrupt, or the disk's own error.
 */
export const readBatches = async (
  source: SegmentDirectory,
  look: (attempt: number) => SegmentRead | Promise<SegmentRead>
): Promise<readonly LogBatch[]> => {
  for (let attempt = 1; ; attempt++) {
    const read = await look(attempt)
    source.memory?.begin()
    try {
      return await readOnce(source, read)
    } catch (error) {
      if (!(error instanceof SegmentsChanged)) throw error
      if (attempt < attemptsMax) continue
      const { fromOffset, durableEnd: nextOffset } = read
      throw new LogOffsetsLost({ topicPartition: source.topicPartition, fromOffset, nextOffset })
    }
  }
}

/** Files are not those that were listed: look again. */
class SegmentsChanged extends Error {}

const attemptsMax = 3

const readOnce = async (
  source: SegmentDirectory,
  read: SegmentRead
): Promise<readonly LogBatch[]> => {
  const { topicPartition } = source
  const { segments, fromOffset, durableEnd } = read
  const startOffset = segments[0]?.baseOffset ?? durableEnd
  if (fromOffset < startOffset || fromOffset > durableEnd) {
    throw new OffsetOutOfRange({ topicPartition, fromOffset, startOffset, durableEnd })
  }
  if (fromOffset === durableEnd) return []
  const at = segments.findLastIndex(({ baseOffset }) => baseOffset <= fromOffset)
  const segment = segments[at]!
  const found = await withFile(source, segment, (file) =>
    readSegment(source, { file, segment, read })
  )
  if (found.length > 0) return found
  // The segment ends at or below the offset, though more is durable: only a newer one can have it.
  const nextOffset = segments[at + 1]?.baseOffset
  if (nextOffset === undefined) throw new SegmentsChanged('a newer segment has the offset')
  throw new LogOffsetsLost({ topicPartition, fromOffset, nextOffset })
}

const nameDigits = 20
const namePattern = new RegExp(`^[0-9]{${nameDigits}}\\.log$`)
const stepBytes = 64 * 1024
const chunkBytesMin = 64 * 1024
const chunkBytesMax = 4 * 1024 * 1024

const withFile = async <A>(
  source: SegmentDirectory,
  segment: Segment,
  use: (file: LogFile) => Promise<A>
): Promise<A> => {
  const file = await open(source, segment)
  try {
    return await use(file)
  } finally {
    await file.close()
  }
}

const open = async (source: SegmentDirectory, segment: Segment): Promise<LogFile> => {
  try {
    return await source.files.open(`${source.directory}/${segmentName(segment.baseOffset)}`, 'read')
  } catch (error) {
    if (error instanceof FileAbsent) throw new SegmentsChanged('a segment was deleted')
    throw error
  }
}

interface SegmentScan {
  readonly file: LogFile
  readonly segment: Segment
  readonly read: SegmentRead
}

/** Walks from the nearest known batch; what lies before `fromOffset` is passed over and indexed. */
const readSegment = async (
  source: SegmentDirectory,
  scan: SegmentScan
): Promise<readonly LogBatch[]> => {
  const { file, segment, read } = scan
  const known = segment.index.locate(read.fromOffset)
  let position = known?.position ?? 0
  let expected = known?.offset ?? segment.baseOffset
  let collectedBytes = 0
  const found: LogBatch[] = []
  const size = await file.size()
  // Each turn passes at least one batch, or ends.
  while (expected < read.durableEnd && position < size && collectedBytes < read.bytesMax) {
    const chunk = await readChunk(source, file, position, {
      bytesWanted: read.bytesMax - collectedBytes,
      size
    })
    let start = 0
    while (start < chunk.length && expected < read.durableEnd) {
      if (start > 0 && endsInside(chunk, start)) break
      const batch = openAt(source, scan, { chunk, start, position, expected })
      if (batch instanceof LogCorrupt) {
        // What is whole before the damage is given first: the next read meets the damage.
        if (found.length > 0) return found
        throw batch
      }
      const bytes = batch.bytes.length
      if (batch.endOffset > read.fromOffset) {
        if (found.length > 0 && collectedBytes + bytes > read.bytesMax) return found
        found.push(batch)
        collectedBytes += bytes
      }
      segment.index.note(batch.baseOffset, position + start)
      expected = batch.endOffset
      start += bytes
    }
    position += start
    segment.index.noteNext(expected, position)
    // What was only passed over may be overwritten: a walk must not keep the whole segment.
    if (found.length === 0) source.memory?.begin()
  }
  return found
}

/**
 * Bytes from a position on: about as many as wanted, but at least one whole batch if the file has
 * it.
 */
const readChunk = async (
  { memory }: SegmentDirectory,
  file: LogFile,
  position: number,
  limit: { readonly bytesWanted: number; readonly size: number }
): Promise<Buffer> => {
  const available = limit.size - position
  const wanted = Math.max(chunkBytesMin, Math.min(chunkBytesMax, limit.bytesWanted))
  const take = (bytes: number) => memory?.take(bytes) ?? Buffer.allocUnsafeSlow(bytes)
  const chunk = await fill(file, take(Math.min(wanted, available)), position)
  if (!endsInside(chunk, 0)) return chunk
  const whole = chunk.length < batchHeaderBytes ? 0 : batchBytesOf(chunk)
  return whole > chunk.length && whole <= available ? fill(file, take(whole), position) : chunk
}

const fill = async (file: LogFile, chunk: Buffer, position: number): Promise<Buffer> =>
  chunk.subarray(0, await file.read(chunk, position))

/** Whether the chunk ends before the batch at `start` does; damage is left to `openAt`. */
const endsInside = (chunk: Buffer, start: number): boolean => {
  const rest = chunk.length - start
  return rest < batchHeaderBytes || batchBytesOf(chunk, start) > rest
}

const batchBytesOf = (chunk: Buffer, start = 0): number => {
  try {
    return batchBytesAt(chunk, start, chunk.length)
  } catch {
    return 0
  }
}

const openAt = (
  source: SegmentDirectory,
  scan: SegmentScan,
  at: { chunk: Buffer; start: number; position: number; expected: number }
): LogBatch | LogCorrupt => {
  const corrupt = (detail: string) =>
    new LogCorrupt({
      topicPartition: source.topicPartition,
      file: segmentName(scan.segment.baseOffset),
      position: at.position + at.start,
      detail
    })
  try {
    const batch = openBatch(at.chunk, at.start, at.chunk.length)
    if (batch.baseOffset === at.expected) return batch
    return corrupt(`a batch of offset ${batch.baseOffset} in the place of ${at.expected}`)
  } catch (error) {
    if (error instanceof BatchMalformed) return corrupt(error.message)
    throw error
  }
}
