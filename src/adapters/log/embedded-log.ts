/**
 * The event log on this machine's disk: a segment log per topic-partition in one directory.
 *
 * 1. Nothing is visible or acknowledged before it is durable (R11).
 * 2. No offset below a consumer's committed one is assigned; a log that ends below it is a fault
 *    that the caller is told of when it opens the log (R8).
 * 3. A segment is deleted only when it lies wholly below what is consumed (R31).
 * 4. Bytes in memory and on disk have limits: `pendingBytesMax` and `diskBytesMax`.
 * 5. One process writes; others, and other threads, read through `openLogReader`.
 */
import * as Effect from 'effect/Effect'
import type * as Scope from 'effect/Scope'
import { Admission } from './admission.ts'
import {
  type EventLog,
  type EventLogReader,
  LogCorrupt,
  LogFull,
  type LogUnavailable,
  readFailure,
  TruncatedLog,
  unavailable,
  type Watermark,
  wholeLog
} from './event-log.ts'
import {
  establishDescription,
  type LogDescription,
  LogDescriptionUnreadable,
  TopicPartitionsChanged,
  topicPartitionName
} from './log-directory.ts'
import type { LogClock, LogFiles } from './log-files.ts'
import type { PackedRecords } from './record-batch.ts'
import { Retention, type RetentionEvent } from './retention.ts'
import { openSegmentLog, type SegmentLog, type SegmentLogEvent } from './segment-log.ts'
import {
  acquireWriterLock,
  LogInUse,
  type LogProcess,
  type ProcessMark,
  type WriterLock
} from './writer-lock.ts'

export interface EmbeddedLogOptions {
  readonly directory: string
  readonly files: LogFiles
  readonly clock: LogClock
  readonly process: LogProcess
  /** Partition count by topic; a topic keeps its count for ever. */
  readonly topics: Readonly<Record<string, number>>
  /**
   * Offsets that consumers have committed: below them nothing is assigned, and all may be deleted.
   */
  readonly neverBelow: readonly ConsumedOffset[]
  readonly limits?: Partial<EmbeddedLogLimits>
  readonly observe: (event: EmbeddedLogEvent) => void
}

interface EmbeddedLogLimits {
  /** How long an append may wait for others to share its fsync, ms, 0 to 50. Default 20. */
  readonly flushDelayMs: number
  /** A group of this size does not wait. Default 1 MiB. */
  readonly flushBytes: number
  /** A segment of this size is followed by a new one. Default 64 MiB. */
  readonly segmentBytes: number
  /** Bytes of appends that are not durable yet; more wait. Default 32 MiB. */
  readonly pendingBytesMax: number
  /** Bytes of all partitions; more are refused. Default 4 GiB. */
  readonly diskBytesMax: number
  /** How long consumed records are kept, ms, while the disk budget allows. Default one hour. */
  readonly retentionMs: number
}

export interface ConsumedOffset {
  readonly topic: string
  readonly partition: number
  /** Next offset to consume. */
  readonly offset: number
}

export type EmbeddedLogEvent =
  | (SegmentLogEvent & { readonly topic: string; readonly partition: number })
  | (RetentionEvent & { readonly topic: string; readonly partition: number })
  | { readonly type: 'lock.recovered'; readonly from: ProcessMark }
  | {
      readonly type: 'append.refused'
      readonly topic: string
      readonly partition: number
      readonly records: number
      readonly bytes: number
      readonly reason: 'log_full'
    }

export interface EmbeddedLog extends EventLog, EventLogReader {
  /** Partitions that ended below a committed offset; the next append goes on at that offset. */
  readonly faults: readonly TruncatedLog[]
}

export type OpenFailure =
  | LogInUse
  | TopicPartitionsChanged
  | LogDescriptionUnreadable
  | LogCorrupt
  | LogUnavailable

/**
 * Opens the log, recovers its partitions and closes it, with what is pending written, with the
 * scope.
 */
export const openEmbeddedLog = (
  options: EmbeddedLogOptions
): Effect.Effect<EmbeddedLog, OpenFailure, Scope.Scope> =>
  Effect.suspend(() => {
    const limits = checkLimits({ ...defaultLimits, ...options.limits })
    const opening = Effect.tryPromise({ try: () => open(options, limits), catch: openFailure })
    return Effect.map(
      Effect.acquireRelease(opening, (opened) => Effect.promise(() => closeAll(opened))),
      (opened) => makeEmbeddedLog(opened, limits, options)
    )
  })

/** One partition of an open log. */
interface OpenPartition {
  readonly topic: string
  readonly partition: number
  readonly segments: SegmentLog
  /** Undefined until a consumer has committed: then nothing may be deleted. */
  consumedOffset: number | undefined
}

const defaultLimits: EmbeddedLogLimits = {
  flushDelayMs: 20,
  flushBytes: 1024 * 1024,
  segmentBytes: 64 * 1024 * 1024,
  pendingBytesMax: 32 * 1024 * 1024,
  diskBytesMax: 4 * 1024 * 1024 * 1024,
  retentionMs: 60 * 60 * 1_000
}
const flushDelayMsMax = 50

const checkLimits = (limits: EmbeddedLogLimits): EmbeddedLogLimits => {
  for (const [name, value] of Object.entries(limits)) {
    if (Number.isSafeInteger(value) && value >= 0) continue
    throw new RangeError(`${name} = ${value}: not a count`)
  }
  if (limits.flushDelayMs > flushDelayMsMax) {
    throw new RangeError(`flushDelayMs = ${limits.flushDelayMs}: at most ${flushDelayMsMax}`)
  }
  if (limits.diskBytesMax < limits.segmentBytes) {
    throw new RangeError(`diskBytesMax = ${limits.diskBytesMax}: less than one segment`)
  }
  return limits
}

interface Opened {
  readonly description: LogDescription
  readonly partitions: ReadonlyMap<string, OpenPartition>
  readonly lock: WriterLock
  readonly listeners: Set<(watermark: Watermark) => void>
}

const open = async (options: EmbeddedLogOptions, limits: EmbeddedLogLimits): Promise<Opened> => {
  const { files, directory, observe, topics, process } = options
  await files.makeDirectory(directory)
  const lock = await acquireWriterLock(files, process, directory)
  const { recoveredFrom: from } = lock
  if (from !== undefined) observe({ type: 'lock.recovered', from })
  const partitions = new Map<string, OpenPartition>()
  const listeners = new Set<(watermark: Watermark) => void>()
  try {
    const newIdentity = process.uniqueId
    const description = await establishDescription(files, directory, { topics, newIdentity })
    for (const [topic, count] of description.topics) {
      for (let partition = 0; partition < count; partition++) {
        const opened = await openPartition({ options, limits, listeners }, topic, partition)
        partitions.set(topicPartitionName(topic, partition), opened)
      }
    }
    if (!(await lock.isHeld())) throw new LogInUse({ file: 'writer.lock', pid: process.self.pid })
    return { description, partitions, lock, listeners }
  } catch (error) {
    await closeAll({ partitions, lock })
    throw error
  }
}

const openPartition = async (
  log: {
    readonly options: EmbeddedLogOptions
    readonly limits: EmbeddedLogLimits
    readonly listeners: Set<(watermark: Watermark) => void>
  },
  topic: string,
  partition: number
): Promise<OpenPartition> => {
  const { files, clock, neverBelow, observe } = log.options
  const topicPartition = topicPartitionName(topic, partition)
  const directory = `${log.options.directory}/${topicPartition}`
  const consumedOffset = neverBelow.find(
    (consumed) => consumed.topic === topic && consumed.partition === partition
  )?.offset
  await files.makeDirectory(directory)
  const segments = await openSegmentLog({
    ...log.limits,
    files,
    clock,
    directory,
    topicPartition,
    floorOffset: consumedOffset ?? 0,
    observe(event) {
      observe({ ...event, topic, partition })
      if (event.type !== 'group.committed') return
      const { durableEnd } = event
      for (const listener of log.listeners) listener({ topic, partition, durableEnd })
    }
  })
  return { topic, partition, segments, consumedOffset }
}

const closeAll = async ({
  partitions,
  lock
}: Pick<Opened, 'partitions' | 'lock'>): Promise<void> => {
  const closing = [...partitions.values()].map(({ segments }) => segments.close())
  // A segment that cannot be closed must not leave the folder locked against the next opening.
  await Promise.allSettled(closing)
  await lock.release()
  await Promise.all(closing)
}

const openFailure = (error: unknown): OpenFailure => {
  const named =
    error instanceof LogInUse ||
    error instanceof TopicPartitionsChanged ||
    error instanceof LogDescriptionUnreadable ||
    error instanceof LogCorrupt
  return named ? error : unavailable('embedded log', error)
}

const makeEmbeddedLog = (
  opened: Opened,
  limits: EmbeddedLogLimits,
  { clock, observe }: EmbeddedLogOptions
): EmbeddedLog => {
  const { identity, topics } = opened.description
  const partitions = [...opened.partitions.values()]
  const retention = new Retention(partitions, { clock, retentionMs: limits.retentionMs, observe })
  const usedBytes = () => partitions.reduce((sum, { segments }) => sum + segments.bytes, 0)
  const reclaim = (usedBytesMax: number) => retention.reclaim(usedBytes, usedBytesMax)
  const admission = new Admission(limits, { usedBytes, reclaim })
  const find = (topic: string, partition: number): OpenPartition => {
    const found = opened.partitions.get(topicPartitionName(topic, partition))
    if (found === undefined) throw new RangeError(`${topic}-${partition} was not declared`)
    return found
  }
  return {
    ...wholeLog(topics),
    identityOf: () => identity,
    topics,
    faults: partitions.flatMap(faultOf),
    append: (topic, partition, packed) =>
      Effect.suspend(() => {
        const log = { admission, limits, observe, usedBytes }
        return appendTo(find(topic, partition), packed, log)
      }),
    bounds: (topic, partition) => Effect.sync(() => find(topic, partition).segments.bounds),
    read: (topic, partition, { fromOffset, bytesMax }) =>
      Effect.suspend(() => {
        const { segments } = find(topic, partition)
        return Effect.tryPromise({
          try: () => segments.read(fromOffset, bytesMax),
          catch: (error) => readFailure(topicPartitionName(topic, partition), error)
        })
      }),
    changed(listener) {
      opened.listeners.add(listener)
      return () => opened.listeners.delete(listener)
    },
    watermarks: () =>
      partitions.map(({ topic, partition, segments }) => {
        return { topic, partition, durableEnd: segments.bounds.durableEnd }
      }),
    setConsumed(topic, partition, offset) {
      const found = find(topic, partition)
      found.consumedOffset = offset
      void retention.expire(found)
    },
    unconsumedBytes: (topic) =>
      partitions.reduce(
        (sum, { topic: of, segments, consumedOffset }) =>
          of === topic ? sum + segments.bytesFrom(consumedOffset ?? 0) : sum,
        0
      ),
    usage: () => ({ diskBytes: usedBytes(), pendingBytes: admission.pendingBytes })
  }
}

const faultOf = (opened: OpenPartition): readonly TruncatedLog[] => {
  const { topic, partition, segments, consumedOffset = 0 } = opened
  const { recoveredEnd: logEnd } = segments
  if (logEnd >= consumedOffset) return []
  const topicPartition = topicPartitionName(topic, partition)
  return [new TruncatedLog({ topicPartition, logEnd, committedOffset: consumedOffset })]
}

const appendTo = (
  { topic, partition, segments }: OpenPartition,
  packed: PackedRecords,
  log: {
    readonly admission: Admission
    readonly limits: EmbeddedLogLimits
    readonly observe: (event: EmbeddedLogEvent) => void
    readonly usedBytes: () => number
  }
): Effect.Effect<{ readonly baseOffset: number }, LogFull | LogUnavailable> => {
  const { admission, limits, observe, usedBytes } = log
  const { recordCount: records } = packed
  const bytes = packed.bytes.length
  if (records === 0) throw new RangeError('an append needs at least one record')
  return Effect.callback((resume) => {
    const leaveQueue = admission.enter({
      bytes,
      admit: () =>
        segments.append(packed, (outcome) => {
          admission.leave(bytes)
          const durable = typeof outcome === 'number'
          resume(durable ? Effect.succeed({ baseOffset: outcome }) : Effect.fail(outcome))
        }),
      refuse() {
        observe({ type: 'append.refused', topic, partition, records, bytes, reason: 'log_full' })
        const topicPartition = topicPartitionName(topic, partition)
        const full = { topicPartition, bytes: usedBytes(), bytesMax: limits.diskBytesMax }
        resume(Effect.fail(new LogFull(full)))
      }
    })
    return Effect.sync(leaveQueue)
  })
}
