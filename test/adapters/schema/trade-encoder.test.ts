import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { makeRecordCodec } from '../../../src/adapters/schema/record-codec.ts'
import { TradeDecoder } from '../../../src/adapters/schema/trade-decoder.ts'
import { writeTrade } from '../../../src/adapters/schema/trade-encoder.ts'
import { tradeLayoutOf } from '../../../src/adapters/schema/trade-layout.ts'
import { viewOf } from '../../../src/market/byte-run.ts'
import { type CompactTrade, instrumentOf, tradeOf } from '../../../src/market/compact-trade.ts'
import { type TradeV2, tradeV2Schema } from '../../../src/market/records/trade-v2.ts'
import { arbitraryCompact, instrument, listed } from '../../support/compact-trades.ts'

const codec = makeRecordCodec<TradeV2>(tradeV2Schema)
const guard = 0xaa

const written = (trade: CompactTrade): Buffer => {
  const layout = tradeLayoutOf(trade.instrument)!
  const bytes = Buffer.alloc(layout.recordBytesMax + 16, guard)
  const end = writeTrade(layout, trade, viewOf(bytes), 8)
  expect(end - 8).toBeLessThanOrEqual(layout.recordBytesMax)
  expect([...bytes.subarray(0, 8), ...bytes.subarray(end)].every((byte) => byte === guard)).toBe(
    true
  )
  return bytes.subarray(8, end)
}

const numbersOf = (decoder: TradeDecoder) => {
  const { nativeId, timestampUs, receivedUs, eventTime, isBuyerMaker, isBestMatch } = decoder
  return { nativeId, timestampUs, receivedUs, eventTime, isBuyerMaker, isBestMatch }
}
/** What the decoder read, as the record that the codec would give. */
const readBack = (decoder: TradeDecoder, trade: Pick<CompactTrade, 'instrument'>): TradeV2 => {
  const words = (high: number, low: number) => (BigInt(high) << 32n) + BigInt(low)
  return {
    ...tradeOf({ ...numbersOf(decoder), instrument: trade.instrument, price: 0, quantity: 0 }),
    price: words(decoder.priceHigh, decoder.priceLow),
    quantity: words(decoder.quantityHigh, decoder.quantityLow)
  }
}
const plain = (record: TradeV2) => ({ ...record, vendor_data: { ...record.vendor_data } })

describe('the encoder of compact trades', () => {
  test('property: writes what the library writes, within its bound', () => {
    fc.assert(
      fc.property(arbitraryCompact, (trade) => {
        expect(written(trade).toString('hex')).toBe(
          Buffer.from(codec.encode(tradeOf(trade))).toString('hex')
        )
      }),
      { numRuns: 3_000 }
    )
  })

  test('an instrument whose id would not fit one length byte has no layout', () => {
    expect(tradeLayoutOf(instrument('A'.repeat(40), 'B'))).toBeUndefined()
    expect(tradeLayoutOf(instrument('A'.repeat(30), 'B'))).toBeDefined()
  })
})

describe('a schema with more fields (R52)', () => {
  const more = (...added: readonly object[]) => ({
    ...tradeV2Schema,
    fields: [...tradeV2Schema.fields, ...added] as { name: string; type: unknown }[]
  })
  const note = { name: 'note', type: ['null', 'string'], default: null }
  const flag = { name: 'flag', type: ['boolean', 'null'], default: true }

  test('property: those behind the others that may be null are null in the compact form', () => {
    const schema = more(note, flag)
    const wider = makeRecordCodec<object>(schema)
    const decoder = new TradeDecoder()
    fc.assert(
      fc.property(arbitraryCompact, (trade) => {
        const layout = tradeLayoutOf(trade.instrument, schema.fields)!
        const bytes = Buffer.alloc(layout.recordBytesMax)
        const end = writeTrade(layout, trade, viewOf(bytes), 0)
        const record = { ...tradeOf(trade), note: null, flag: null }
        expect(bytes.subarray(0, end).toString('hex')).toBe(
          Buffer.from(wider.encode(record)).toString('hex')
        )
        expect(decoder.read(layout, viewOf(bytes), 0, end)).toBe(true)
        const told = Buffer.from(wider.encode({ ...record, note: 'said' }))
        expect(decoder.read(layout, viewOf(told), 0, told.length)).toBe(false)
      })
    )
  })

  test.each([
    ['one that must be there', more({ name: 'note', type: 'string' }).fields],
    ['one in between', [note, ...tradeV2Schema.fields]],
    ['one that is gone', tradeV2Schema.fields.slice(0, -1)]
  ])('%s: no trade has a compact form', (_name, fields) => {
    expect(tradeLayoutOf(instrument('BTCUSDT', 'BTC'), fields)).toBeUndefined()
  })
})

describe('the decoder of compact trades', () => {
  const decoder = new TradeDecoder()

  test('property: reads what the library reads', () => {
    fc.assert(
      fc.property(arbitraryCompact, (trade) => {
        const bytes = Buffer.from(codec.encode(tradeOf(trade)))
        const layout = tradeLayoutOf(trade.instrument)!
        expect(decoder.read(layout, viewOf(bytes), 0, bytes.length)).toBe(true)
        expect(readBack(decoder, trade)).toEqual(tradeOf(trade))
      }),
      { numRuns: 3_000 }
    )
  })

  test('property: a changed or cut record is read as the library reads it, or left to it', () => {
    const change = fc.tuple(fc.nat(), fc.nat({ max: 255 }))
    const counts = { read: 0, left: 0 }
    fc.assert(
      fc.property(
        arbitraryCompact,
        fc.array(change, { minLength: 1, maxLength: 2 }),
        fc.option(fc.nat(), { freq: 1 }),
        (trade, changes, cut) => {
          const whole = Buffer.from(codec.encode(tradeOf(trade)))
          for (const [at, byte] of changes) whole[at % whole.length] = byte
          const end = cut === null ? whole.length : cut % (whole.length + 1)
          if (!decoder.read(tradeLayoutOf(trade.instrument)!, viewOf(whole), 0, end)) {
            counts.left += 1
            return
          }
          counts.read += 1
          expect(readBack(decoder, trade)).toEqual(plain(codec.decode(whole, 0, end)))
        }
      ),
      { numRuns: 5_000 }
    )
    expect(counts.read).toBeGreaterThan(50)
    expect(counts.left).toBeGreaterThan(50)
  })

  test('any one byte changed: read as the library reads it, or left to it', () => {
    const [trade] = fc.sample(arbitraryCompact, { numRuns: 1, seed: 11 })
    const layout = tradeLayoutOf(trade!.instrument)!
    const whole = Buffer.from(codec.encode(tradeOf(trade!)))
    for (let at = 0; at < whole.length; at++) {
      for (let byte = 0; byte < 256; byte++) {
        const changed = Buffer.from(whole)
        changed[at] = byte
        if (!decoder.read(layout, viewOf(changed), 0, changed.length)) continue
        expect(readBack(decoder, trade!), `byte ${at} = ${byte}`).toEqual(
          plain(codec.decode(changed, 0, changed.length))
        )
      }
    }
  })

  test('records of another instrument, schema or shape are left to the library', () => {
    const [bitcoin, other] = [tradeLayoutOf(listed[0]!)!, listed[1]!]
    const [trade] = fc.sample(arbitraryCompact, { numRuns: 1, seed: 7 })
    const record = tradeOf({ ...trade!, instrument: listed[0]! })
    const isRead = (changed: Partial<TradeV2>) => {
      const bytes = Buffer.from(codec.encode({ ...record, ...changed }))
      return decoder.read(bitcoin, viewOf(bytes), 0, bytes.length)
    }
    expect(isRead({})).toBe(true)
    const { event_time, ...rest } = record.vendor_data!
    for (const changed of [
      { symbol: other.symbol },
      { message_id: 'BINANCE:BTCUSDT:1.5' },
      { trade_id: 'BINANCE-5' },
      { source_sequence: null },
      { source_sequence: record.source_sequence! - 1 },
      { trade_conditions: ['x'] },
      { platform_sequence: 1 },
      { side: 'UNKNOWN' as const },
      { price: -1n },
      { price: 10n ** 18n - 1n },
      { vendor_data: null },
      { vendor_data: { ...record.vendor_data, buyer_order_id: '1' } },
      { vendor_data: { ...rest, event_time: event_time! } }
    ]) {
      expect(isRead(changed), JSON.stringify(changed, (_, v) => String(v))).toBe(false)
    }
  })
})

test('the instrument of a record is the one whose trades look so', () => {
  const [trade] = fc.sample(arbitraryCompact, { numRuns: 1, seed: 3 })
  expect(instrumentOf(tradeOf(trade!))).toEqual(trade!.instrument)
  expect(instrumentOf({ ...tradeOf(trade!), vendor_data: null })).toBeUndefined()
})
