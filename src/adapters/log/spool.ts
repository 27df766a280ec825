/**
 * The spool: what the event log could not take yet, on this machine's disk, a lane for each of its
 * partitions (R36). Spool and embedded log are the same segment-log code; batches are kept as they
 * were packed, with the fingerprint of their schema (R42).
 *
 * 1. An append completes only when its batch is durable.
 * 2. Bytes of all lanes together, appends under way included, never exceed `bytesMax`: what does
 *    not fit is refused at once. The room may shrink below what is used; then nothing fits.
 * 3. Whatever lanes are found on disk count, also those that nobody asks for any more.
 * 4. A lane whose write has failed takes nothing more until the spool is opened again.
 * 5. One process has the spool: its folder is locked.
 */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import type * as Scope from 'effect/Scope'
import {
  LogCorrupt,
  type LogUnavailable,
  type ReadFailure,
  readFailure,
  unavailable
} from './event-log.ts'
import type { JoinedBatches } from './joined-batches.ts'
import { partitionPattern, topicPartitionName } from './log-directory.ts'
import type { LogClock, LogFiles } from './log-files.ts'
import type { PackedRecords } from './record-batch.ts'
import type { SegmentLogEvent } from './segment-log.ts'
import { openSpoolLane, type OpenSpoolLane, type SpoolLaneEvent } from './spool-lane.ts'
import {
  acquireWriterLock,
  LogInUse,
  type LogProcess,
  type ProcessMark,
  type WriterLock
} from './writer-lock.ts'

export interface SpoolOptions {
  readonly directory: string
  readonly files: LogFiles
  readonly clock: LogClock
  readonly process: LogProcess
  /** Partition count of the event log by topic: a lane each. */
  readonly topics: ReadonlyMap<string, number>
  /** Bytes that all lanes together may have now. */
  readonly bytesMax: () => number
  readonly limits: SpoolLimits
  readonly observe: (event: SpoolEvent) => void
}

interface SpoolLimits {
  /** How long an append may wait for others to share its fsync, ms. */
  readonly flushDelayMs: number
  /** A segment of this size is followed by a new one, so that what is drained can be removed. */
  readonly segmentBytes: number
  /** Drained bytes of a lane after which its position is written: at most so many are repeated. */
  readonly positionStepBytes: number
}

export type SpoolEvent =
  | ((SegmentLogEvent | SpoolLaneEvent) & { readonly lane: string })
  | { readonly type: 'lock.recovered'; readonly from: ProcessMark }
  /** Records of an earlier run wait in a lane; `isUnclaimed`: no captured topic has the lane. */
  | {
      readonly type: 'lane.found'
      readonly lane: string
      readonly records: number
      readonly isUnclaimed: boolean
    }

export interface Spool {
  /** @throws RangeError of a partition that was not declared */
  readonly lane: (topic: string, partition: number) => SpoolLane
  readonly usage: () => SpoolUsage
}

export interface SpoolUsage {
  /** On disk, drained parts of segments and appends under way included. */
  readonly bytes: number
  readonly bytesMax: number
  /** Records that wait for the event log. */
  readonly records: number
}

export interface SpoolLane {
  /** Offset in the lane of the oldest record that waits. */
  readonly drainedOffset: number
  /** Records that are durable here and not yet in the event log. */
  readonly records: number
  /** Bytes of segments that are not wholly drained. */
  readonly undrainedBytes: number
  /** Nothing waits, and nothing is on its way in. */
  readonly isEmpty: boolean
  /**
   * The spool owns `packed.bytes` until this ends; when interrupted, and after `LogUnavailable`,
   * whether the batch is in the spool is unknown.
   */
  readonly append: (packed: PackedRecords) => Effect.Effect<void, SpoolFull | LogUnavailable>
  /** A copy of the oldest records, joined up to `bytesMax`; undefined where nothing waits. */
  readonly oldest: (bytesMax: number) => Effect.Effect<JoinedBatches | undefined, ReadFailure>
  /** To be told once the event log has them: what was given by `oldest` (R36). */
  readonly acknowledge: (drained: JoinedBatches) => Effect.Effect<void>
}

/** The spool has no room for the batch. */
class SpoolFull extends Schema.TaggedError<SpoolFull>()('SpoolFull', {
  topicPartition: Schema.String,
  bytes: Schema.Number,
  bytesMax: Schema.Number
}) {
  override get message() {
    const use = `${this.bytes} of ${this.bytesMax} bytes`
    return `${this.topicPartition}: the spool is full (${use}); raise K2_SPOOL_LIMIT or free disk`
  }
}

type SpoolOpenFailure = LogInUse | LogCorrupt | LogUnavailable

/** Opens the spool, recovers its lanes, and closes it with the scope. */
export const openSpool = (
  options: SpoolOptions
): Effect.Effect<Spool, SpoolOpenFailure, Scope.Scope> =>
  Effect.suspend(() => {
    const opening = Effect.tryPromise({ try: () => open(options), catch: openFailure })
    return Effect.map(
      Effect.acquireRelease(opening, (opened) => Effect.promise(() => closeAll(opened))),
      ({ lanes }) => makeSpool(lanes, options)
    )
  })

type Lanes = ReadonlyMap<string, OpenSpoolLane>

interface Opened {
  readonly lanes: Lanes
  readonly lock: WriterLock
}

/** A group of this size does not wait for company. */
const flushBytes = 1024 * 1024

const open = async (options: SpoolOptions): Promise<Opened> => {
  const { files, directory, observe, process, topics, clock, limits } = options
  await files.makeDirectory(directory)
  const lock = await acquireWriterLock(files, process, directory)
  const { recoveredFrom: from } = lock
  if (from !== undefined) observe({ type: 'lock.recovered', from })
  const lanes = new Map<string, OpenSpoolLane>()
  try {
    const declared = declaredLanes(topics)
    const found = (await files.list(directory)).filter((name) => partitionPattern.test(name)) // (3)
    for (const lane of new Set([...declared, ...found])) {
      const opened = await openSpoolLane({
        ...limits,
        flushBytes,
        files,
        clock,
        directory: `${directory}/${lane}`,
        topicPartition: `spool of ${lane}`,
        observe: (event) => observe({ ...event, lane })
      })
      lanes.set(lane, opened)
      const { records } = opened
      if (records > 0) {
        observe({ type: 'lane.found', lane, records, isUnclaimed: !declared.has(lane) })
      }
    }
    return { lanes, lock }
  } catch (error) {
    await closeAll({ lanes, lock })
    throw error
  }
}

const declaredLanes = (topics: ReadonlyMap<string, number>): ReadonlySet<string> =>
  new Set(
    [...topics].flatMap(([topic, count]) =>
      Array.from({ length: count }, (_, partition) => topicPartitionName(topic, partition))
    )
  )

/** Never rejects: what was not written when it closed was acknowledged to nobody. */
const closeAll = async ({ lanes, lock }: Opened): Promise<void> => {
  await Promise.allSettled([...lanes.values()].map((lane) => lane.close()))
  await lock.release()
}

const openFailure = (error: unknown): SpoolOpenFailure =>
  error instanceof LogInUse || error instanceof LogCorrupt ? error : unavailable('spool', error)

const makeSpool = (lanes: Lanes, options: SpoolOptions): Spool => {
  const sum = (of: (lane: OpenSpoolLane) => number) =>
    [...lanes.values()].reduce((total, lane) => total + of(lane), 0)
  const usage = (): SpoolUsage => ({
    bytes: sum(({ bytes }) => bytes),
    bytesMax: options.bytesMax(),
    records: sum(({ records }) => records)
  })
  const byName = new Map([...lanes].map(([name, lane]) => [name, makeLane(name, lane, usage)]))
  return {
    usage,
    lane(topic, partition) {
      const lane = byName.get(topicPartitionName(topic, partition))
      if (lane === undefined) throw new RangeError(`${topic}-${partition} has no lane in the spool`)
      return lane
    }
  }
}

const makeLane = (
  topicPartition: string,
  opened: OpenSpoolLane,
  usage: () => SpoolUsage
): SpoolLane => ({
  get drainedOffset() {
    return opened.drainedOffset
  },
  get records() {
    return opened.records
  },
  get undrainedBytes() {
    return opened.undrainedBytes
  },
  get isEmpty() {
    return opened.isEmpty
  },
  append: (packed) =>
    Effect.callback<void, SpoolFull | LogUnavailable>((resume) => {
      const { bytes, bytesMax } = usage()
      if (bytes + packed.bytes.length > bytesMax) {
        resume(Effect.fail(new SpoolFull({ topicPartition, bytes, bytesMax }))) // (2)
        return
      }
      opened.append(packed, (failure) =>
        resume(failure === undefined ? Effect.void : Effect.fail(failure))
      )
    }),
  oldest: (bytesMax) =>
    Effect.tryPromise({
      try: () => opened.oldest(bytesMax),
      catch: (error) => readFailure(`spool of ${topicPartition}`, error)
    }),
  acknowledge: (drained) => Effect.promise(() => opened.acknowledge(drained))
})
