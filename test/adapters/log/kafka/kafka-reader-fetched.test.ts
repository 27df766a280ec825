/** Fetched record batches, held against what kafkajs makes of them. */
import { createHash } from 'node:crypto'
import { crc32c } from '@node-rs/crc32'
import * as fc from 'fast-check'
import { CompressionTypes } from 'kafkajs'
import { describe, expect, test } from 'vitest'
import {
  decodeFetchResponse,
  decompressOf,
  fetchedBatchesOf
} from '../../../../src/adapters/log/kafka/fast-kafkajs.ts'
import { makeKafka } from '../../../../src/adapters/log/kafka/kafka-client.ts'
import {
  batchesOf,
  type WriterSchemas
} from '../../../../src/adapters/log/kafka/kafka-reader-batches.ts'
import { batchesOfFetched } from '../../../../src/adapters/log/kafka/kafka-reader-fetched.ts'
import {
  registryHeader,
  singleObjectHeader
} from '../../../../src/adapters/log/kafka/wire-format.ts'
import type { LogBatch } from '../../../../src/adapters/log/record-batch.ts'
import {
  decodeStock,
  fetchResponseOf,
  type StockBatch,
  stockBatch
} from '../../../support/kafka/kafkajs-parts.ts'

// Its module gives kafkajs the codecs that it lacks.
makeKafka({ brokers: ['127.0.0.1:1'], clientId: 'test', requestMsMax: 1 }, () => undefined)

const topic = 'market.crypto.trades.binance'
const ours = '0123456789abcdef'
const schemas: WriterSchemas = {
  ofId: async (id) =>
    id === 7 ? { fingerprint: 'fedcba9876543210', schema: '"theirs"' } : undefined,
  ofFingerprint: (fingerprint) => (fingerprint === ours ? '"ours"' : undefined)
}
const fromStart = { topicPartition: `${topic}-0`, fromOffset: 0, decompressOf }

const bytes = fc.uint8Array({ maxLength: 120 }).map((it) => Buffer.from(it))
const value = fc.oneof(
  { weight: 6, arbitrary: bytes.map((it) => Buffer.concat([registryHeader(7), it])) },
  { weight: 2, arbitrary: bytes.map((it) => Buffer.concat([singleObjectHeader(ours), it])) },
  bytes.map((it) => Buffer.concat([registryHeader(8), it])),
  bytes,
  fc.constant(null),
  // Three fill a run.
  fc.constant(Buffer.concat([registryHeader(7), Buffer.alloc(400_000)]))
)
const record = fc.record({
  key: fc.option(fc.uint8Array({ maxLength: 40 }).map((it) => Buffer.from(it)), { freq: 9 }),
  value,
  headers: fc.dictionary(fc.string({ maxLength: 5 }), bytes, { maxKeys: 2 }),
  timestampDelta: fc.oneof(
    fc.integer({ min: 0, max: 1_000 }),
    fc.integer({ min: -(2 ** 41), max: 2 ** 41 })
  ),
  /** To the offset of the next one. */
  step: fc.constantFrom(1, 1, 1, 1, 3)
})
const compression = fc.constantFrom(
  CompressionTypes.None,
  CompressionTypes.GZIP,
  CompressionTypes.LZ4,
  CompressionTypes.ZSTD
)
const recordBatch = fc
  .record({
    compression,
    gap: fc.nat({ max: 3 }),
    firstTimestamp: fc.oneof(fc.integer({ min: 0, max: 2 ** 42 }), fc.constant(-1)),
    lastGone: fc.constantFrom(0, 0, 2),
    records: fc.array(record, { minLength: 1, maxLength: 12 })
  })
  .map(({ records, ...batch }) => ({
    ...batch,
    records: records.map((it, index) => ({
      ...it,
      offsetDelta: records.slice(0, index).reduce((sum, { step }) => sum + step, 0)
    }))
  }))
type Plan = typeof recordBatch extends fc.Arbitrary<infer A> ? A : never

/** Batches in succession, as a partition has them. */
const inSuccession = (plans: readonly Plan[]): readonly StockBatch[] => {
  let offset = 0
  return plans.map(({ gap, lastGone, ...plan }) => {
    const firstOffset = offset + gap
    const lastOffsetDelta = plan.records.at(-1)!.offsetDelta + lastGone
    offset = firstOffset + lastOffsetDelta + 1
    return { ...plan, firstOffset, lastOffsetDelta, maxTimestamp: plan.firstTimestamp }
  })
}

const openedOf = (response: Buffer, partition = 0) => {
  const decoded = decodeFetchResponse(response)!.responses[0]!.partitions[partition]!
  return fetchedBatchesOf(decoded as never) ?? []
}

/** Large batches are not compared, nor printed, by the byte. */
const digest = (batches: readonly LogBatch[]) =>
  batches.map(({ bytes: all, ...batch }) => ({
    ...batch,
    length: all.length,
    sha256: createHash('sha256').update(all).digest('hex')
  }))

describe('fetched record batches', () => {
  test('property: they give what messages of kafkajs give, whatever is in them', async () => {
    const same = fc.asyncProperty(
      fc.array(recordBatch, { minLength: 1, maxLength: 4 }),
      fc.nat({ max: 20 }),
      async (plans, fromOffset) => {
        const sets = await Promise.all(inSuccession(plans).map(stockBatch))
        const response = fetchResponseOf(topic, [Buffer.concat(sets)])
        const from = { ...fromStart, fromOffset }
        const read = await batchesOfFetched(openedOf(response), from, schemas)
        const expected: LogBatch[] = []
        for (const set of sets) {
          const stock = await decodeStock(fetchResponseOf(topic, [set]))
          const messages = stock.responses[0]!.partitions[0]!.messages
          const wanted = messages.filter(({ offset }) => Number(offset) >= fromOffset)
          expected.push(...(await batchesOf(wanted, schemas)))
        }
        expect(digest(read)).toEqual(digest(expected))
      }
    )
    await fc.assert(same, { numRuns: 150 })
  })

  const plain = (records: number, firstOffset = 40): StockBatch => ({
    compression: CompressionTypes.None,
    firstOffset,
    firstTimestamp: 1_700_000_000_000,
    maxTimestamp: 1_700_000_000_000,
    lastOffsetDelta: records - 1,
    records: Array.from({ length: records }, (_, offsetDelta) => ({
      key: Buffer.from('BTCUSDT'),
      value: Buffer.concat([registryHeader(7), Buffer.from(`trade ${offsetDelta}`)]),
      headers: {},
      offsetDelta,
      timestampDelta: 0
    }))
  })

  test('property: a batch of which a bit is another is an error that says where', async () => {
    const set = await stockBatch(plain(20))
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 8 * (set.length - 21) - 1 }), async (bit) => {
        const damaged = Buffer.from(set)
        damaged[21 + Math.floor(bit / 8)]! ^= 1 << (bit % 8)
        // Of a transaction, or a marker: such a batch is left to kafkajs.
        fc.pre(![12, 13].includes(bit))
        const fetched = openedOf(fetchResponseOf(topic, [damaged]))
        const failure = batchesOfFetched(fetched, fromStart, schemas)
        await expect(failure).rejects.toMatchObject({
          _tag: 'RecordSetCorrupt',
          topicPartition: `${topic}-0`,
          baseOffset: 40,
          detail: 'its CRC32C differs'
        })
      }),
      // The sign of the last offset's distance: the batch then seems to end before it begins.
      { examples: [[23]] }
    )
  })

  test.each([
    ['ends beyond the batch', { at: 61 }],
    ['has a key that ends beyond itself', { at: 65 }]
  ])('a record that %s is an error, though the checksum holds', async (_name, { at }) => {
    const set = await stockBatch(plain(1))
    set[at] = 0x7e
    set.writeUInt32BE(crc32c(set.subarray(21)), 17)
    const fetched = openedOf(fetchResponseOf(topic, [set]))
    await expect(batchesOfFetched(fetched, fromStart, schemas)).rejects.toThrow(
      `${topic}-0, batch at offset 40: record 0`
    )
  })

  test('a batch that the fetch has cut off is left to the next one', async () => {
    const [first, second] = [await stockBatch(plain(3)), await stockBatch(plain(3, 43))]
    for (const cut of [1, 30, second.length - 1]) {
      const set = Buffer.concat([first, second.subarray(0, cut)])
      const fetched = openedOf(fetchResponseOf(topic, [set]))
      expect(fetched.map(({ endOffset }) => endOffset)).toEqual([43])
    }
  })

  test('what a transaction has written is left to kafkajs, all of the response', async () => {
    const set = await stockBatch({ ...plain(3), transactional: true })
    expect(decodeFetchResponse(fetchResponseOf(topic, [set]))).toBeUndefined()
    const both = [await stockBatch(plain(3)), set]
    expect(decodeFetchResponse(fetchResponseOf(topic, both))).toBeUndefined()
  })

  test('so are messages of before Kafka 0.11', async () => {
    const old = Buffer.alloc(80)
    old.writeInt32BE(60, 8)
    old[16] = 1
    expect(decodeFetchResponse(fetchResponseOf(topic, [old]))).toBeUndefined()
  })

  test('beside the messages a response says what it says to kafkajs', async () => {
    const response = fetchResponseOf(topic, [await stockBatch(plain(3)), Buffer.alloc(0)])
    const without = ({ responses, ...rest }: Awaited<ReturnType<typeof decodeStock>>) => ({
      ...rest,
      responses: responses.map(({ partitions, ...others }) => ({
        ...others,
        partitions: partitions.map(({ messages: _messages, ...partition }) => partition)
      }))
    })
    const read = decodeFetchResponse(response) as never
    expect(without(read)).toEqual(without(await decodeStock(response)))
  })
})
