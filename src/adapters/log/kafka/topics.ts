/**
 * Makes the topics that the log needs as they are declared, and tells where existing ones differ.
 *
 * 1. An existing topic is never altered: what differs is reported by name, and its owner decides.
 * 2. Another partition count is more than a difference: keys are elsewhere than they were declared
 *    to be, so the topic is not landed until an operator has decided (R41).
 */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import { LogUnavailable } from '../event-log.ts'
import type { KafkaAdmin } from './kafka-admin.ts'
import type { TopicMetadata } from './topic-metadata.ts'
import type { TopicCompression, TopicSpec } from './topics-file.ts'

/** A topic as it is. */
export interface KafkaTopic {
  /** Kafka's id of the topic: a topic of the same name that is made anew has another one (R8). */
  readonly identity: string
  readonly partitionCount: number
  readonly compression: TopicCompression
  /** Set where the partition count is not the declared one. */
  readonly fault: TopicPartitionsDiffer | undefined
}

export type TopicEvent =
  | { readonly type: 'topic.created'; readonly topic: string; readonly partitions: number }
  | {
      readonly type: 'topic.differs'
      readonly topic: string
      /** `partitions`, `replication`, or Kafka's name of the setting. */
      readonly setting: string
      readonly declared: string
      readonly actual: string
    }
  | { readonly type: 'topic.unchecked'; readonly topic: string; readonly detail: string }

/** A topic has another partition count than the file of the topics declares. */
class TopicPartitionsDiffer extends Schema.TaggedError<TopicPartitionsDiffer>()(
  'TopicPartitionsDiffer',
  { topic: Schema.String, declared: Schema.Number, actual: Schema.Number }
) {
  override get message() {
    const counts = `${this.actual} partitions, ${this.declared} are declared`
    return (
      `topic ${this.topic} has ${counts}: its keys lie elsewhere than declared; ` +
      'declare the count that it has, or use a new topic'
    )
  }
}

const unknownTopic = 3
/** A new topic is known everywhere, and led, within moments; or the brokers are in trouble. */
const settleMsMax = 30_000
const settlePollMs = 100

export const ensureTopics = (
  admin: KafkaAdmin,
  specs: ReadonlyMap<string, TopicSpec>,
  observe: (event: TopicEvent) => void
): Effect.Effect<ReadonlyMap<string, KafkaTopic>, LogUnavailable> =>
  Effect.gen(function* () {
    const topics = [...specs.keys()]
    const before = yield* admin.metadata(topics)
    const missing = before.filter(({ errorCode }) => errorCode === unknownTopic)
    yield* Effect.forEach(missing, ({ topic }) => create(admin, topic, specs.get(topic)!, observe))
    const settled = yield* awaitLeaders(admin, topics)
    return new Map(
      yield* Effect.forEach(settled, (found) =>
        Effect.map(compare(admin, found, specs.get(found.topic)!, observe), (topic) => [
          found.topic,
          topic
        ] as const)
      )
    )
  })

/** Those of the topics that there are, and where they differ; none is made, none waited for. */
export const compareTopics = (
  admin: KafkaAdmin,
  specs: ReadonlyMap<string, TopicSpec>,
  observe: (event: TopicEvent) => void
): Effect.Effect<ReadonlyMap<string, KafkaTopic>, LogUnavailable> =>
  Effect.gen(function* () {
    const found = yield* admin.metadata([...specs.keys()])
    const known = found.filter(({ errorCode }) => errorCode !== unknownTopic)
    return new Map(
      yield* Effect.forEach(known, (it) =>
        Effect.map(compare(admin, it, specs.get(it.topic)!, observe), (topic) => [
          it.topic,
          topic
        ] as const)
      )
    )
  })

/** Kafka's names and texts of what is declared, the partitions and replicas aside. */
const settingsOf = (spec: TopicSpec): Readonly<Record<string, string>> => ({
  'cleanup.policy': spec.cleanup,
  'compression.type': spec.compression === 'none' ? 'uncompressed' : spec.compression,
  'min.insync.replicas': String(spec.minInSyncReplicas),
  ...(spec.retentionMs !== undefined && { 'retention.ms': String(spec.retentionMs) })
})

/** Whether a topic can be written and read: it has partitions, and all of them a leader. */
const isLed = ({ errorCode, partitions }: TopicMetadata): boolean =>
  errorCode === 0 && partitions.length > 0 && partitions.every(({ leader }) => leader >= 0)

const create = (
  admin: KafkaAdmin,
  topic: string,
  spec: TopicSpec,
  observe: (event: TopicEvent) => void
): Effect.Effect<void, LogUnavailable> => {
  const { partitions, replication } = spec
  const request = { topic, partitions, replication, settings: settingsOf(spec) }
  return Effect.tap(admin.createTopic(request), () =>
    Effect.sync(() => observe({ type: 'topic.created', topic, partitions }))
  )
}

const awaitLeaders = (
  admin: KafkaAdmin,
  topics: readonly string[]
): Effect.Effect<readonly TopicMetadata[], LogUnavailable> => {
  let last: readonly TopicMetadata[] = []
  const look: Effect.Effect<readonly TopicMetadata[], LogUnavailable> = Effect.flatMap(
    admin.metadata(topics),
    (found) => {
      last = found
      return found.every(isLed)
        ? Effect.succeed(found)
        : Effect.andThen(Effect.sleep(settlePollMs), look)
    }
  )
  return Effect.timeoutOrElse(look, {
    duration: settleMsMax,
    orElse: () => {
      const { topic = topics.join(', '), errorCode = 0 } = last.find((it) => !isLed(it)) ?? {}
      const reason = errorCode === 0 ? 'partitions without a leader' : `error ${errorCode} of Kafka`
      const detail = `it has ${reason} after ${settleMsMax} ms`
      return Effect.fail(new LogUnavailable({ topicPartition: topic, detail }))
    }
  })
}

const compare = (
  admin: KafkaAdmin,
  found: TopicMetadata,
  spec: TopicSpec,
  observe: (event: TopicEvent) => void
): Effect.Effect<KafkaTopic> =>
  Effect.gen(function* () {
    const { topic, topicId, partitions } = found
    const differs = (setting: string, declared: string, actual: string) => {
      if (actual !== declared) {
        observe({ type: 'topic.differs', topic, setting, declared, actual })
      }
    }
    const actual = partitions.length
    differs('partitions', String(spec.partitions), String(actual))
    const replicas = Math.min(...partitions.map(({ replicas: of }) => of.length))
    differs('replication', String(spec.replication), String(replicas))
    yield* admin.settings(topic).pipe(
      Effect.map((settings) => {
        for (const [name, declared] of Object.entries(settingsOf(spec))) {
          differs(name, declared, settings.get(name) ?? 'absent')
        }
      }),
      // Not everybody may read them, and nothing depends on it.
      Effect.catch(({ detail }) =>
        Effect.sync(() => observe({ type: 'topic.unchecked', topic, detail }))
      )
    )
    const { partitions: declared, compression } = spec
    const fault =
      actual === declared ? undefined : new TopicPartitionsDiffer({ topic, declared, actual })
    return { identity: topicId, partitionCount: actual, compression, fault }
  })
