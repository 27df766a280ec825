import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  makeRecordCodec,
  UndecodableRecord,
  UnreadableSchema
} from '../../../src/adapters/schema/record-codec.ts'
import { type TradeV2, tradeV2Schema } from '../../../src/market/records/trade-v2.ts'
import { trade } from '../../support/trades.ts'

const ours = makeRecordCodec<TradeV2>(tradeV2Schema)
const plain = (record: TradeV2) => ({
  ...record,
  vendor_data: record.vendor_data === null ? null : { ...record.vendor_data }
})

/** The trade schema as somebody else has it. */
const changed = (change: (fields: object[]) => object[]) => ({
  ...tradeV2Schema,
  fields: change([...tradeV2Schema.fields])
})
const text = (schema: object) => JSON.stringify(schema)
const readAs = (schema: object, record: unknown): TradeV2 => {
  const bytes = makeRecordCodec<unknown>(schema).encode(record)
  return ours.decoderOf(text(schema))(bytes, 0, bytes.length)
}

const record: TradeV2 = {
  ...trade('BTCUSDT', 7),
  trade_conditions: ['A', 'B'],
  vendor_data: { event_time: '1', is_best_match: 'true' }
}

describe('records of another version of the schema', () => {
  test('the same schema reads the same', () => {
    expect(plain(readAs(tradeV2Schema, record))).toEqual(plain(record))
  })

  test.each([
    ['a text', 'string', 'note'],
    ['an optional number', ['null', 'long'], 12],
    ['a list', { type: 'array', items: 'string' }, ['x', 'y']],
    ['a map', { type: 'map', values: 'long' }, { a: 1, __proto__: 2 }],
    ['a decimal', { type: 'bytes', logicalType: 'decimal', precision: 10, scale: 2 }, 123n]
  ])('%s that only the writer has is skipped, wherever it stands', (_name, type, value) => {
    const added = { name: 'added', type }
    for (const at of [0, 6, 15]) {
      const schema = changed((fields) => [...fields.slice(0, at), added, ...fields.slice(at)])
      expect(plain(readAs(schema, { ...record, added: value }))).toEqual(plain(record))
    }
  })

  test('a field that the writer does not have yet takes its default', () => {
    const schema = changed((fields) =>
      fields.filter((field) => (field as { name: string }).name !== 'vendor_data')
    )
    const { vendor_data: _unknown, ...older } = record
    expect(plain(readAs(schema, older))).toEqual({ ...plain(record), vendor_data: null })
  })

  test('fields in another order are found by their names', () => {
    const schema = changed((fields) => fields.toReversed())
    expect(plain(readAs(schema, record))).toEqual(plain(record))
  })

  test.each([
    ['a required field that is not there', changed((fields) => fields.slice(1)), 'message_id'],
    ['a decimal of another scale', withPrice({ precision: 18, scale: 6 }), 'cannot read'],
    ['a schema of something else', { type: 'record', name: 'Other', fields: [] }, 'Other'],
    ['no schema', { type: 'nothing' }, 'nothing']
  ])('%s is refused by name', (_name, schema, detail) => {
    const read = () => ours.decoderOf(text(schema))
    expect(read).toThrow(UnreadableSchema)
    expect(read).toThrow(detail)
  })

  test('a decimal of more digits is read as long as it is one of ours', () => {
    const wider = withPrice({ precision: 19, scale: 8 })
    expect(readAs(wider, { ...record, price: 5n }).price).toBe(5n)
    expect(() => readAs(wider, { ...record, price: 10n ** 18n })).toThrow(UndecodableRecord)
  })

  test('property: what the bytes claim of a field to be skipped does not hang the decoder', () => {
    const kinds = [
      { type: 'array', items: 'string' },
      { type: 'array', items: 'null' },
      { type: 'map', values: 'null' }
    ]
    const readers = kinds.map((type) =>
      ours.decoderOf(text(changed((fields) => [{ name: 'added', type }, ...fields])))
    )
    const huge = Buffer.from('808080808040', 'hex')
    fc.assert(
      fc.property(fc.nat({ max: 2 }), fc.uint8Array({ maxLength: 60 }), (kind, rest) => {
        const bytes = Buffer.concat([huge, rest])
        expect(() => readers[kind]!(bytes, 0, bytes.length)).toThrow(UndecodableRecord)
      })
    )
  })
})

function withPrice(decimal: { readonly precision: number; readonly scale: number }): object {
  const type = { type: 'bytes', logicalType: 'decimal', ...decimal }
  return changed((fields) =>
    fields.map((field) =>
      (field as { name: string }).name === 'price' ? { name: 'price', type } : field
    )
  )
}
