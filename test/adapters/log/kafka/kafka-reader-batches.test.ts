import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  batchesOf,
  emptyBatch,
  messageBytesMax,
  type ReadMessage,
  SchemaUnavailable,
  type WriterSchemas
} from '../../../../src/adapters/log/kafka/kafka-reader-batches.ts'
import {
  registryHeader,
  singleObjectHeader
} from '../../../../src/adapters/log/kafka/wire-format.ts'
import {
  forEachRecord,
  type LogBatch,
  openBatch
} from '../../../../src/adapters/log/record-batch.ts'

const ours = '0123456789abcdef'
const theirs = 'fedcba9876543210'
const schemas: WriterSchemas = {
  ofId: async (id) => {
    if (id === 13) throw new Error('it is away')
    return id === 7 ? { fingerprint: theirs, schema: '"theirs"' } : undefined
  },
  ofFingerprint: (fingerprint) => (fingerprint === ours ? '"ours"' : undefined)
}

const message = (
  offset: number,
  value: Buffer | null,
  key: Buffer | null = Buffer.from('BTCUSDT')
): ReadMessage => ({ offset: String(offset), timestamp: String(1_000 + offset), key, value })

const framed = (header: Buffer, text: string) => Buffer.concat([header, Buffer.from(text)])
const bySchema = (text: string) => framed(singleObjectHeader(ours), text)
const byId = (text: string, id = 7) => framed(registryHeader(id), text)

const recordsOf = (batch: LogBatch) => {
  const bytes = Buffer.from(batch.bytes)
  const records: (readonly [offset: number, key: string, value: string])[] = []
  forEachRecord(batch, ({ offset, keyStart, keyEnd, valueStart, valueEnd }) => {
    const text = (start: number, end: number) => bytes.toString('latin1', start, end)
    records.push([offset, text(keyStart, keyEnd), text(valueStart, valueEnd)])
  })
  return records
}

const shapeOf = (batch: LogBatch) => [
  batch.baseOffset,
  batch.endOffset,
  batch.refusal ?? batch.schemaFingerprint
]

describe('messages of Kafka as batches', () => {
  test('runs of one schema become a batch each, without their frames', async () => {
    const batches = await batchesOf(
      [
        message(5, bySchema('a')),
        message(6, bySchema('b')),
        message(7, byId('c')),
        message(8, byId('d')),
        message(9, bySchema(''))
      ],
      schemas
    )
    expect(batches.map(shapeOf)).toEqual([
      [5, 7, ours],
      [7, 9, theirs],
      [9, 10, ours]
    ])
    const texts = batches.map(({ writerSchema }) => writerSchema)
    expect(texts).toEqual(['"ours"', '"theirs"', '"ours"'])
    expect(batches.flatMap(recordsOf)).toEqual([
      [5, 'BTCUSDT', 'a'],
      [6, 'BTCUSDT', 'b'],
      [7, 'BTCUSDT', 'c'],
      [8, 'BTCUSDT', 'd'],
      [9, 'BTCUSDT', '']
    ])
    expect([batches[0]!.appendedMsMin, batches[0]!.appendedMsMax]).toEqual([1_005, 1_006])
  })

  test('a batch is one that a log would hold', async () => {
    const [batch] = await batchesOf([message(5, byId('c'))], schemas)
    const { writerSchema: _schema, refusal: _refusal, ...rest } = batch!
    const bytes = Buffer.from(batch!.bytes)
    expect(openBatch(bytes, 0, bytes.length)).toEqual({ ...rest, bytes })
  })

  const odd = (value: Buffer | null, detail: string, key?: null) => ({ value, detail, key })
  test.each([
    ['without a frame', odd(Buffer.from('noise'), 'neither 0x00 nor 0xC3 0x01')],
    ['without bytes', odd(Buffer.alloc(0), 'is empty')],
    ['whose frame is cut', odd(Buffer.from([0, 0, 0]), 'its header has 5')],
    ['with an id of no schema', odd(byId('x', 8), 'has no schema 8')],
    ['without a value', odd(null, 'has no value')],
    ['without a key', odd(bySchema('x'), 'has no key', null)]
  ])('a message %s is refused alone, with its bytes', async (_name, { value, key, detail }) => {
    const all = [message(1, bySchema('a')), message(2, value, key), message(3, bySchema('b'))]
    const batches = await batchesOf(all, schemas)
    expect(batches.map(({ recordCount }) => recordCount)).toEqual([1, 1, 1])
    expect(batches[1]!.refusal).toContain(detail)
    expect(recordsOf(batches[1]!)[0]![2]).toBe(value?.toString('latin1') ?? '')
    expect([batches[0]!.refusal, batches[2]!.refusal]).toEqual([undefined, undefined])
  })

  test('of a message that is too large, a part is kept', async () => {
    const large = framed(singleObjectHeader(ours), 'x'.repeat(messageBytesMax))
    const batches = await batchesOf([message(1, bySchema('a')), message(2, large, large)], schemas)
    expect(batches[1]!.refusal).toContain(`at most ${messageBytesMax}`)
    expect(recordsOf(batches[1]!)[0]![2].length).toBe(messageBytesMax)
  })

  test('many messages are cut into batches of bounded size', async () => {
    const value = bySchema('x'.repeat(1_000))
    const messages = Array.from({ length: 5_000 }, (_, offset) => message(offset, value))
    const batches = await batchesOf(messages, schemas)
    expect(Math.max(...batches.map(({ bytes }) => bytes.length))).toBeLessThanOrEqual(1_024 ** 2)
    expect(batches.length).toBeLessThan(8)
    expect(batches.flatMap(recordsOf).map(([offset]) => offset)).toEqual(
      messages.map((_, offset) => offset)
    )
  })

  test('a hole between messages is one between batches', async () => {
    const messages = [1, 2, 5, 6, 9].map((offset) => message(offset, bySchema('a')))
    expect((await batchesOf(messages, schemas)).map(shapeOf)).toEqual([
      [1, 3, ours],
      [5, 7, ours],
      [9, 10, ours]
    ])
    const hole = emptyBatch(3, 5)
    expect([hole.baseOffset, hole.endOffset, recordsOf(hole)]).toEqual([3, 5, []])
  })

  test('a registry that is away is no refusal', async () => {
    await expect(batchesOf([message(1, byId('x', 13))], schemas)).rejects.toThrow(SchemaUnavailable)
  })

  test('property: every message is one record in its place, whatever it holds', async () => {
    const value = fc.oneof(
      fc.constant(null),
      fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
      fc.string({ maxLength: 5 }).map(bySchema),
      fc.string({ maxLength: 5 }).map((text) => byId(text)),
      fc.string({ maxLength: 5 }).map((text) => byId(text, 8))
    )
    const key = fc.option(fc.uint8Array({ maxLength: 3 }).map((bytes) => Buffer.from(bytes)))
    const record = fc.record({ value, key, step: fc.constantFrom(1, 1, 1, 2, 5) })
    await fc.assert(
      fc.asyncProperty(fc.array(record, { maxLength: 40 }), async (records) => {
        let offset = 0
        const messages = records.map((it) => message((offset += it.step), it.value, it.key))
        const batches = await batchesOf(messages, schemas)
        const read = batches.flatMap((batch) => {
          const prefix = batch.refusal === undefined ? headerOf(batch.schemaFingerprint) : ''
          return recordsOf(batch).map(([at, k, v]) => [at, k, prefix + v])
        })
        expect(read).toEqual(
          messages.map((it) => [
            Number(it.offset),
            it.key?.toString('latin1') ?? '',
            it.value?.toString('latin1') ?? ''
          ])
        )
      })
    )
  })
})

const headerOf = (fingerprint: string): string =>
  (fingerprint === theirs ? registryHeader(7) : singleObjectHeader(fingerprint)).toString('latin1')
