/**
 * Reads of a group's member, and what it means where a partition cannot be read on.
 *
 * 1. What a partition has is the brokers' to say: whether an offset is out of range, lost, or only
 *    not where the client went by itself, is never guessed from what the client brings (R8).
 * 2. The topic's id is asked for first: offsets of a topic that was made anew mean nothing here.
 */
import * as Effect from 'effect/Effect'
import {
  type LogBounds,
  LogOffsetsLost,
  type LogUnavailable,
  OffsetOutOfRange,
  type ReadFailure,
  unavailable
} from '../event-log.ts'
import { topicPartitionName } from '../log-directory.ts'
import type { LogBatch } from '../record-batch.ts'
import { SchemaUnavailable } from './kafka-reader-batches.ts'
import type { GroupMember } from './kafka-reader-member.ts'
import type { ReaderPartition, Trouble } from './kafka-reader-partition.ts'
import { RecordSetCorrupt } from './record-set-reader.ts'

/** Questions to the brokers, with a deadline. */
export interface ReaderAdmin {
  readonly bounds: (topic: string) => Effect.Effect<readonly TopicBounds[], LogUnavailable>
  readonly metadata: (
    topics: readonly string[]
  ) => Effect.Effect<readonly TopicDescription[], LogUnavailable>
}

interface TopicBounds {
  readonly partition: number
  readonly startOffset: number
  readonly endOffset: number
}

interface TopicDescription {
  readonly errorCode: number
  readonly topicId: string
  readonly partitions: readonly unknown[]
}

export interface Reading {
  readonly topic: string
  readonly admin: ReaderAdmin
  readonly member: GroupMember
  readonly topicId: string
}

export const boundsOf = (
  { topic, admin, member }: Reading,
  partition: number
): Effect.Effect<LogBounds, LogUnavailable> =>
  Effect.flatMap(admin.bounds(topic), (all) => {
    const found = all.find((bounds) => bounds.partition === partition)
    const name = topicPartitionName(topic, partition)
    if (found === undefined) {
      return Effect.fail(unavailable(name, 'the brokers do not have the partition'))
    }
    const { startOffset, endOffset } = found
    const assigned = member.partition(partition)
    if (assigned !== undefined) assigned.durableEnd = endOffset
    return Effect.succeed({ startOffset, durableEnd: endOffset })
  })

interface Range {
  readonly fromOffset: number
  readonly bytesMax: number
}

export const read = (
  reading: Reading,
  number: number,
  { fromOffset, bytesMax }: Range
): Effect.Effect<readonly LogBatch[], ReadFailure> => {
  const { member, topic } = reading
  if (member.failure !== undefined) return Effect.fail(member.failure)
  const partition = member.partition(number)
  // It is somebody else's by now; whoever reads is told of the new assignment.
  if (partition === undefined) return Effect.succeed([])
  return Effect.try({
    try: () => {
      if (!partition.holds(fromOffset)) member.seek(partition, fromOffset)
      const batches = partition.read(fromOffset, bytesMax)
      member.declarePauses()
      return batches
    },
    catch: (error) => unavailable(topicPartitionName(topic, number), error)
  }).pipe(
    Effect.flatMap((batches) =>
      batches.length > 0 || partition.trouble === undefined
        ? Effect.succeed(batches)
        : lookInto(reading, partition, partition.trouble)
    )
  )
}

/** What a partition's trouble means, by what the brokers say (1). */
const lookInto = (
  reading: Reading,
  partition: ReaderPartition,
  trouble: Trouble
): Effect.Effect<readonly never[], ReadFailure> =>
  Effect.gen(function* () {
    const { topic, member } = reading
    const topicPartition = topicPartitionName(topic, partition.partition)
    const fromOffset = partition.nextOffset!
    if (trouble.kind === 'unread') {
      const { error } = trouble
      // What was damaged on the way comes whole the next time.
      const passes = error instanceof SchemaUnavailable || error instanceof RecordSetCorrupt
      if (!passes) return yield* Effect.die(error)
      return yield* Effect.fail(unavailable(topicPartition, error))
    }
    yield* checkIdentity(reading)
    const bounds = yield* boundsOf(reading, partition.partition)
    if (fromOffset < bounds.startOffset || fromOffset > bounds.durableEnd) {
      return yield* new OffsetOutOfRange({ topicPartition, fromOffset, ...bounds })
    }
    if (trouble.kind === 'hole') {
      const nextOffset = trouble.foundOffset
      return yield* new LogOffsetsLost({ topicPartition, fromOffset, nextOffset })
    }
    yield* Effect.try({
      try: () => member.seek(partition, fromOffset),
      catch: (error) => unavailable(topicPartition, error)
    })
    return []
  })

/** (2) */
export const checkIdentity = ({
  topic,
  admin,
  member,
  topicId
}: Reading): Effect.Effect<void, LogUnavailable> =>
  Effect.flatMap(describe(topic, admin), (now) => {
    if (now.topicId === topicId) return Effect.void
    const detail = `the topic was made anew: it was ${topicId}, it is ${now.topicId}`
    member.fail(detail)
    return Effect.fail(unavailable(topic, detail))
  })

/** The topic as it is now; one that does not exist may come into being. */
export const describe = (
  topic: string,
  admin: ReaderAdmin
): Effect.Effect<TopicDescription, LogUnavailable> =>
  Effect.flatMap(admin.metadata([topic]), ([found]) =>
    found !== undefined && found.errorCode === 0 && found.partitions.length > 0
      ? Effect.succeed(found)
      : Effect.fail(unavailable(topic, `it has error ${String(found?.errorCode)} of Kafka`))
  )
