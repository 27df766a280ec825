/**
 * Makes a client of kafkajs 2.2.4 send record batches that are packed already, and hand out
 * fetched ones as they are. It stays kafkajs that connects, authenticates, finds leaders, keeps the
 * group and reads the answers; what it does per message, nearly all of its time, is passed by.
 *
 * This file and topic-request.ts alone rely on kafkajs' inner parts.
 *
 * 1. Only the client that was asked for is changed, nothing that is shared with others.
 * 2. Another version of kafkajs, or one whose parts are not as expected, is left as it is: `hasten`
 *    says why, and who asked has to send and read messages.
 * 3. Messages of kafkajs' own kind are sent as ever. A response that is not wholly of plain
 *    batches, or of another version, is read by kafkajs and gives messages of its own kind.
 *
 * Sources: Kafka protocol, Produce (versions 3 to 7) and Fetch (version 11); of kafkajs 2.2.4
 * `src/index.js`, `src/cluster/brokerPool.js`, `src/broker/index.js`, `src/consumer/batch.js`.
 */
import { createRequire } from 'node:module'
import kafkajs, { type Batch, type Kafka, type Message } from 'kafkajs'
import { type DecompressOf, type FetchedBatch, splitRecordSet } from './record-set-reader.ts'
import { type Compress, RecordSet } from './record-set-writer.ts'

/** Why the client was left as it is; undefined: it was not (2). */
export const hasten = (kafka: Kafka, version = installedVersion()): string | undefined => {
  if (version !== knownVersion) {
    return `kafkajs is version ${version}: record batches are passed through ${knownVersion} only`
  }
  const symbol = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === 'private:Kafka:createCluster'
  )
  const create: unknown = symbol === undefined ? undefined : Reflect.get(kafka, symbol)
  if (symbol === undefined || typeof create !== 'function') return unknownShape('Kafka')
  const createCluster = create as (options: object) => Cluster
  const fault = faultOf(createCluster({}))
  if (fault !== undefined) return fault
  Reflect.set(kafka, symbol, (options: object) => {
    const cluster = createCluster(options)
    const { brokerPool } = cluster
    const { createBroker } = brokerPool
    brokerPool.createBroker = (broker) => hastened(createBroker(broker))
    return cluster
  })
  return undefined
}

/** What a producer of a hastened client takes in the place of the messages. */
export const messageOf = (partition: number, records: RecordSet): Message =>
  ({ partition, value: records }) as unknown as Message

/**
 * The record batches that a consumer of a hastened client was given, from the one on that holds the
 * fetched offset; undefined where it was given messages (3).
 */
export const fetchedBatchesOf = ({ messages }: Pick<Batch, 'messages'>) =>
  messages[0] instanceof FetchedMessage
    ? (messages as unknown as readonly FetchedMessage[]).map(({ batch }) => batch)
    : undefined

/** With the codecs that kafkajs was given. */
export const decompressOf: DecompressOf = (codec) => {
  const found = codecOf(codec)
  return found === undefined ? undefined : (bytes) => found.decompress(bytes)
}

interface Cluster {
  readonly rootLogger: unknown
  readonly brokerPool: { createBroker: (options: object) => Broker }
}

interface Broker {
  readonly connectionPool: { readonly send: (exchange: Exchange) => Promise<unknown> }
  produce: (request: ProduceRequest) => Promise<unknown>
  fetch: (request: object) => Promise<unknown>
}

interface Exchange {
  readonly request: { readonly apiVersion: number; readonly encode: () => Promise<Encoded> }
  readonly response: { readonly decode: (bytes: Buffer) => Promise<unknown> }
}

interface ProduceRequest {
  readonly acks: number
  readonly timeout: number
  readonly compression?: number
  readonly producerId: number
  readonly topicData: readonly {
    readonly topic: string
    readonly partitions: readonly {
      readonly partition: number
      readonly messages: readonly { readonly value: unknown }[]
    }[]
  }[]
}

/** What kafkajs takes for an instance of its Encoder. */
interface Encoded {
  readonly buf: Buffer
  readonly buffer: Buffer
}

const knownVersion = '2.2.4'
const produceVersions = { min: 3, max: 7 }
const fetchVersion = 11

const installedVersion = (): string => {
  const require = createRequire(import.meta.url)
  const description: unknown = require('kafkajs/package.json')
  return (description as { readonly version: string }).version
}

const unknownShape = (part: string): string =>
  `kafkajs says that it is ${knownVersion}, but its ${part} is not as it is there`

/** A broker is made, but connects to nobody. */
const faultOf = ({ brokerPool, rootLogger }: Cluster): string | undefined => {
  if (typeof brokerPool?.createBroker !== 'function') return unknownShape('BrokerPool')
  const connectionPool: unknown = { connectionTimeout: 0 }
  const broker = brokerPool.createBroker({ connectionPool, logger: rootLogger })
  const isKnown =
    broker.connectionPool === connectionPool &&
    typeof broker.produce === 'function' &&
    typeof broker.fetch === 'function'
  return isKnown ? undefined : unknownShape('Broker')
}

const hastened = (broker: Broker): Broker => {
  const { produce, fetch } = broker
  broker.produce = (request) =>
    produce.call(isPacked(request) ? through(broker, packing(request)) : broker, request)
  const reading = through(broker, unpacked)
  broker.fetch = (request) => fetch.call(reading, request)
  return broker
}

/** The broker with another way to its connections; all the rest is its own. */
const through = (broker: Broker, change: (exchange: Exchange) => Exchange): Broker => {
  const send = (exchange: Exchange) => broker.connectionPool.send(change(exchange))
  const connectionPool = Object.create(broker.connectionPool, { send: { value: send } })
  return Object.create(broker, { connectionPool: { value: connectionPool } })
}

const isPacked = ({ topicData }: ProduceRequest): boolean =>
  topicData.some(({ partitions }) =>
    partitions.some(({ messages }) => messages.some(({ value }) => value instanceof RecordSet))
  )

const packing =
  (request: ProduceRequest) =>
  (exchange: Exchange): Exchange => {
    const { apiVersion } = exchange.request
    if (apiVersion < produceVersions.min || apiVersion > produceVersions.max) {
      throw new Error(`record batches are not sent by version ${apiVersion} of Produce`)
    }
    const encode = () => encodeProduceRequest(request)
    return { ...exchange, request: { ...exchange.request, encode } }
  }

/** kafkajs' own request with the batches in it; without a transaction or sequence numbers. */
const encodeProduceRequest = async (request: ProduceRequest): Promise<Encoded> => {
  const { acks, timeout, compression = 0, topicData, producerId } = request
  if (producerId !== -1) throw new Error('record batches are not sent by idempotent producers')
  const codec = compression === 0 ? undefined : codecOf(compression)
  if (compression !== 0 && codec === undefined) throw new Error(`no codec ${compression}`)
  // No transaction, the acknowledgements, the deadline, the number of topics.
  const parts: Buffer[] = [int16(-1), int16(acks), int32(timeout), int32(topicData.length)]
  for (const { topic, partitions } of topicData) {
    parts.push(int16(Buffer.byteLength(topic)), Buffer.from(topic), int32(partitions.length))
    for (const { partition, messages } of partitions) {
      const [records, ...others] = messages.map(({ value }) => value)
      if (!(records instanceof RecordSet) || others.length > 0) {
        throw new TypeError(`${topic}-${partition}: a record set is sent by itself, or messages`)
      }
      const batch = await records.seal(compression, codec?.compress)
      parts.push(int32(partition), int32(batch.length), batch)
    }
  }
  const buffer = Buffer.concat(parts)
  return { buf: buffer, buffer }
}

const int16 = (value: number): Buffer => {
  const bytes = Buffer.allocUnsafe(2)
  bytes.writeInt16BE(value)
  return bytes
}

const int32 = (value: number): Buffer => {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(value)
  return bytes
}

interface Codec {
  readonly compress: Compress
  readonly decompress: (bytes: Buffer) => Promise<Buffer>
}

const codecOf = (codec: number): Codec | undefined => {
  const codecs = kafkajs.CompressionCodecs as Readonly<Record<number, (() => Codec) | undefined>>
  return codecs[codec]?.()
}

/** A batch in the place of its messages; kafkajs looks at the offset, and whether it shows it. */
class FetchedMessage {
  readonly offset: string
  readonly isControlRecord = false
  readonly batch: FetchedBatch

  constructor(batch: FetchedBatch) {
    this.offset = String(batch.endOffset - 1)
    this.batch = batch
  }
}

const unpacked = (exchange: Exchange): Exchange => {
  if (exchange.request.apiVersion !== fetchVersion) return exchange
  const { response } = exchange
  const decode = async (bytes: Buffer) =>
    decodeFetchResponse(bytes) ?? (await response.decode(bytes))
  return { ...exchange, response: { ...response, decode } }
}

/** As kafkajs decodes it, but for the messages; undefined where it has to do it itself (3). */
export const decodeFetchResponse = (bytes: Buffer) => {
  let position = 0
  const int8s = (count: number): Buffer => bytes.subarray(position, (position += count))
  const readInt16 = (): number => int8s(2).readInt16BE()
  const readInt32 = (): number => int8s(4).readInt32BE()
  const readInt64 = (): string => int8s(8).readBigInt64BE().toString()
  const readArray = <A>(read: () => A): readonly A[] =>
    Array.from({ length: Math.max(0, readInt32()) }, read)
  const readPartition = () => {
    const header = {
      partition: readInt32(),
      errorCode: readInt16(),
      highWatermark: readInt64(),
      lastStableOffset: readInt64(),
      lastStartOffset: readInt64(),
      abortedTransactions: readArray(() => [readInt64(), readInt64()]),
      preferredReadReplica: readInt32()
    }
    const batches = splitRecordSet(int8s(Math.max(0, readInt32())))
    const isOther = batches === undefined || header.abortedTransactions.length > 0
    const messages = isOther ? undefined : batches.map((batch) => new FetchedMessage(batch))
    return { ...header, messages }
  }
  // kafkajs leaves it to its clients to heed what the broker asks of them.
  const clientSideThrottleTime = readInt32()
  const errorCode = readInt16()
  const sessionId = readInt32()
  const responses = readArray(() => ({
    topicName: int8s(readInt16()).toString(),
    partitions: readArray(readPartition)
  }))
  const isOurs = responses.every(({ partitions }) =>
    partitions.every(({ messages }) => messages !== undefined)
  )
  return isOurs
    ? { throttleTime: 0, clientSideThrottleTime, errorCode, sessionId, responses }
    : undefined
}
