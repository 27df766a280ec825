/**
 * The metadata of topics in the version of the protocol that has their ids, which kafkajs 2.2.4
 * does not speak: Metadata v12, request and response.
 *
 * Source: Apache Kafka, `clients/src/main/resources/common/message/MetadataRequest.json` and
 * `MetadataResponse.json`; KIP-482 (flexible versions: compact lengths, tagged fields), KIP-516
 * (topic ids). Brokers from 3.1 on speak it.
 *
 * 1. What a response claims is believed only as far as its bytes go: anything else is a
 *    `MetadataMalformed`.
 */
import * as Schema from 'effect/Schema'

export const metadataApiKey = 3
export const metadataVersion = 12

export interface TopicMetadata {
  readonly topic: string
  /** The protocol's error code of the topic: 0 none, 3 unknown topic, 5 no leader yet. */
  readonly errorCode: number
  /** Kafka's UUID of the topic, as its tools print it: 22 letters of base64url. */
  readonly topicId: string
  readonly partitions: readonly PartitionMetadata[]
}

interface PartitionMetadata {
  readonly partition: number
  readonly errorCode: number
  /** Broker that leads the partition; -1: none at the moment. */
  readonly leader: number
  readonly replicas: readonly number[]
}

/** The bytes are no response of Metadata v12. */
export class MetadataMalformed extends Schema.TaggedError<MetadataMalformed>()(
  'MetadataMalformed',
  { detail: Schema.String }
) {
  override get message() {
    return `the broker's answer about topics cannot be read: ${this.detail}`
  }
}

/**
 * What follows the client id in the request: the rest of its header, then its body. Topics that do
 * not exist are not made.
 */
export const encodeMetadataRequest = (topics: readonly string[]): Buffer => {
  const parts = [noTags, compactLength(topics.length)]
  for (const topic of topics) {
    const name = Buffer.from(topic, 'utf8')
    parts.push(zeroUuid, compactLength(name.length), name, noTags)
  }
  // Neither auto-creation nor authorised operations.
  parts.push(Buffer.from([0, 0]), noTags)
  return Buffer.concat(parts)
}

/**
 * Topics of a response, from behind its correlation id.
 * @throws MetadataMalformed
 */
export const decodeMetadataResponse = (bytes: Buffer): readonly TopicMetadata[] => {
  const reader = new Reader(bytes)
  reader.skipTags()
  reader.int32() // throttle time
  reader.array(() => {
    reader.int32()
    reader.text()
    reader.int32()
    reader.text()
    reader.skipTags()
  })
  reader.text() // cluster id
  reader.int32() // controller
  const topics = reader.array(() => readTopic(reader))
  reader.skipTags()
  return topics
}

const zeroUuid = Buffer.alloc(16)
const noTags = Buffer.from([0])

const readTopic = (reader: Reader): TopicMetadata => {
  const errorCode = reader.int16()
  const topic = reader.text()
  const topicId = reader.bytes(zeroUuid.length).toString('base64url')
  reader.bytes(1) // whether it is internal
  const partitions = reader.array(() => readPartition(reader))
  reader.int32() // authorised operations
  reader.skipTags()
  return { topic, errorCode, topicId, partitions }
}

const readPartition = (reader: Reader): PartitionMetadata => {
  const errorCode = reader.int16()
  const partition = reader.int32()
  const leader = reader.int32()
  reader.int32() // epoch of the leader
  const replicas = reader.array(() => reader.int32())
  reader.array(() => reader.int32()) // in sync
  reader.array(() => reader.int32()) // offline
  reader.skipTags()
  return { partition, errorCode, leader, replicas }
}

/** Length of a compact array or text: one more than it is, as an unsigned varint. */
const compactLength = (length: number): Buffer => {
  const bytes: number[] = []
  let rest = length + 1
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  return Buffer.from([...bytes, rest])
}

/** Reads what a response says, never outside of it (1). */
class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  bytes(length: number): Buffer {
    const start = this.#at
    if (start + length > this.#bytes.length) {
      throw new MetadataMalformed({ detail: `it ends at byte ${this.#bytes.length}` })
    }
    this.#at += length
    return this.#bytes.subarray(start, this.#at)
  }

  int16(): number {
    return this.bytes(2).readInt16BE()
  }

  int32(): number {
    return this.bytes(4).readInt32BE()
  }

  /** Empty where it is null. */
  text(): string {
    return this.bytes(Math.max(0, this.varint() - 1)).toString('utf8')
  }

  /** An element takes at least a byte, so that the bytes bound the elements. */
  array<A>(readOne: () => A): readonly A[] {
    const length = Math.max(0, this.varint() - 1)
    if (length > this.#bytes.length - this.#at) {
      throw new MetadataMalformed({ detail: `a list of ${length} at byte ${this.#at}` })
    }
    return Array.from({ length }, readOne)
  }

  skipTags(): void {
    for (let left = this.varint(); left > 0; left--) {
      this.varint()
      this.bytes(this.varint())
    }
  }

  varint(): number {
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.bytes(1)[0]!
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    throw new MetadataMalformed({ detail: `no length before byte ${this.#at}` })
  }
}
