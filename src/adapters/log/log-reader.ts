/**
 * Read-only view of an embedded log for another thread, or another process of this machine.
 *
 * 1. What is durable is told, never guessed: a partition is readable up to the last `advance`.
 * 2. A partition is read once at a time, and its batches are whole until it is read again.
 * 3. Which segments there are is read from the directory again whenever the known ones do not do.
 */
import * as Effect from 'effect/Effect'
import {
  type EventLogReader,
  type LogUnavailable,
  readFailure,
  unavailable,
  type Watermark,
  wholeLog
} from './event-log.ts'
import type { LogBatch } from './record-batch.ts'
import { LogDescriptionUnreadable, readDescription, topicPartitionName } from './log-directory.ts'
import type { LogFiles } from './log-files.ts'
import {
  readBatches,
  ReadMemory,
  type Segment,
  SegmentIndex,
  segmentOffsets
} from './segment-reader.ts'

export interface LogReaderOptions {
  readonly directory: string
  readonly files: LogFiles
  /** Watermarks at the time of opening, from the writer. */
  readonly watermarks: readonly Watermark[]
  /**
   * JSON text of the schema with a fingerprint, where it is known; absent: of none (R52). Rejects
   * where that cannot be told now.
   */
  readonly writerSchemaOf?: (fingerprint: string) => Promise<string | undefined>
}

export interface LogReader extends EventLogReader {
  /** Tells how far a partition is durable now; the writer's `changed` says so. */
  readonly advance: (watermark: Watermark) => void
}

/** The log must exist. It holds no resource between reads. */
export const openLogReader = (
  options: LogReaderOptions
): Effect.Effect<LogReader, LogDescriptionUnreadable | LogUnavailable> =>
  Effect.tryPromise({
    try: () => open(options),
    catch: (error) =>
      error instanceof LogDescriptionUnreadable ? error : unavailable('embedded log', error)
  })

const open = async ({
  directory,
  files,
  watermarks,
  writerSchemaOf
}: LogReaderOptions): Promise<LogReader> => {
  const description = await readDescription(files, directory)
  if (description === undefined) throw new Error('the directory holds no log')
  const partitions = new Map<string, PartitionView>()
  const listeners = new Set<(watermark: Watermark) => void>()
  for (const { topic, partition, durableEnd } of watermarks) {
    const name = topicPartitionName(topic, partition)
    partitions.set(name, new PartitionView(files, `${directory}/${name}`, { name, durableEnd }))
  }
  const find = (topic: string, partition: number): PartitionView => {
    const found = partitions.get(topicPartitionName(topic, partition))
    if (found === undefined) throw new RangeError(`${topic}-${partition} was not declared`)
    return found
  }
  return {
    identityOf: () => description.identity,
    topics: description.topics,
    ...wholeLog(description.topics),
    bounds: (topic, partition) =>
      Effect.suspend(() => {
        const view = find(topic, partition)
        return Effect.tryPromise({
          try: () => view.bounds(),
          catch: (error) => unavailable(topicPartitionName(topic, partition), error)
        })
      }),
    knownEnd: (topic, partition) => find(topic, partition).durableEnd,
    read: (topic, partition, { fromOffset, bytesMax }) =>
      Effect.suspend(() => {
        const view = find(topic, partition)
        return Effect.tryPromise({
          try: async () => withSchemas(await view.read(fromOffset, bytesMax), writerSchemaOf),
          catch: (error) => readFailure(topicPartitionName(topic, partition), error)
        })
      }),
    changed(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    advance(watermark) {
      if (!find(watermark.topic, watermark.partition).advance(watermark.durableEnd)) return
      for (const listener of listeners) listener(watermark)
    }
  }
}

const withSchemas = async (
  batches: readonly LogBatch[],
  writerSchemaOf: LogReaderOptions['writerSchemaOf']
): Promise<readonly LogBatch[]> => {
  if (writerSchemaOf === undefined) return batches
  const told: LogBatch[] = []
  for (const batch of batches) {
    told.push({ ...batch, writerSchema: await writerSchemaOf(batch.schemaFingerprint) })
  }
  return told
}

class PartitionView {
  readonly #files: LogFiles
  readonly #directory: string
  readonly #name: string
  /** Undefined while a read is under way; one that nobody waits for any more keeps its own. */
  #memory: ReadMemory | undefined
  #durableEnd: number
  #segments: readonly Segment[] = []

  constructor(
    files: LogFiles,
    directory: string,
    { name, durableEnd }: { readonly name: string; readonly durableEnd: number }
  ) {
    this.#files = files
    this.#directory = directory
    this.#name = name
    this.#durableEnd = durableEnd
  }

  get durableEnd(): number {
    return this.#durableEnd
  }

  /** Whether that is news. */
  advance(durableEnd: number): boolean {
    if (durableEnd <= this.#durableEnd) return false
    this.#durableEnd = durableEnd
    return true
  }

  async bounds() {
    await this.#list()
    return { startOffset: this.#segments[0]?.baseOffset ?? 0, durableEnd: this.#durableEnd }
  }

  async read(fromOffset: number, bytesMax: number): Promise<readonly LogBatch[]> {
    const files = this.#files
    const memory = this.#memory ?? new ReadMemory()
    this.#memory = undefined
    const source = { files, directory: this.#directory, topicPartition: this.#name, memory }
    try {
      return await readBatches(source, async (attempt) => {
        const durableEnd = this.#durableEnd
        const unlisted = this.#segments.length === 0 || fromOffset < this.#segments[0]!.baseOffset
        if (attempt > 1 || unlisted) await this.#list()
        return { segments: this.#segments, fromOffset, durableEnd, bytesMax }
      })
    } finally {
      this.#memory = memory
    }
  }

  /** Lists the directory; what is known of segments that are still there stays known. */
  async #list(): Promise<void> {
    const known = new Map(this.#segments.map((segment) => [segment.baseOffset, segment]))
    const offsets = segmentOffsets(await this.#files.list(this.#directory))
    this.#segments = offsets.map(
      (baseOffset) => known.get(baseOffset) ?? { baseOffset, index: new SegmentIndex() }
    )
  }
}
