import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { rabinFingerprint } from '../../../src/adapters/schema/fingerprint.ts'
import { makeRecordCodec, UndecodableRecord } from '../../../src/adapters/schema/record-codec.ts'
import { longMax } from '../../../src/market/instrument.ts'
import { type TradeV2, tradeV2Schema } from '../../../src/market/records/trade-v2.ts'

const codec = makeRecordCodec<TradeV2>(tradeV2Schema)
const decimal = fc.bigInt({ min: -(10n ** 18n) + 1n, max: 10n ** 18n - 1n })
const micros = fc.integer({ min: 0, max: 4_000_000_000_000_000 })

const trade: fc.Arbitrary<TradeV2> = fc.record({
  message_id: fc.string(),
  trade_id: fc.string(),
  symbol: fc.string({ unit: 'grapheme' }),
  exchange: fc.string(),
  asset_class: fc.constantFrom('equities', 'crypto', 'futures', 'options'),
  timestamp: micros,
  price: decimal,
  quantity: decimal,
  currency: fc.string(),
  side: fc.constantFrom('BUY', 'SELL', 'SELL_SHORT', 'UNKNOWN'),
  trade_conditions: fc.array(fc.string(), { maxLength: 3 }),
  source_sequence: fc.option(fc.integer({ min: 0, max: longMax })),
  ingestion_timestamp: micros,
  platform_sequence: fc.option(fc.integer({ min: 0, max: longMax })),
  vendor_data: fc.option(
    fc.dictionary(fc.string({ minLength: 1 }), fc.string(), { noNullPrototype: true })
  )
})

const plain = (record: TradeV2) => ({
  ...record,
  vendor_data: record.vendor_data === null ? null : { ...record.vendor_data }
})

describe('record codec', () => {
  test('property: decode(encode(record)) is the record', () => {
    fc.assert(
      fc.property(trade, (record) => {
        const bytes = codec.encode(record)
        expect(plain(codec.decode(bytes, 0, bytes.length))).toEqual(plain(record))
      })
    )
  })

  test('a map keeps every key, those of JavaScript objects among them', () => {
    const [base] = fc.sample(trade, { numRuns: 1, seed: 1 })
    const vendorData = Object.fromEntries(
      ['__proto__', 'constructor', 'toString'].map((key) => [key, 'text'])
    )
    const bytes = codec.encode({ ...base!, vendor_data: vendorData })
    const decoded = codec.decode(bytes, 0, bytes.length).vendor_data!
    expect(Object.entries(decoded)).toEqual(Object.entries(vendorData))
  })

  test.each(['array', 'map'])('a count of an %s beyond the bytes is refused', (kind) => {
    const counted = makeRecordCodec<unknown>({
      type: 'record',
      name: 'Counted',
      fields: [{ name: 'v', type: { type: kind, items: 'string', values: 'string' } }]
    })
    // 2^40 entries, of which none is there.
    const bytes = Buffer.from('808080808040', 'hex')
    expect(() => counted.decode(bytes, 0, bytes.length)).toThrow(UndecodableRecord)
  })

  test('blocks that say their size are read', () => {
    const list = makeRecordCodec<unknown>({
      type: 'record',
      name: 'List',
      fields: [{ name: 'v', type: { type: 'array', items: 'string' } }]
    })
    // Minus two entries, four bytes: "a", "b"; then one more: "c"; then the end.
    const bytes = Buffer.from('03080261026202026300', 'hex')
    expect(list.decode(bytes, 0, bytes.length)).toEqual({ v: ['a', 'b', 'c'] })
  })

  test('the largest id that a feed accepts can be written, the next one is refused loudly', () => {
    const [base] = fc.sample(trade, { numRuns: 1, seed: 1 })
    const bytes = codec.encode({ ...base!, source_sequence: longMax })
    expect(codec.decode(bytes, 0, bytes.length).source_sequence).toBe(longMax)
    expect(() => codec.encode({ ...base!, source_sequence: longMax + 1 })).toThrow('invalid "long"')
  })

  test('property: a shortened record is refused, never misread as a whole one', () => {
    fc.assert(
      fc.property(trade, fc.double({ min: 0, max: 0.999, noNaN: true }), (record, share) => {
        const bytes = codec.encode(record).slice()
        expect(() => codec.decode(bytes, 0, Math.floor(bytes.length * share))).toThrow(
          UndecodableRecord
        )
      })
    )
  })

  test('property: arbitrary bytes decode or are refused by name', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          codec.decode(bytes, 0, bytes.length)
        } catch (error) {
          expect(error).toBeInstanceOf(UndecodableRecord)
        }
      })
    )
  })

  test('decimals are minimal two\'s complement', () => {
    const one = makeRecordCodec<{ v: bigint }>({
      type: 'record',
      name: 'One',
      fields: [
        { name: 'v', type: { type: 'bytes', logicalType: 'decimal', precision: 18, scale: 8 } }
      ]
    })
    // Length prefix is zig-zag: 1 → 02, 2 → 04.
    expect(Buffer.from(one.encode({ v: 0n })).toString('hex')).toBe('0200')
    expect(Buffer.from(one.encode({ v: 127n })).toString('hex')).toBe('027f')
    expect(Buffer.from(one.encode({ v: 128n })).toString('hex')).toBe('040080')
    expect(Buffer.from(one.encode({ v: -128n })).toString('hex')).toBe('0280')
    expect(Buffer.from(one.encode({ v: -129n })).toString('hex')).toBe('04ff7f')
  })

  test('the fingerprint is the one of the Avro specification', () => {
    expect(rabinFingerprint('"int"')).toBe('7275d51a3f395c8f')
    expect(rabinFingerprint('"string"')).toBe('8f014872634503c7')
    expect(codec.fingerprint).toMatch(/^[0-9a-f]{16}$/)
  })
})
