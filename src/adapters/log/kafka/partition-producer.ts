/**
 * Sends to one partition, at least once.
 *
 * 1. One send is outstanding: a producer of kafkajs with two of them acknowledges what the broker
 *    has dropped (kafkajs#1005), and no order would be left (R36).
 * 2. A producer is not idempotent and retries nothing: who appends is the only one to send again
 *    (R4).
 * 3. After a send that failed, missed its deadline or was interrupted, whether its records are in
 *    the log is unknown. Its producer is discarded: its connections are cut, it is never used
 *    again, and the next send gets another one. That a batch is too large is an answer: then the
 *    producer stays.
 */
import * as Effect from 'effect/Effect'
import * as Exit from 'effect/Exit'
import * as Semaphore from 'effect/Semaphore'
import { CompressionTypes, type Message, type Producer, type RecordMetadata } from 'kafkajs'
import { BatchTooLarge, LogUnavailable, unavailable } from '../event-log.ts'
import { topicPartitionName } from '../log-directory.ts'
import type { PackedRecords } from '../record-batch.ts'
import { messageOf } from './fast-kafkajs.ts'
import type { KafkaSession } from './kafka-session.ts'
import { type MessageContext, messagesOf } from './messages.ts'
import { recordSetsOf } from './record-set-writer.ts'
import type { TopicCompression } from './topics-file.ts'

export interface PartitionProducerOptions {
  readonly topic: string
  readonly partition: number
  readonly compression: TopicCompression
  /** A send that the broker has not answered by then has failed, connecting included. */
  readonly sendMsMax: number
  /** May throw. */
  readonly openSession: () => KafkaSession
  readonly observe: (event: ProducerEvent) => void
}

export type ProducerEvent =
  | { readonly type: 'producer.opened'; readonly topic: string; readonly partition: number }
  | {
      readonly type: 'producer.discarded'
      readonly topic: string
      readonly partition: number
      readonly detail: string
    }

type SendFailure = LogUnavailable | BatchTooLarge

type ChunkContext = Omit<MessageContext, 'partition'>

interface OpenProducer {
  readonly session: KafkaSession
  readonly producer: Producer
  readonly connected: Promise<void>
}

const compressionTypes: Readonly<Record<TopicCompression, CompressionTypes>> = {
  none: CompressionTypes.None,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD
}

export class PartitionProducer {
  readonly #options: PartitionProducerOptions
  readonly #name: string
  readonly #turn = Semaphore.makeUnsafe(1)
  #current: OpenProducer | undefined

  constructor(options: PartitionProducerOptions) {
    this.#options = options
    this.#name = topicPartitionName(options.topic, options.partition)
  }

  /** Offset of the first record once all of them are in the log; the chunks go one by one (1). */
  send(packed: PackedRecords, context: ChunkContext): Effect.Effect<number, SendFailure> {
    const chunks = Effect.try({
      try: () => this.#chunksOf(packed, context),
      catch: (error) => unavailable(this.#name, error)
    })
    return this.#turn.withPermit(
      Effect.map(
        Effect.flatMap(
          chunks,
          Effect.forEach((messages) => this.#sendChunk(messages))
        ),
        (offsets) => offsets[0]!
      )
    )
  }

  /** Cuts the connections; a send that is under way fails. */
  close(): void {
    this.#current?.session.cut()
    this.#current = undefined
  }

  /** A record set stands for the messages in it, where kafkajs lets it pass. */
  #chunksOf(packed: PackedRecords, context: ChunkContext): readonly (readonly Message[])[] {
    const { partition } = this.#options
    if (!this.#connect().session.isHastened) return messagesOf(packed, { ...context, partition })
    return recordSetsOf(packed, context).map((records) => [messageOf(partition, records)])
  }

  #sendChunk(messages: readonly Message[]): Effect.Effect<number, SendFailure> {
    const { topic, compression, sendMsMax } = this.#options
    return Effect.tryPromise({
      try: async () => {
        const open = this.#connect()
        await open.connected
        const answers = await open.producer.send({
          topic,
          acks: -1,
          timeout: sendMsMax,
          compression: compressionTypes[compression],
          messages: [...messages]
        })
        return this.#offsetIn(answers)
      },
      catch: (error) => failureOf(this.#name, error)
    }).pipe(
      Effect.timeoutOrElse({
        duration: sendMsMax,
        orElse: () => Effect.fail(this.#failure(`no answer to a send within ${sendMsMax} ms`))
      }),
      Effect.onExit((exit) => Effect.sync(() => this.#settle(exit)))
    )
  }

  #settle(exit: Exit.Exit<number, SendFailure>): void {
    if (Exit.isSuccess(exit)) return
    const { topic, partition, observe } = this.#options
    const error = Exit.findErrorOption(exit)
    if (error._tag === 'Some' && error.value._tag === 'BatchTooLarge') return
    const detail = error._tag === 'Some' ? error.value.detail : 'the send was interrupted'
    this.close()
    observe({ type: 'producer.discarded', topic, partition, detail })
  }

  #connect(): OpenProducer {
    if (this.#current !== undefined) return this.#current
    const { topic, partition, openSession, observe } = this.#options
    const session = openSession()
    const producer = session.kafka.producer({
      idempotent: false,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: () => {
        return ({ message }) => message.partition!
      },
      retry: { retries: 0 }
    })
    this.#current = { session, producer, connected: producer.connect() }
    observe({ type: 'producer.opened', topic, partition })
    return this.#current
  }

  #offsetIn(answers: readonly RecordMetadata[]): number {
    const answer = answers.find(({ partition }) => partition === this.#options.partition)
    const offset = Number(answer?.baseOffset)
    if (answer?.errorCode !== 0 || !Number.isSafeInteger(offset) || offset < 0) {
      throw new Error(`an answer without an offset: ${JSON.stringify(answers)}`)
    }
    return offset
  }

  #failure(detail: string): LogUnavailable {
    return new LogUnavailable({ topicPartition: this.#name, detail })
  }
}

/** Types of kafkajs' errors for the broker's answers 10 and 18. */
const tooLargeTypes: ReadonlySet<unknown> = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'])

const failureOf = (topicPartition: string, error: unknown): SendFailure =>
  error instanceof Error && 'type' in error && tooLargeTypes.has(error.type)
    ? new BatchTooLarge({ topicPartition, detail: error.message })
    : unavailable(topicPartition, error)
