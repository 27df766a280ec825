import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  chunkBytesMax,
  chunkRecordsMax,
  messagesOf
} from '../../../../src/adapters/log/kafka/messages.ts'
import { PackedRecordsBuilder } from '../../../../src/adapters/log/record-batch.ts'

const header = Buffer.from('head')
const context = { partition: 3, header, timestampMs: 1_700_000_000_123 }
const packed = (records: readonly { readonly key: string; readonly value: Uint8Array }[]) => {
  const builder = new PackedRecordsBuilder()
  for (const { key, value } of records) builder.add(key, value)
  return builder.take('0123456789abcdef')
}
const record = fc.record({
  key: fc.string({ maxLength: 12 }),
  value: fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.integer({ min: 0, max: 700_000 }).map((length) => new Uint8Array(length))
  )
})

describe('messages', () => {
  test('property: they are the records in their order, each behind the header', () => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 20 }), (records) => {
        const chunks = messagesOf(packed(records), context)
        expect(chunks.flat()).toHaveLength(records.length)
        for (const [index, { key, value, partition, timestamp }] of chunks.flat().entries()) {
          expect(key.toString()).toBe(Buffer.from(records[index]!.key).toString())
          expect(value.equals(Buffer.concat([header, records[index]!.value]))).toBe(true)
          expect([partition, timestamp]).toEqual([3, '1700000000123'])
        }
      })
    )
  })

  test('property: a chunk is small enough, or a single record', () => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 20 }), (records) => {
        for (const chunk of messagesOf(packed(records), context)) {
          const bytes = chunk.reduce((sum, { key, value }) => sum + key.length + value.length, 0)
          expect(chunk.length).toBeGreaterThan(0)
          expect(bytes <= chunkBytesMax || chunk.length === 1).toBe(true)
        }
      })
    )
  })

  test('a chunk has no more records than kafkajs gathers quickly', () => {
    const records = Array.from({ length: 2_500 }, () => ({ key: 'k', value: new Uint8Array(1) }))
    const chunks = messagesOf(packed(records), context)
    expect(chunks.map(({ length }) => length)).toEqual([chunkRecordsMax, chunkRecordsMax, 500])
  })

  test('they do not change with the batch, which may be reused', () => {
    const batch = packed([{ key: 'BTCUSDT', value: Buffer.from('value') }])
    const [[message] = []] = messagesOf(batch, context)
    batch.bytes.fill(0)
    expect(`${String(message!.key)} ${String(message!.value)}`).toBe('BTCUSDT headvalue')
  })
})
