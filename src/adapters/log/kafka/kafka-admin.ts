/**
 * What the log asks the brokers about its topics.
 *
 * 1. Every question has a deadline; one that failed or missed it costs the session: the next one
 *    gets a new one, so that no connection that hangs is asked twice.
 * 2. Every failure is `LogUnavailable`: the brokers come back, or an operator mends it.
 */
import * as Effect from 'effect/Effect'
import * as Exit from 'effect/Exit'
import type { Admin } from 'kafkajs'
import { LogUnavailable, unavailable } from '../event-log.ts'
import { topicResource } from './kafka-client.ts'
import type { KafkaSession } from './kafka-session.ts'
import type { TopicMetadata } from './topic-metadata.ts'
import { makeMetadataClient, type MetadataClient } from './topic-request.ts'

export interface PartitionBounds {
  readonly partition: number
  readonly startOffset: number
  readonly endOffset: number
}

export interface NewTopic {
  readonly topic: string
  readonly partitions: number
  readonly replication: number
  /** By Kafka's name of the setting. */
  readonly settings: Readonly<Record<string, string>>
}

interface Clients {
  readonly session: KafkaSession
  readonly admin: Admin
  readonly metadata: MetadataClient
  readonly connected: Promise<void>
}

export class KafkaAdmin {
  readonly #openSession: () => KafkaSession
  readonly #answerMsMax: number
  #clients: Clients | undefined

  /** `openSession` may throw. */
  constructor(openSession: () => KafkaSession, answerMsMax: number) {
    this.#openSession = openSession
    this.#answerMsMax = answerMsMax
  }

  /** Of topics that do not exist too: their error code says so. */
  metadata(
    topics: readonly string[]
  ): Effect.Effect<readonly TopicMetadata[], LogUnavailable> {
    return this.#ask('topics', ({ metadata }) => metadata.fetch(topics))
  }

  /** Ends also when the topic exists already. */
  createTopic(topic: NewTopic): Effect.Effect<void, LogUnavailable> {
    const { partitions, replication, settings } = topic
    const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }))
    const request = {
      topic: topic.topic,
      numPartitions: partitions,
      replicationFactor: replication,
      configEntries
    }
    return this.#ask(topic.topic, async ({ admin }) => {
      await admin.createTopics({
        topics: [request],
        waitForLeaders: false,
        timeout: this.#answerMsMax
      })
    })
  }

  /** Settings of a topic by Kafka's name, its defaults included. */
  settings(topic: string): Effect.Effect<ReadonlyMap<string, string>, LogUnavailable> {
    return this.#ask(topic, async ({ admin }) => {
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: topicResource, name: topic }]
      })
      const entries = resources[0]?.configEntries ?? []
      return new Map(entries.map(({ configName, configValue }) => [configName, configValue]))
    })
  }

  bounds(topic: string): Effect.Effect<readonly PartitionBounds[], LogUnavailable> {
    return this.#ask(topic, async ({ admin }) => {
      const offsets = await admin.fetchTopicOffsets(topic)
      return offsets.map(({ partition, low, high }) => ({
        partition,
        startOffset: safeOffset(low),
        endOffset: safeOffset(high)
      }))
    })
  }

  /** By partition, where what was written then or later begins; the end where nothing was. */
  offsetsAt(
    topic: string,
    timestampMs: number
  ): Effect.Effect<ReadonlyMap<number, number>, LogUnavailable> {
    return this.#ask(topic, async ({ admin }) => {
      const found = await admin.fetchTopicOffsetsByTimestamp(topic, Math.floor(timestampMs))
      return new Map(found.map(({ partition, offset }) => [partition, safeOffset(offset)]))
    })
  }

  /** Ends the session; a later question opens another one. */
  close(): void {
    this.#clients?.session.cut()
    this.#clients = undefined
  }

  #ask<A>(
    about: string,
    work: (clients: Clients) => Promise<A>
  ): Effect.Effect<A, LogUnavailable> {
    const late = new LogUnavailable({
      topicPartition: about,
      detail: `the brokers did not answer within ${this.#answerMsMax} ms`
    })
    return Effect.suspend(() => {
      let asked: Clients | undefined
      return Effect.tryPromise({
        try: async () => {
          asked = this.#connect()
          await asked.connected
          return await work(asked)
        },
        catch: (error) => unavailable(about, error)
      }).pipe(
        Effect.timeoutOrElse({
          duration: this.#answerMsMax,
          orElse: () => Effect.fail(late)
        }),
        Effect.onExit((exit) =>
          Effect.sync(() => {
            // Others may have failed before and have a new session already (1).
            if (Exit.isFailure(exit) && asked === this.#clients) this.close()
          })
        )
      )
    })
  }

  #connect(): Clients {
    if (this.#clients !== undefined) return this.#clients
    const session = this.#openSession()
    const admin = session.kafka.admin()
    const connected = admin.connect()
    this.#clients = { session, admin, metadata: makeMetadataClient(session.kafka), connected }
    return this.#clients
  }
}

const safeOffset = (text: string): number => {
  const offset = Number(text)
  if (Number.isSafeInteger(offset) && offset >= 0) return offset
  throw new RangeError(`${text} is no offset`)
}
