/**
 * What the brokers say of the topics that a table has landed, for the doctor and `adopt-log` (R8).
 *
 * 1. A topic that was deleted and made anew is another log: its id is its name.
 * 2. What a partition lost is at its ends: whether something in between is damaged is the brokers'
 *    to find out, and is not looked for.
 */
import * as Effect from 'effect/Effect'
import { KafkaAdmin, type PartitionBounds } from '../../adapters/log/kafka/kafka-admin.ts'
import type { KafkaConnection } from '../../adapters/log/kafka/kafka-client.ts'
import { openSession } from '../../adapters/log/kafka/kafka-session.ts'
import type { PartitionSurvey } from '../../adapters/log/log-survey.ts'
import type { KnownLog } from './log-facts.ts'

const answerMsMax = 10_000

/** Of those of the topics that the brokers have; fails with `LogUnavailable`. */
export const kafkaLogFacts = (connection: KafkaConnection, topics: readonly string[]) =>
  Effect.gen(function* () {
    const open = () => openSession(connection, () => undefined)
    const admin = yield* Effect.acquireRelease(
      Effect.sync(() => new KafkaAdmin(open, answerMsMax)),
      (opened) => Effect.sync(() => opened.close())
    )
    const described = topics.length === 0 ? [] : yield* admin.metadata(topics)
    const found = described.filter(({ errorCode }) => errorCode === 0)
    const identities = new Map(found.map(({ topic, topicId }) => [topic, topicId]))
    const partitions = yield* Effect.forEach(found, ({ topic }) =>
      Effect.map(admin.bounds(topic), (all) => all.map((bounds) => surveyOf(topic, bounds)))
    )
    const facts: KnownLog = {
      topics: new Map(found.map((it) => [it.topic, it.partitions.length])),
      partitions: partitions.flat(),
      identityOf: (topic) => identities.get(topic) ?? 'none',
      faultAt: () => Effect.succeed(null)
    }
    return facts
  }).pipe(Effect.scoped)

/** (2) */
const surveyOf = (topic: string, bounds: PartitionBounds): PartitionSurvey => ({
  topic,
  ...bounds,
  damage: null,
  segmentOffsets: []
})
