import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseFrame } from '../../../src/adapters/exchange/binance-frames.ts'
import { type FrameResult, rejectReasons } from '../../../src/adapters/exchange/frame-result.ts'
import { formatDecimal } from '../../../src/market/decimal.ts'
import type { Instrument } from '../../../src/market/instrument.ts'
import { recordingNames, testWithRecordings } from '../../support/recordings.ts'

const instruments = new Map<string, Instrument>(
  ['BTC', 'ETH'].map((baseAsset) => [
    `${baseAsset}USDT`,
    {
      exchange: 'BINANCE',
      symbol: `${baseAsset}USDT`,
      assetClass: 'crypto',
      baseAsset,
      quoteAsset: 'USDT'
    }
  ])
)
const receivedUs = 1_723_161_255_400_001

const parse = (data: string | Buffer): FrameResult => {
  const bytes = Buffer.from(data)
  const frame = { bytes, frameBytes: bytes.length, isBinary: false, receivedUs }
  return parseFrame(frame, instruments)
}

const event: Readonly<Record<string, unknown>> = {
  u: 50093239212,
  s: 'BTCUSDT',
  b: '61837.63000000',
  B: '3.78826000',
  a: '61837.64000000',
  A: '1.54698000'
}
const raw = (changes: Readonly<Record<string, unknown>> = {}) =>
  JSON.stringify({ ...event, ...changes })
const combined = (
  changes: Readonly<Record<string, unknown>> = {},
  stream = 'btcusdt@bookTicker'
) => `{"stream":"${stream}","data":${raw(changes)}}`
/** The same JSON in another spelling, so that the pattern of the hot path does not match. */
const respelled = (text: string) => text.replaceAll('":', '" : ').replaceAll(',"', ' , "')

const expected = {
  message_id: 'BINANCE:BTCUSDT:50093239212',
  quote_id: 'BINANCE-50093239212',
  symbol: 'BTCUSDT',
  exchange: 'BINANCE',
  asset_class: 'crypto',
  timestamp: receivedUs,
  bid_price: 6183763000000n,
  bid_quantity: 378826000n,
  ask_price: 6183764000000n,
  ask_quantity: 154698000n,
  currency: 'USDT',
  source_sequence: 50093239212,
  ingestion_timestamp: receivedUs,
  platform_sequence: null,
  vendor_data: { base_asset: 'BTC', timestamp_source: 'received' }
}

describe('a quote', () => {
  for (const [name, text] of [
    ['combined', combined()],
    ['raw', raw()],
    ['combined, respelled', respelled(combined())],
    ['raw, respelled', respelled(raw())],
    ['an unknown member beside', raw({ ps: 'BTCUSDT' })]
  ] as const) {
    test(name, () => {
      expect(parse(text)).toEqual({ kind: 'quote', nativeId: 50093239212, quote: expected })
    })
  }

  test('with the times of the futures markets', () => {
    const times = { e: 'bookTicker', T: 1653812037547, E: 1653812037552 }
    expect(parse(combined(times))).toEqual({
      kind: 'quote',
      nativeId: 50093239212,
      quote: {
        ...expected,
        timestamp: 1653812037547000,
        vendor_data: { base_asset: 'BTC', event_time: '1653812037552' }
      }
    })
  })

  test('an empty side is zero and zero; bid and ask may cross', () => {
    const empty = { b: '0.00000000', B: '0.00000000' }
    expect(parse(raw(empty))).toMatchObject({ quote: { bid_price: 0n, bid_quantity: 0n } })
    expect(parse(raw({ b: '61837.65000000' }))).toMatchObject({ kind: 'quote' })
  })

  test('of the stream over all symbols is of a stream that K2 does not read', () => {
    expect(parse(combined({}, '!bookTicker'))).toEqual({
      kind: 'unsupported',
      frameKind: 'bookTicker'
    })
  })
})

describe('a refused quote', () => {
  const known = { symbol: 'BTCUSDT', nativeId: 50093239212 }
  const cases: readonly (readonly [name: string, text: string, facts: object])[] = [
    ['no ask', raw({ a: undefined, e: 'bookTicker' }), { reason: 'missing_field', field: 'a' }],
    ['a bid that is a number', raw({ b: 1.5 }), { reason: 'bad_decimal', field: 'b' }],
    ['an exponent', raw({ A: '1e5' }), { reason: 'bad_decimal', field: 'A', ...known }],
    ['a bid below 0', raw({ b: '-1.0' }), { reason: 'bad_price', field: 'b', ...known }],
    ['a quantity below 0', raw({ A: '-1.0' }), { reason: 'bad_quantity', field: 'A', ...known }],
    ['a bid of nothing', raw({ B: '0.0' }), { reason: 'bad_quantity', field: 'B', ...known }],
    ['an offer for nothing', raw({ a: '0.0' }), { reason: 'bad_price', field: 'a', ...known }],
    ['eleven digits', raw({ B: '10000000000.0' }), { reason: 'decimal_overflow', field: 'B' }],
    ['an id of text', raw({ u: '7' }), { reason: 'bad_id', field: 'u', symbol: 'BTCUSDT' }],
    [
      'an id beyond 2^53',
      raw().replace('50093239212', '9007199254740993'),
      { reason: 'bad_id', field: 'u' }
    ],
    [
      'an unlisted symbol',
      raw({ s: 'DOGEUSDT' }),
      { reason: 'unknown_symbol', field: 's', symbol: 'DOGEUSDT' }
    ],
    [
      'another symbol than its stream',
      combined({ s: 'ETHUSDT' }),
      { reason: 'symbol_mismatch', field: 'stream', symbol: 'ETHUSDT' }
    ],
    ['a bad time', raw({ T: 12 }), { reason: 'bad_time', field: 'T' }],
    [
      'an ask given twice',
      raw().replace('"A":', '"a":"1.0","A":'),
      { reason: 'duplicate_field', field: 'a' }
    ]
  ]
  for (const [name, text, facts] of cases) {
    test(name, () => {
      for (const spelling of [text, respelled(text)]) {
        expect(parse(spelling)).toMatchObject({ kind: 'rejected', isQuote: true, ...facts })
      }
    })
  }
})

describe('recordings', () => {
  const cases = [
    [recordingNames.btc2024, 28_040],
    [recordingNames.eth2024, 24_077],
    [recordingNames.btc2023, 8_015]
  ] as const
  for (const [name, count] of cases) {
    testWithRecordings(`every quote of ${name}, digit by digit`, [name], ([path]) => {
      const lines = gunzipSync(readFileSync(path)).toString('utf8').split('\n')
      const frames = lines.flatMap((line) =>
        line.includes('@bookTicker"') ? [line.slice(line.indexOf('{'))] : []
      )
      expect(frames).toHaveLength(count)
      for (const frame of frames) {
        const result = parse(frame)
        if (result.kind !== 'quote') throw new Error(`${frame} is ${result.kind}`)
        const { data } = JSON.parse(frame) as { data: Record<string, string | number> }
        const { quote } = result
        expect([
          quote.symbol,
          quote.source_sequence,
          formatDecimal(quote.bid_price),
          formatDecimal(quote.bid_quantity),
          formatDecimal(quote.ask_price),
          formatDecimal(quote.ask_quantity)
        ]).toEqual([data['s'], data['u'], data['b'], data['B'], data['a'], data['A']])
      }
    })
  }
})

describe('whatever comes', () => {
  test('members of any value: both readings agree, and nothing is thrown', () => {
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom('BTCUSDT', '1.5', '0', '-1', 5))
    fc.assert(
      fc.property(fc.constantFrom('u', 's', 'b', 'B', 'a', 'A'), value, (name, other) => {
        const text = raw({ [name]: other })
        const result = parse(text)
        expect(result.kind !== 'rejected' || rejectReasons.includes(result.reason)).toBe(true)
        expect(parse(`  ${text}  `)).toEqual(result)
      })
    )
  })

  test('a mutated frame gives a quote only if its text says so', () => {
    const mutation = fc.record({
      index: fc.nat(),
      isInserted: fc.boolean(),
      byte: fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('"{}:,.0123456789ubBaAs-')))
    })
    fc.assert(
      fc.property(
        fc.constantFrom(combined(), raw()),
        fc.array(mutation, { minLength: 1, maxLength: 3 }),
        (text, mutations) => {
          const bytes = [...Buffer.from(text)]
          for (const { index, isInserted, byte } of mutations) {
            bytes.splice(index % bytes.length, isInserted ? 0 : 1, byte)
          }
          const mutated = Buffer.from(bytes)
          const result = parse(mutated)
          if (result.kind === 'quote') expectSaid(result, mutated.toString('utf8'))
        }
      ),
      { numRuns: 5_000 }
    )
  })
})

/** Every member of the quote stands in the text literally, and with one value only. */
const expectSaid = ({ quote }: FrameResult & { kind: 'quote' }, text: string) => {
  const said = (name: string) =>
    new Set(
      [...text.matchAll(new RegExp(`"${name}"\\s*:\\s*("[^"]*"|[^,}\\s]*)`, 'g'))].map(
        ([, value]) => value?.replaceAll('"', '') ?? ''
      )
    )
  const scaled = (digits: string): bigint => {
    const [whole = '', fraction = ''] = digits.split('.')
    return BigInt(whole) * 100_000_000n + BigInt(fraction.slice(0, 8).padEnd(8, '0'))
  }
  expect([...said('s')]).toEqual([quote.symbol])
  expect([...said('u')]).toEqual([String(quote.source_sequence)])
  expect([...said('b')].map(scaled)).toEqual([quote.bid_price])
  expect([...said('B')].map(scaled)).toEqual([quote.bid_quantity])
  expect([...said('a')].map(scaled)).toEqual([quote.ask_price])
  expect([...said('A')].map(scaled)).toEqual([quote.ask_quantity])
}
