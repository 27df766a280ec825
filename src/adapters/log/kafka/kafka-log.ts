/**
 * The event log in Kafka, as the process has it that appends: topics, producers, and samples of
 * where the partitions end. Readers have clients of their own.
 *
 * 1. A batch is acknowledged once all replicas that must have it do (`acks` = all): with one
 *    replica it outlives a broker's kill, not its machine's.
 * 2. An append is tried once. One that fails may be in the log all the same; who appends sends it
 *    again (R4).
 * 3. A topic's offsets are those of its id: when a topic has another one than at the start, appends
 *    to it fail until the log is opened anew (R8).
 * 4. Where a partition ends is known from acknowledgements and samples: a lower bound at any time.
 *    What was not sampled lately is unknown to `lag`, and never 0.
 */
import * as Effect from 'effect/Effect'
import * as Schedule from 'effect/Schedule'
import type * as Scope from 'effect/Scope'
import {
  type BatchTooLarge,
  type EventLog,
  type LogFault,
  LogUnavailable,
  TruncatedLog,
  unavailable,
  type Watermark
} from '../event-log.ts'
import { type AppendSettled, settling } from './append-settled.ts'
import { type Lag, LagHistory } from '../lag-history.ts'
import { topicPartitionName } from '../log-directory.ts'
import type { PackedRecords } from '../record-batch.ts'
import { KafkaAdmin, type PartitionBounds } from './kafka-admin.ts'
import type { KafkaConnection, KafkaLogLine } from './kafka-client.ts'
import { openSession } from './kafka-session.ts'
import { PartitionProducer, type ProducerEvent } from './partition-producer.ts'
import { probeRetention, type RetentionUse } from './retention-probe.ts'
import type { TopicMetadata } from './topic-metadata.ts'
import { ensureTopics, type KafkaTopic, type TopicEvent } from './topics.ts'
import type { TopicSpec } from './topics-file.ts'
import { registryHeader, singleObjectHeader } from './wire-format.ts'

export interface KafkaLogOptions {
  readonly connection: KafkaConnection
  /** What the topics are to be like, by name. */
  readonly topics: ReadonlyMap<string, TopicSpec>
  /**
   * Id of a schema in the registry, by its fingerprint, for records of a topic; absent: there is no
   * registry. Its failure is an append's, and passes.
   */
  readonly schemaIdOf?:
    | ((topic: string, fingerprint: string) => Effect.Effect<number, { readonly message: string }>)
    | undefined
  /** Next offset to land that the table has of a topic with this id; undefined: none. */
  readonly landedOffset: (
    identity: string,
    topic: string,
    partition: number
  ) => number | undefined
  /** A send that the brokers have not answered by then has failed. */
  readonly sendMsMax: number
  /** A question to the brokers that is not answered by then has failed. */
  readonly answerMsMax: number
  /** Between two samples of where the partitions end. */
  readonly sampleMs: number
  /** After so long a record should have landed: two commit ages (R2). */
  readonly overdueMs: number
  /** Unix ms. */
  readonly nowMs: () => number
  /** A clock that never goes back, ms. */
  readonly monotonicMs: () => number
  readonly observe: (event: KafkaLogEvent) => void
}

export type KafkaLogEvent =
  | TopicEvent
  | ProducerEvent
  | AppendSettled
  | { readonly type: 'sample.failed'; readonly detail: string }
  | { readonly type: 'topic.replaced'; readonly topic: string; readonly cause: LogUnavailable }
  | { readonly type: 'client.reported'; readonly line: KafkaLogLine }

export interface KafkaLog extends EventLog {
  readonly lag: (topic: string, partition: number) => Lag
  /** As it was probed last; undefined before that (R31). */
  readonly retention: (topic: string) => RetentionUse | undefined
}

/** Ends with the scope: what is under way fails then. */
export const openKafkaLog = (
  options: KafkaLogOptions
): Effect.Effect<KafkaLog, LogUnavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const open = () =>
      openSession(options.connection, (line) => options.observe({ type: 'client.reported', line }))
    const admin = yield* Effect.acquireRelease(
      Effect.sync(() => new KafkaAdmin(open, options.answerMsMax)),
      (opened) => Effect.sync(() => opened.close())
    )
    const topics = yield* ensureTopics(admin, options.topics, options.observe)
    const log = yield* Effect.acquireRelease(
      Effect.sync(() => new OpenKafkaLog({ options, admin, topics, openSession: open })),
      (opened) => Effect.sync(() => opened.close())
    )
    yield* settled(log.sample)
    yield* Effect.forkScoped(log.sampling)
    yield* Effect.forkScoped(log.probing)
    return log.asEventLog()
  })

/** A broker that leads a new partition, by its own word, does not know it for a moment. */
const settled = (sample: Effect.Effect<void, LogUnavailable>) =>
  Effect.retry(sample, Schedule.spaced(settlePollMs)).pipe(
    Effect.timeoutOrElse({ duration: settleMsMax, orElse: () => sample })
  )

const settlePollMs = 100
const settleMsMax = 10_000

/** Between two probes of the retention, which is days. */
export const retentionProbeMs = 30_000

/** Samples that may be missed before the newest says nothing of now. */
const staleSamples = 3

interface OpenPartition {
  readonly topic: string
  readonly partition: number
  readonly producer: PartitionProducer
  readonly history: LagHistory
  /** Lower bound of where the partition ends (4). */
  durableEnd: number
  landedOffset: number | undefined
}

interface Opened {
  readonly options: KafkaLogOptions
  readonly admin: KafkaAdmin
  readonly topics: ReadonlyMap<string, KafkaTopic>
  readonly openSession: ConstructorParameters<typeof PartitionProducer>[0]['openSession']
}

class OpenKafkaLog {
  readonly #options: KafkaLogOptions
  readonly #admin: KafkaAdmin
  readonly #topics: ReadonlyMap<string, KafkaTopic>
  readonly #partitions: ReadonlyMap<string, OpenPartition>
  readonly #listeners = new Set<(watermark: Watermark) => void>()
  readonly #replaced = new Map<string, LogUnavailable>()
  readonly #retention = new Map<string, RetentionUse>()
  #pendingBytes = 0

  constructor({ options, admin, topics, openSession: open }: Opened) {
    this.#options = options
    this.#admin = admin
    this.#topics = topics
    const { sendMsMax, observe } = options
    const partitions = new Map<string, OpenPartition>()
    for (const [topic, { identity, partitionCount, compression }] of topics) {
      for (let partition = 0; partition < partitionCount; partition++) {
        const at = { topic, partition, compression, sendMsMax, openSession: open, observe }
        partitions.set(topicPartitionName(topic, partition), {
          topic,
          partition,
          producer: new PartitionProducer(at),
          history: new LagHistory({
            overdueMs: options.overdueMs,
            staleMs: staleSamples * options.sampleMs + options.answerMsMax
          }),
          durableEnd: 0,
          landedOffset: options.landedOffset(identity, topic, partition)
        })
      }
    }
    this.#partitions = partitions
  }

  /** One sample of all partitions; also whether the topics are still the ones that were opened. */
  get sample(): Effect.Effect<void, LogUnavailable> {
    const topics = [...this.#topics.keys()]
    return Effect.gen({ self: this }, function* () {
      this.#checkIdentities(yield* this.#admin.metadata(topics))
      for (const topic of topics) this.#note(topic, yield* this.#admin.bounds(topic))
    })
  }

  get sampling(): Effect.Effect<never> {
    const { sampleMs, observe } = this.#options
    return Effect.sleep(sampleMs).pipe(
      Effect.andThen(this.sample),
      Effect.catch(({ message }) =>
        Effect.sync(() => observe({ type: 'sample.failed', detail: message }))
      ),
      Effect.forever
    )
  }

  get probing(): Effect.Effect<never> {
    const { nowMs, monotonicMs, observe } = this.#options
    const ports = {
      admin: this.#admin,
      landedOffset: (topic: string, partition: number) =>
        this.#partition(topic, partition).landedOffset,
      nowMs,
      monotonicMs
    }
    const probe = Effect.forEach(
      [...this.#topics.keys()],
      (topic) =>
        Effect.map(probeRetention(ports, topic), (use) => {
          this.#retention.set(topic, use)
        }),
      { discard: true }
    )
    return probe.pipe(
      Effect.catch(({ message }) =>
        Effect.sync(() => observe({ type: 'sample.failed', detail: message }))
      ),
      Effect.andThen(Effect.sleep(retentionProbeMs)),
      Effect.forever
    )
  }

  close(): void {
    for (const { producer } of this.#partitions.values()) producer.close()
    this.#admin.close()
  }

  asEventLog(): KafkaLog {
    const partitions = [...this.#partitions.values()]
    return {
      topics: new Map([...this.#topics].map(([topic, { partitionCount: it }]) => [topic, it])),
      identityOf: (topic) => this.#topic(topic).identity,
      // As they were when the log was opened: what changes later is the reader's to see.
      faults: partitions.flatMap((partition) => this.#faultOf(partition)),
      append: (topic, partition, packed) =>
        settling(
          Effect.suspend(() => this.#append(this.#partition(topic, partition), packed)),
          { ...this.#options, topic, records: packed.recordCount }
        ),
      bounds: (topic, partition) =>
        Effect.suspend(() => {
          this.#partition(topic, partition)
          return Effect.flatMap(this.#admin.bounds(topic), (all) => {
            this.#note(topic, all)
            const found = all.find((bounds) => bounds.partition === partition)
            const name = topicPartitionName(topic, partition)
            return found === undefined
              ? Effect.fail(unavailable(name, 'the brokers do not have the partition'))
              : Effect.succeed({ startOffset: found.startOffset, durableEnd: found.endOffset })
          })
        }),
      changed: (listener) => {
        this.#listeners.add(listener)
        return () => this.#listeners.delete(listener)
      },
      watermarks: () =>
        partitions.map(({ topic, partition, durableEnd }) => ({ topic, partition, durableEnd })),
      setConsumed: (topic, partition, offset) => {
        this.#partition(topic, partition).landedOffset = offset
      },
      lag: (topic, partition) => {
        const { history, landedOffset } = this.#partition(topic, partition)
        return history.read(this.#options.monotonicMs(), landedOffset)
      },
      retention: (topic) => this.#retention.get(topic),
      // The brokers' disks are theirs.
      unconsumedBytes: () => 0,
      usage: () => ({ diskBytes: 0, pendingBytes: this.#pendingBytes })
    }
  }

  #append(
    to: OpenPartition,
    packed: PackedRecords
  ): Effect.Effect<{ readonly baseOffset: number }, LogUnavailable | BatchTooLarge> {
    if (packed.recordCount === 0) throw new RangeError('an append needs at least one record')
    const { topic, partition, producer } = to
    const { nowMs } = this.#options
    const replaced = this.#replaced.get(topic)
    if (replaced !== undefined) return Effect.fail(replaced)
    const bytes = packed.bytes.length
    this.#pendingBytes += bytes
    return this.#header(topic, partition, packed.schemaFingerprint).pipe(
      Effect.flatMap((header) => producer.send(packed, { header, timestampMs: nowMs() })),
      Effect.map((baseOffset) => {
        this.#advance(to, baseOffset + packed.recordCount)
        return { baseOffset }
      }),
      Effect.ensuring(
        Effect.sync(() => {
          this.#pendingBytes -= bytes
        })
      )
    )
  }

  /** Until the registry gives an id the batch waits: nobody could read it without one (R42). */
  #header(
    topic: string,
    partition: number,
    fingerprint: string
  ): Effect.Effect<Buffer, LogUnavailable> {
    const { schemaIdOf } = this.#options
    if (schemaIdOf === undefined) return Effect.sync(() => singleObjectHeader(fingerprint))
    return schemaIdOf(topic, fingerprint).pipe(
      Effect.map(registryHeader),
      Effect.mapError(({ message }) =>
        unavailable(topicPartitionName(topic, partition), new Error(message))
      )
    )
  }

  #note(topic: string, all: readonly PartitionBounds[]): void {
    const atMs = this.#options.monotonicMs()
    for (const { partition, startOffset, endOffset } of all) {
      // Partitions that were added since are not ours.
      const found = this.#partitions.get(topicPartitionName(topic, partition))
      if (found === undefined) continue
      found.history.note(atMs, { startOffset, endOffset })
      this.#advance(found, endOffset)
    }
  }

  #advance(partition: OpenPartition, durableEnd: number): void {
    if (durableEnd <= partition.durableEnd) return
    partition.durableEnd = durableEnd
    const watermark = { topic: partition.topic, partition: partition.partition, durableEnd }
    for (const listener of this.#listeners) listener(watermark)
  }

  #checkIdentities(found: readonly TopicMetadata[]): void {
    for (const { topic, topicId, errorCode } of found) {
      const { identity } = this.#topic(topic)
      if (errorCode !== 0 || topicId === identity || this.#replaced.has(topic)) continue
      const detail = `the topic was made anew (it was ${identity}, it is ${topicId})`
      const cause = new LogUnavailable({ topicPartition: topic, detail })
      this.#replaced.set(topic, cause)
      this.#options.observe({ type: 'topic.replaced', topic, cause })
    }
  }

  #faultOf({ topic, partition, durableEnd, landedOffset = 0 }: OpenPartition): readonly LogFault[] {
    const topicPartition = topicPartitionName(topic, partition)
    const { fault } = this.#topic(topic)
    if (fault !== undefined) return [{ topicPartition, message: fault.message }]
    if (landedOffset <= durableEnd) return []
    const committedOffset = landedOffset
    return [new TruncatedLog({ topicPartition, logEnd: durableEnd, committedOffset })]
  }

  #topic(topic: string): KafkaTopic {
    const found = this.#topics.get(topic)
    if (found === undefined) throw new RangeError(`${topic} was not declared`)
    return found
  }

  #partition(topic: string, partition: number): OpenPartition {
    const found = this.#partitions.get(topicPartitionName(topic, partition))
    if (found === undefined) throw new RangeError(`${topic}-${partition} was not declared`)
    return found
  }
}
