import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseFrame } from '../../../src/adapters/exchange/binance-frames.ts'
import { TradeScanner } from '../../../src/adapters/exchange/trade-scanner.ts'
import { blankTrade, tradeOf } from '../../../src/market/compact-trade.ts'
import type { Instrument } from '../../../src/market/instrument.ts'
import { listed } from '../../support/compact-trades.ts'

const instruments = new Map<string, Instrument>(
  listed.slice(0, 3).map((known) => [known.symbol, known])
)
const receivedUs = 1_723_161_255_400_001
const scanner = new TradeScanner(instruments)

const frameOf = (data: string | Buffer, isBinary = false) => {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data
  return { bytes, frameBytes: bytes.length, isBinary, receivedUs }
}
/** The scanner's record, or undefined where it leaves the frame to the parser. */
const scanned = (data: string | Buffer, by = scanner) => {
  const slot = blankTrade()
  return by.scan(frameOf(data), slot) ? tradeOf(slot) : undefined
}
const parsed = (data: string | Buffer) => {
  const result = parseFrame(frameOf(data), instruments)
  return result.kind === 'trade' ? result.trade : undefined
}

const fields = {
  stream: 'btcusdt@trade',
  E: '1723161255343',
  s: 'BTCUSDT',
  t: '3735683259',
  p: '61837.63000000',
  q: '0.02000000',
  T: '1723161255342',
  m: 'true',
  M: 'true'
}
const frame = (changes: Partial<typeof fields> = {}): string => {
  const { stream, E, s, t, p, q, T, m, M } = { ...fields, ...changes }
  return (
    `{"stream":"${stream}","data":{"e":"trade","E":${E},"s":"${s}","t":${t},` +
    `"p":"${p}","q":"${q}","T":${T},"m":${m},"M":${M}}}`
  )
}

/** A copy in memory of its own, so that a read behind its end is a RangeError. */
const exactly = (bytes: Uint8Array): Buffer => {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  copy.set(bytes)
  return copy
}
const digits = (value: fc.Arbitrary<number>) => value.map(String)
const id = digits(
  fc.oneof(
    fc.nat(),
    fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    fc.constantFrom(0, 7, 9_007_199_254_740_990, 9_007_199_254_740_991, 9_007_199_254_740_992)
  )
)
const time = digits(
  fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 1e12, max: 9e12 }) },
    { weight: 2, arbitrary: fc.integer({ min: 1e15, max: 9e15 }) },
    { weight: 1, arbitrary: fc.integer({ min: 1e11, max: Number.MAX_SAFE_INTEGER }) }
  )
)
const decimal = fc
  .tuple(
    fc.oneof(fc.nat({ max: 99 }), fc.nat({ max: 99_999_999 }), fc.nat({ max: 999_999_999 })),
    fc.nat({ max: 8 }),
    fc.nat({ max: 99_999_999 })
  )
  .map(([whole, places, units]) =>
    places === 0 ? `${whole}` : `${whole}.${String(units).padStart(8, '0').slice(8 - places)}`
  )
const flag = fc.constantFrom('true', 'false')
const spelled = fc.record({
  stream: fc.constantFrom('btcusdt@trade', 'ethbtc@trade', '1000satsfdusd@trade'),
  E: time,
  s: fc.constantFrom('BTCUSDT', 'ETHBTC', '1000SATSFDUSD'),
  t: id,
  p: decimal,
  q: decimal,
  T: time,
  m: flag,
  M: flag
})
const matching = spelled.map((values) => ({ ...values, stream: `${values.s.toLowerCase()}@trade` }))

describe('the scanner of trade frames', () => {
  test('reads the venue’s own spelling', () => {
    expect(scanned(frame())).toEqual(parsed(frame()))
    expect(scanned(frame())).toMatchObject({ price: 6_183_763_000_000n, side: 'SELL' })
  })

  test('property: what it reads, the parser reads as the same trade', () => {
    let read = 0
    fc.assert(
      fc.property(fc.oneof(matching, matching, spelled), (values) => {
        const record = scanned(frame(values))
        if (record === undefined) return
        read += 1
        expect(record).toEqual(parsed(frame(values)))
      }),
      { numRuns: 5_000 }
    )
    expect(read).toBeGreaterThan(500)
  })

  test('property: of a changed or cut frame too', () => {
    const byte = fc.oneof(fc.nat({ max: 255 }), fc.integer({ min: 0x30, max: 0x39 }))
    const change = fc.tuple(fc.nat(), byte)
    const cut = fc.option(fc.nat(), { freq: 1 })
    let read = 0
    fc.assert(
      fc.property(matching, fc.array(change, { maxLength: 3 }), cut, (...given) => {
        const [values, changes, cut] = given
        const bytes = Buffer.from(frame(values))
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte
        const data = exactly(cut === null ? bytes : bytes.subarray(0, cut % (bytes.length + 1)))
        const record = scanned(data)
        if (record === undefined) return
        read += 1
        expect(record).toEqual(parsed(data))
      }),
      { numRuns: 5_000 }
    )
    expect(read).toBeGreaterThan(100)
  })

  test('reads trades with values as the venue sends them, without the parser', () => {
    for (const changes of [
      { t: '0' },
      { t: '9007199254740990' },
      { p: '0.00000001', q: '89999999.99999999' },
      { p: '5.5' },
      { E: '1723161255343123', T: '1723161255342123' },
      { m: 'false', M: 'false' },
      { stream: 'ethbtc@trade', s: 'ETHBTC' }
    ]) {
      expect(scanned(frame(changes)), JSON.stringify(changes)).toEqual(parsed(frame(changes)))
      expect(parsed(frame(changes))).toBeDefined()
    }
  })

  test('leaves everything else to the parser', () => {
    for (const data of [
      frame({ s: 'ETHBTC' }),
      frame({ stream: 'solusdt@trade', s: 'SOLUSDT' }),
      frame({ stream: 'BTCUSDT@trade' }),
      frame({ stream: 'btcusdt@aggTrade' }),
      frame({ t: '007' }),
      frame({ t: '9007199254740991' }),
      frame({ p: '0.00000000' }),
      frame({ p: '5' }),
      frame({ p: '.5' }),
      frame({ p: '1.123456789' }),
      frame({ q: '90000000.00000000' }),
      frame({ T: '172316125534' }),
      frame({ E: '17231612553431' }),
      `${frame()} `,
      ` ${frame()}`,
      `${frame()}}`,
      frame().slice(0, -1),
      frame().replace('"M":true', '"M":true,"x":1'),
      frame().replace(/\{"stream":"[^"]+","data":(.*)\}$/, '$1'),
      ''
    ]) {
      expect(scanned(data), data).toBeUndefined()
    }
    expect(scanner.scan(frameOf(frame(), true), blankTrade())).toBe(false)
  })

  test('never looks beyond the end of a frame that was cut, wherever it was', () => {
    const whole = Buffer.from(frame())
    for (let length = 0; length < whole.length; length++) {
      expect(scanned(exactly(whole.subarray(0, length)))).toBeUndefined()
    }
    expect(scanned(exactly(whole))).toBeDefined()
  })

  test('knows symbols that are added while it is in use', () => {
    const known = new Map<string, Instrument>()
    const growing = new TradeScanner(known)
    expect(scanned(frame(), growing)).toBeUndefined()
    known.set('BTCUSDT', listed[0]!)
    expect(scanned(frame(), growing)).toEqual(parsed(frame()))
  })
})
