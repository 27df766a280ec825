/**
 * Reads a topic of Kafka for a lander, which shares the topic's partitions with the other members
 * of its consumer group.
 *
 * 1. Where to read is the lander's to say, from the table. The group's offsets are a hint for those
 *    who watch, and the client's own reset never decides (R8).
 * 2. An offset that the topic does not have is a named failure of that partition, held against what
 *    the brokers say; anything that passes by itself is `LogUnavailable` and ends the reader: a new
 *    one is opened (R14).
 * 3. The topic's id names its offsets. Once the topic has another id, this reader ends; what was
 *    read is confirmed to be of this id before it is committed.
 * 4. A client from which nothing is heard for `silentMsMax` has failed, whatever it says itself.
 * 5. In memory are at most `bufferBytesMax` and once more what is fetched at a time, twice: as
 *    messages and as batches.
 */
import * as Effect from 'effect/Effect'
import type * as Scope from 'effect/Scope'
import type { Kafka } from 'kafkajs'
import {
  type Assignment,
  type EventLogReader,
  type LogUnavailable,
  unavailable
} from '../event-log.ts'
import type { WriterSchemas } from './kafka-reader-batches.ts'
import { GroupMember, type MemberEvent } from './kafka-reader-member.ts'
import {
  boundsOf,
  checkIdentity,
  describe,
  read,
  type ReaderAdmin,
  type Reading
} from './kafka-reader-offsets.ts'

export interface KafkaReaderOptions {
  readonly topic: string
  readonly groupId: string
  /** Only the newest record of a key is kept: offsets may have none. */
  readonly isCompacted: boolean
  /** A client of one's own. `cut` closes its sockets at once. It may throw. */
  readonly openSession: () => { readonly kafka: Kafka; readonly cut: () => void }
  readonly admin: ReaderAdmin
  readonly schemas: WriterSchemas
  readonly limits?: Partial<KafkaReaderLimits> | undefined
  /** A clock that never goes back, ms. */
  readonly monotonicMs: () => number
  readonly observe: (event: KafkaReaderEvent) => void
}

export interface KafkaReaderLimits {
  /** A member that the coordinator has not heard of for so long has lost its partitions, ms. */
  readonly sessionMs: number
  /** Between two heartbeats; at most a third of the session. */
  readonly heartbeatMs: number
  /** How long the others wait for a member to join again, ms. */
  readonly rebalanceMs: number
  /** A fetch that finds nothing waits so long; so does a partition that is wanted again. */
  readonly fetchWaitMs: number
  readonly fetchBytesMax: number
  readonly partitionFetchBytesMax: number
  /** Batches of all partitions. */
  readonly bufferBytesMax: number
  /** A partition that is behind and brings nothing for so long is looked into. */
  readonly stalledMsMax: number
  /** Between two looks at whether the topic is still the same one. */
  readonly identityMs: number
}

const defaultLimits: KafkaReaderLimits = {
  sessionMs: 10_000,
  heartbeatMs: 1_000,
  rebalanceMs: 10_000,
  fetchWaitMs: 100,
  fetchBytesMax: 8 * 1_024 * 1_024,
  partitionFetchBytesMax: 1_024 * 1_024,
  bufferBytesMax: 64 * 1_024 * 1_024,
  stalledMsMax: 10_000,
  identityMs: 10_000
}

export type KafkaReaderEvent =
  | MemberEvent
  | { readonly type: 'check.failed'; readonly topic: string; readonly detail: string }

export type KafkaReader = EventLogReader

const checkMs = 1_000
/** Others are told that the member is gone; should that fail, its session ends by itself. */
const leaveMsMax = 2_000
/**
 * A join that is overtaken by another one is begun again: two members that come at once are no
 * failure. After these few attempts it is one, and whoever opened the reader waits.
 */
const joinRetries = { retries: 5, initialRetryTime: 100, maxRetryTime: 1_000, factor: 0.2 }
const metadataMsMax = 60_000

/** Joins the group; leaves it with the scope. */
export const openKafkaReader = (
  options: KafkaReaderOptions
): Effect.Effect<KafkaReader, LogUnavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const limits = { ...defaultLimits, ...options.limits }
    const { topic } = options
    const description = yield* describe(topic, options.admin)
    const member = yield* joinGroup(options, limits)
    const { topicId } = description
    const reading = { topic, admin: options.admin, member, topicId }
    yield* Effect.forkScoped(watch(reading, { ...options, limits }))
    // A join may wait for the others, which have `rebalanceMs`, and for their sessions to end.
    const joinMsMax = silentMsMax(limits)
    const declared = (of: string): void => {
      if (of !== topic) throw new RangeError(`${of} was not declared`)
    }
    const topics = new Map([[topic, description.partitions.length]])
    return {
      topics,
      identityOf(of) {
        declared(of)
        return topicId
      },
      assignment: (of) =>
        Effect.suspend(() => {
          declared(of)
          return assignmentOf(member, { topic, joinMsMax })
        }),
      assignmentChanged: (listener) => member.onAssignment(listener),
      bounds: (of, partition) =>
        Effect.suspend(() => {
          declared(of)
          return boundsOf(reading, partition)
        }),
      read: (of, partition, range) =>
        Effect.suspend(() => {
          declared(of)
          return read(reading, partition, range)
        }),
      changed: (listener) => member.onWatermark(listener),
      // An id never comes back: what was read before it was seen again is of this topic.
      confirm: (of) =>
        Effect.suspend(() => {
          declared(of)
          return checkIdentity(reading)
        }),
      noteLanded: (_topic, offsets) => member.noteLanded(offsets)
    } satisfies KafkaReader
  })

const silentMsMax = ({ sessionMs, rebalanceMs }: KafkaReaderLimits): number =>
  2 * (sessionMs + rebalanceMs)

const joinGroup = (
  options: KafkaReaderOptions,
  limits: KafkaReaderLimits
): Effect.Effect<GroupMember, LogUnavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const session = yield* Effect.acquireRelease(
      Effect.try({
        try: () => options.openSession(),
        catch: (error) => unavailable(options.topic, error)
      }),
      ({ cut }) => Effect.sync(cut)
    )
    const consumer = session.kafka.consumer({
      groupId: options.groupId,
      sessionTimeout: limits.sessionMs,
      heartbeatInterval: limits.heartbeatMs,
      rebalanceTimeout: limits.rebalanceMs,
      maxWaitTimeInMs: limits.fetchWaitMs,
      maxBytes: limits.fetchBytesMax,
      maxBytesPerPartition: limits.partitionFetchBytesMax,
      metadataMaxAge: metadataMsMax,
      allowAutoTopicCreation: false,
      retry: { ...joinRetries, restartOnFailure: async () => false }
    })
    const { bufferBytesMax, heartbeatMs } = limits
    const member = new GroupMember(consumer, { ...options, bufferBytesMax, heartbeatMs })
    yield* Effect.addFinalizer(() =>
      Effect.tryPromise(() => member.leave()).pipe(
        Effect.timeoutOption(leaveMsMax),
        // The brokers notice it by themselves, later.
        Effect.ignore
      )
    )
    member.start().catch((error: unknown) => member.fail(error))
    return member
  })

const assignmentOf = (
  member: GroupMember,
  { topic, joinMsMax }: { readonly topic: string; readonly joinMsMax: number }
): Effect.Effect<Assignment, LogUnavailable> => {
  const known = (): Effect.Effect<Assignment, LogUnavailable> | undefined => {
    if (member.failure !== undefined) return Effect.fail(member.failure)
    return member.assignment === undefined ? undefined : Effect.succeed(member.assignment)
  }
  const late = unavailable(topic, `the group gave no assignment within ${joinMsMax} ms`)
  const awaited = Effect.callback<Assignment, LogUnavailable>((resume) => {
    const stop = member.onAssignment(() => {
      const now = known()
      if (now !== undefined) resume(now)
    })
    return Effect.sync(stop)
  })
  return (
    known() ??
    Effect.timeoutOrElse(awaited, { duration: joinMsMax, orElse: () => Effect.fail(late) })
  )
}

interface Watched extends Pick<KafkaReaderOptions, 'monotonicMs' | 'observe'> {
  readonly limits: KafkaReaderLimits
}

/** What the client does not notice by itself. */
const watch = (
  reading: Reading,
  { limits, monotonicMs, observe }: Watched
): Effect.Effect<void> => {
  const { topic, member } = reading
  let identityMs = monotonicMs()
  const look = Effect.suspend(() => {
    const nowMs = monotonicMs()
    const silentMs = nowMs - member.aliveMs
    if (silentMs > silentMsMax(limits)) member.fail(`nothing was heard for ${silentMs} ms`)
    else member.lookForStalled(limits.stalledMsMax)
    if (nowMs - identityMs < limits.identityMs) return Effect.void
    identityMs = nowMs
    return checkIdentity(reading).pipe(
      Effect.catch(({ detail }) =>
        Effect.sync(() => {
          // That it failed has been said, if this was why.
          if (member.failure === undefined) observe({ type: 'check.failed', topic, detail })
        })
      )
    )
  })
  return Effect.sleep(checkMs).pipe(
    Effect.andThen(look),
    Effect.repeat({ while: () => member.failure === undefined })
  )
}
