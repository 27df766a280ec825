/** Record batches that pass by kafkajs, held against kafkajs' own on a connection. */
import * as Effect from 'effect/Effect'
import * as fc from 'fast-check'
import kafkajs from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasten } from '../../../../src/adapters/log/kafka/fast-kafkajs.ts'
import { makeKafka } from '../../../../src/adapters/log/kafka/kafka-client.ts'
import { openSession } from '../../../../src/adapters/log/kafka/kafka-session.ts'
import { messagesOf } from '../../../../src/adapters/log/kafka/messages.ts'
import { PartitionProducer } from '../../../../src/adapters/log/kafka/partition-producer.ts'
import {
  type RecordSetContext,
  recordSetBytesMax,
  recordSetsOf
} from '../../../../src/adapters/log/kafka/record-set-writer.ts'
import type { TopicCompression } from '../../../../src/adapters/log/kafka/topics-file.ts'
import {
  type PackedRecords,
  PackedRecordsBuilder
} from '../../../../src/adapters/log/record-batch.ts'
import {
  openScriptedBroker,
  type ScriptedBroker
} from '../../../support/kafka/scripted-broker.ts'

const topic = 'market.crypto.trades.binance'
const requestMsMax = 10_000
const { CompressionTypes } = kafkajs
const codecOf = (codec: number) =>
  (kafkajs.CompressionCodecs as Record<number, () => Codec>)[codec]!()

interface Codec {
  readonly decompress: (bytes: Buffer) => Promise<Buffer>
}

interface TestRecord {
  readonly key: string
  readonly value: Uint8Array
}

const pack = (records: readonly TestRecord[]): PackedRecords => {
  const builder = new PackedRecordsBuilder()
  for (const { key, value } of records) builder.add(key, value)
  return builder.take('0123456789abcdef')
}

const record: fc.Arbitrary<TestRecord> = fc.record({
  key: fc.oneof(fc.string({ maxLength: 12 }), fc.string({ minLength: 60, maxLength: 300 })),
  value: fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.constantFrom(63, 64, 8_191, 8_192, 70_000).map((length) => new Uint8Array(length).fill(7))
  )
})
const context = fc.record({
  header: fc.uint8Array({ maxLength: 10 }),
  timestampMs: fc.oneof(fc.integer({ min: 1, max: 2 ** 45 }), fc.constant(1_700_000_000_123))
})
const partitions = fc.integer({ min: 0, max: 3 })

describe('record batches that pass by kafkajs', () => {
  let broker: ScriptedBroker

  beforeAll(async () => {
    broker = await openScriptedBroker(topic)
  })

  afterAll(async () => broker.close())

  const connection = (encoder: 'fast' | 'stock') => ({
    brokers: [broker.address],
    clientId: 'test',
    requestMsMax,
    encoder
  })

  /** Sends, and returns what came of it. */
  const sender = (encoder: 'fast' | 'stock', compression: TopicCompression) => {
    const producers = [0, 1, 2, 3].map(
      (partition) =>
        new PartitionProducer({
          topic,
          partition,
          compression,
          sendMsMax: requestMsMax,
          openSession: () => openSession(connection(encoder), () => undefined),
          observe: () => undefined
        })
    )
    return {
      async send(partition: number, records: readonly TestRecord[], at: RecordSetContext) {
        const before = broker.produced.length
        await Effect.runPromise(producers[partition]!.send(pack(records), at))
        return broker.produced.slice(before)
      },
      close() {
        for (const producer of producers) producer.close()
      }
    }
  }

  test('property: a request has the bytes of a request of kafkajs', async () => {
    const fast = sender('fast', 'none')
    const stock = sender('stock', 'none')
    const records = fc.array(record, { minLength: 1, maxLength: 12 })
    const sameBytes = fc.asyncProperty(
      records,
      context,
      partitions,
      async (all, at, partition) => {
        const [ours, ...others] = await fast.send(partition, all, at)
        const expected = await stock.send(partition, all, at)
        // What is too large for one batch here is split at other places by messages.
        fc.pre(expected.length === 1)
        expect(others).toEqual([])
        expect(ours!.equals(expected[0]!)).toBe(true)
      }
    )
    try {
      await fc.assert(sameBytes)
    } finally {
      fast.close()
      stock.close()
    }
  })

  test('a batch of a thousand records has the bytes of one of kafkajs', async () => {
    const records = Array.from({ length: 1_000 }, (_, id) => ({
      key: 'BTCUSDT',
      value: Buffer.from(`record ${id} ${'x'.repeat(id % 150)}`)
    }))
    const [fast, stock] = [sender('fast', 'none'), sender('stock', 'none')]
    const at = { header: Buffer.from([0, 0, 0, 0, 7]), timestampMs: 1_700_000_000_123 }
    const ours = await fast.send(2, records, at)
    const expected = await stock.send(2, records, at)
    expect([ours.length, expected.length]).toEqual([1, 1])
    expect(ours[0]!.equals(expected[0]!)).toBe(true)
    fast.close()
    stock.close()
  })

  test.each(['lz4', 'zstd'] as const)(
    'property: with %s the records decompress to those of kafkajs',
    async (compression) => {
      const fast = sender('fast', compression)
      const stock = sender('stock', compression)
      const codec = CompressionTypes[compression === 'lz4' ? 'LZ4' : 'ZSTD']
      const { decompress } = codecOf(codec)
      const opened = async (request: Buffer | undefined) => {
        // The batch follows on the topic's name, two counts, the partition and its length.
        const batch = request!.subarray(12 + 2 + topic.length + 4 + 4 + 4)
        const records = await decompress(batch.subarray(61))
        return { attributes: batch.readInt16BE(21), header: batch.subarray(23, 61), records }
      }
      const sameRecords = fc.asyncProperty(
        fc.array(record, { minLength: 1, maxLength: 8 }),
        context,
        async (all, at) => {
          const [ours] = await fast.send(0, all, at)
          const expected = await stock.send(0, all, at)
          fc.pre(expected.length === 1)
          const [one, other] = [await opened(ours), await opened(expected[0])]
          expect(one.attributes).toBe(other.attributes)
          expect(one.header.equals(other.header)).toBe(true)
          expect(one.records.equals(other.records)).toBe(true)
        }
      )
      try {
        await fc.assert(sameRecords, { numRuns: 40 })
      } finally {
        fast.close()
        stock.close()
      }
    }
  )

  test('a hastened client sends messages of kafkajs as ever', async () => {
    const packed = pack([{ key: 'BTCUSDT', value: Buffer.from('value') }])
    const [messages] = messagesOf(packed, { partition: 0, header: Buffer.alloc(5), timestampMs: 9 })
    const requests: Buffer[] = []
    for (const encoder of ['fast', 'stock'] as const) {
      const { kafka, cut } = openSession(connection(encoder), () => undefined)
      const producer = kafka.producer({ createPartitioner: () => () => 0 })
      await producer.connect()
      await producer.send({ topic, messages: [...messages!] })
      requests.push(broker.produced.at(-1)!)
      cut()
    }
    expect(requests[0]!.equals(requests[1]!)).toBe(true)
  })

  test('an idempotent producer is refused: its sequence numbers would be wrong', async () => {
    const packed = pack([{ key: 'k', value: Buffer.from('value') }])
    const records = recordSetsOf(packed, { header: Buffer.alloc(0), timestampMs: 1 })
    const { kafka, cut } = openSession(connection('fast'), () => undefined)
    const { seedBroker } = await connected(kafka)
    const topicData = [{ topic, partitions: [{ partition: 0, messages: [{ value: records[0] }] }] }]
    const request = { acks: -1, timeout: 1, producerId: 7, topicData }
    await expect(seedBroker.produce(request)).rejects.toThrow('idempotent')
    cut()
  })

  test('another version of kafkajs is left as it is, and named', () => {
    const kafka = makeKafka(connection('fast'), () => undefined)
    const before = parts(kafka)
    expect(hasten(kafka, '2.2.5')).toContain('kafkajs is version 2.2.5')
    expect(parts(kafka)).toEqual(before)
    expect(hasten(kafka)).toBeUndefined()
    expect(parts(kafka)).not.toEqual(before)
  })

  test('a client of another shape is left as it is, and named', () => {
    const kafka = makeKafka(connection('fast'), () => undefined)
    const symbol = clusterSymbol(kafka)
    Reflect.set(kafka, symbol, () => ({ brokerPool: {} }))
    expect(hasten(kafka)).toContain('its BrokerPool is not as it is there')
    Reflect.set(kafka, symbol, () => ({ brokerPool: { createBroker: () => ({}) } }))
    expect(hasten(kafka)).toContain('its Broker is not as it is there')
    Reflect.deleteProperty(kafka, symbol)
    expect(hasten(kafka)).toContain('its Kafka is not as it is there')
  })
})

describe('record sets', () => {
  test('property: they are small enough, or a single record, and hold all records', async () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 300_000 }), { minLength: 1, maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(sizes, async (all) => {
        const packed = pack(all.map((size) => ({ key: 'k', value: new Uint8Array(size) })))
        const sets = recordSetsOf(packed, { header: Buffer.alloc(5), timestampMs: 1 })
        expect(sets.reduce((sum, { recordCount }) => sum + recordCount, 0)).toBe(all.length)
        for (const set of sets) {
          const bytes = await set.seal(0)
          expect(set.recordCount).toBeGreaterThan(0)
          expect(bytes.length <= recordSetBytesMax || set.recordCount === 1).toBe(true)
          expect(bytes.readInt32BE(8)).toBe(bytes.length - 12)
        }
      })
    )
  })

  test('they do not change with the packed records, which may be reused', async () => {
    const packed = pack([{ key: 'BTCUSDT', value: Buffer.from('value') }])
    const [records] = recordSetsOf(packed, { header: Buffer.from('head'), timestampMs: 1 })
    packed.bytes.fill(0)
    expect((await records!.seal(0)).toString('latin1')).toContain('headvalue')
  })
})

const clusterSymbol = (kafka: object): symbol =>
  Object.getOwnPropertySymbols(kafka).find(({ description }) =>
    description?.endsWith('createCluster')
  )!

const parts = (kafka: object) =>
  Object.getOwnPropertySymbols(kafka).map((symbol): unknown => Reflect.get(kafka, symbol))

const connected = async (kafka: object) => {
  const create = Reflect.get(kafka, clusterSymbol(kafka)) as (options: object) => {
    readonly connect: () => Promise<void>
    readonly brokerPool: {
      readonly seedBroker: { readonly produce: (request: object) => Promise<unknown> }
    }
  }
  const cluster = create({})
  await cluster.connect()
  return cluster.brokerPool
}
