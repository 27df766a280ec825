/** What the brokers say of topics that a table has landed (R8); nothing is read or made. */
import * as Effect from 'effect/Effect'
import {
  LogUnavailable,
  OffsetOutOfRange,
  type ReadFailure
} from '../../adapters/log/event-log.ts'
import type { KafkaConnection } from '../../adapters/log/kafka/kafka-client.ts'
import type { PartitionSurvey } from '../../adapters/log/log-survey.ts'
import type { KnownLog } from './log-facts.ts'

const answerMsMax = 10_000
const unknownTopic = 3

/** Of those of the topics that there are. Fails where the brokers cannot say it now. */
export const kafkaLogFacts = (
  connection: KafkaConnection,
  topics: readonly string[]
): Effect.Effect<KnownLog, LogUnavailable> =>
  Effect.gen(function* () {
    const { KafkaAdmin, openSession } = yield* loadKafka
    // What the client itself reports ends up in the failure of the question.
    const open = () => openSession(connection, () => undefined)
    const admin = yield* Effect.acquireRelease(
      Effect.sync(() => new KafkaAdmin(open, answerMsMax)),
      (opened) => Effect.sync(() => opened.close())
    )
    const identities = new Map<string, string>()
    const partitions: PartitionSurvey[] = []
    const counts = new Map<string, number>()
    const found = topics.length === 0 ? [] : yield* admin.metadata(topics)
    for (const { topic, topicId, errorCode } of found) {
      if (errorCode === unknownTopic) continue
      if (errorCode !== 0) {
        const detail = `the brokers answer with error ${errorCode}`
        return yield* new LogUnavailable({ topicPartition: topic, detail })
      }
      const bounds = yield* admin.bounds(topic)
      identities.set(topic, topicId)
      counts.set(topic, bounds.length)
      for (const it of bounds) partitions.push({ topic, ...it, damage: null, segmentOffsets: [] })
    }
    return {
      identityOf: (topic) => identities.get(topic),
      directoryOf: () => undefined,
      topics: counts,
      partitions: partitions.toSorted((left, right) => left.partition - right.partition),
      canGoOnAt: false,
      faultAt: (topic, partition, offset) =>
        Effect.succeed(
          outOfRange(
            partitions.find((it) => it.topic === topic && it.partition === partition),
            offset
          )
        )
    } satisfies KnownLog
  }).pipe(Effect.scoped)

const outOfRange = (
  survey: PartitionSurvey | undefined,
  fromOffset: number
): ReadFailure | null => {
  if (survey === undefined) return null
  const { topic, partition, startOffset, endOffset: durableEnd } = survey
  const topicPartition = `${topic}-${partition}`
  return fromOffset < startOffset || fromOffset > durableEnd
    ? new OffsetOutOfRange({ topicPartition, fromOffset, startOffset, durableEnd })
    : null
}

// Loaded only where they are used: an embedded log does not pay for them.
const loadKafka = Effect.promise(async () => {
  const [{ KafkaAdmin }, { openSession }] = await Promise.all([
    import('../../adapters/log/kafka/kafka-admin.ts'),
    import('../../adapters/log/kafka/kafka-session.ts')
  ])
  return { KafkaAdmin, openSession }
})
