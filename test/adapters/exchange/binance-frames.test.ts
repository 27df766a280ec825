import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { frameBytesMax, parseFrame } from '../../../src/adapters/exchange/binance-frames.ts'
import {
  type FrameResult,
  rejectReasons,
  unsupportedKinds
} from '../../../src/adapters/exchange/frame-result.ts'
import { formatDecimal } from '../../../src/market/decimal.ts'
import type { Instrument } from '../../../src/market/instrument.ts'
import { recordingNames, testWithRecordings } from '../../support/recordings.ts'

const instrument = (
  symbol: string,
  baseAsset: string,
  quoteAsset: string
): [string, Instrument] => [
  symbol,
  { exchange: 'BINANCE', symbol, assetClass: 'crypto', baseAsset, quoteAsset }
]
const instruments = new Map([
  instrument('BTCUSDT', 'BTC', 'USDT'),
  instrument('ETHUSDT', 'ETH', 'USDT'),
  instrument('ETHBTC', 'ETH', 'BTC'),
  instrument('TRXUSDT', 'TRX', 'USDT')
])
const receivedUs = 1_723_161_255_400_001

const parse = (data: string | Buffer, isBinary = false): FrameResult => {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data
  return parseFrame({ bytes, frameBytes: bytes.length, isBinary, receivedUs }, instruments)
}

const event: Readonly<Record<string, unknown>> = {
  e: 'trade',
  E: 1723161255343,
  s: 'BTCUSDT',
  t: 3735683259,
  p: '61837.63000000',
  q: '0.02000000',
  T: 1723161255342,
  m: true,
  M: true
}
const raw = (changes: Readonly<Record<string, unknown>> = {}) =>
  JSON.stringify({ ...event, ...changes })
const combined = (changes: Readonly<Record<string, unknown>> = {}, stream = 'btcusdt@trade') =>
  `{"stream":"${stream}","data":${raw(changes)}}`
/** The same JSON in another spelling, so that the pattern of the hot path does not match. */
const respelled = (text: string) => text.replaceAll('":', '" : ').replaceAll(',"', ' , "')

const expected = {
  message_id: 'BINANCE:BTCUSDT:3735683259',
  trade_id: 'BINANCE-3735683259',
  symbol: 'BTCUSDT',
  exchange: 'BINANCE',
  asset_class: 'crypto',
  timestamp: 1723161255342000,
  price: 6183763000000n,
  quantity: 2000000n,
  currency: 'USDT',
  side: 'SELL',
  trade_conditions: [],
  source_sequence: 3735683259,
  ingestion_timestamp: receivedUs,
  platform_sequence: null,
  vendor_data: { event_time: '1723161255343', is_best_match: 'true', base_asset: 'BTC' }
}

describe('a trade', () => {
  for (const [name, text] of [
    ['combined', combined()],
    ['raw', raw()],
    ['combined, respelled', respelled(combined())],
    ['raw, respelled', respelled(raw())],
    [
      'members in another order',
      JSON.stringify(Object.fromEntries(Object.entries(event).reverse()))
    ],
    ['an unknown member beside', raw({ X: 'MARKET:1' })]
  ] as const) {
    test(name, () => {
      expect(parse(text)).toEqual({ kind: 'trade', nativeId: 3735683259, trade: expected })
    })
  }

  test('the buyer aggressed where the maker sold', () => {
    expect(parse(combined({ m: false }))).toMatchObject({ trade: { side: 'BUY' } })
  })

  test('order ids of the older schema, beyond 2^53 too', () => {
    const text = raw().replace('"T"', '"b":20720542158,"a":4612057653433061439,"T"')
    for (const spelling of [text, respelled(text)]) {
      expect(parse(spelling)).toMatchObject({
        trade: {
          vendor_data: { buyer_order_id: '20720542158', seller_order_id: '4612057653433061439' }
        }
      })
    }
  })

  test('microseconds are told by sixteen digits', () => {
    const result = parse(raw({ T: 1741046401271497, E: 1741046401271969 }))
    expect(result).toMatchObject({
      trade: { timestamp: 1741046401271497, vendor_data: { event_time: '1741046401271969' } }
    })
  })

  test("the quote asset is the venue's, not the letters'", () => {
    const result = parse(combined({ s: 'ETHBTC' }, 'ethbtc@trade'))
    expect(result).toMatchObject({ trade: { currency: 'BTC', vendor_data: { base_asset: 'ETH' } } })
  })

  test('no best match given, none recorded', () => {
    const result = parse(raw({ M: undefined }))
    expect(result).toMatchObject({ kind: 'trade' })
    expect(result.kind === 'trade' && Object.keys(result.trade.vendor_data ?? {})).toEqual([
      'event_time',
      'base_asset'
    ])
  })
})

describe('a refused frame', () => {
  const cases: ReadonlyArray<readonly [string, string, object]> = [
    ['not JSON', '{"e":', { reason: 'malformed_json' }],
    ['empty', '', { reason: 'malformed_json' }],
    [
      'cut short after the id',
      combined().slice(0, 110),
      { reason: 'malformed_json', symbol: 'BTCUSDT', nativeId: 3735683259 }
    ],
    [
      'cut short within the id',
      combined().slice(0, combined().indexOf('3735683259') + 4),
      { reason: 'malformed_json', symbol: 'BTCUSDT' }
    ],
    ['one brace too many', `${raw()}}`, { reason: 'malformed_json' }],
    ['a number', '17', { reason: 'unknown_shape' }],
    ['null', 'null', { reason: 'unknown_shape' }],
    ['an empty object', '{}', { reason: 'unknown_shape' }],
    ['null data', '{"stream":"btcusdt@trade","data":null}', { reason: 'unknown_shape' }],
    [
      'Kraken',
      '[321,[["57126.70000","0.02063928","1616333924.737428","b","m",""]],"trade","XBT/USD"]',
      { reason: 'unknown_shape' }
    ],
    [
      'no price',
      raw({ p: undefined }),
      { reason: 'missing_field', field: 'p', symbol: 'BTCUSDT', nativeId: 3735683259 }
    ],
    ['no id', raw({ t: undefined }), { reason: 'missing_field', field: 't', symbol: 'BTCUSDT' }],
    [
      'no symbol',
      raw({ s: undefined }),
      { reason: 'missing_field', field: 's', nativeId: 3735683259 }
    ],
    ['no event time', raw({ E: undefined }), { reason: 'missing_field', field: 'E' }],
    ['no maker flag', raw({ m: undefined }), { reason: 'missing_field', field: 'm' }],
    ['a price that is a number', raw({ p: 61837.63 }), { reason: 'bad_decimal', field: 'p' }],
    ['a price of words', raw({ p: 'NaN' }), { reason: 'bad_decimal', field: 'p' }],
    ['an exponent', raw({ p: '1e5' }), { reason: 'bad_decimal', field: 'p' }],
    ['two points', raw({ p: '1.2.3' }), { reason: 'bad_decimal', field: 'p' }],
    ['price 0', raw({ p: '0.00000000' }), { reason: 'bad_price', field: 'p' }],
    ['price below 0', raw({ p: '-1.0' }), { reason: 'bad_price', field: 'p' }],
    ['quantity 0', raw({ q: '0.0' }), { reason: 'bad_quantity', field: 'q', nativeId: 3735683259 }],
    [
      'a quantity of eleven digits',
      raw({ q: '10000000000.0' }),
      { reason: 'decimal_overflow', field: 'q', symbol: 'BTCUSDT', nativeId: 3735683259 }
    ],
    ['nine decimals', raw({ q: '1.000000001' }), { reason: 'decimal_overflow', field: 'q' }],
    ['an id of text', raw({ t: '3735683259' }), { reason: 'bad_id', field: 't' }],
    [
      'an id beyond 2^53',
      raw().replace('3735683259', '9007199254740993'),
      { reason: 'bad_id', field: 't' }
    ],
    [
      'an id that is the largest safe integer',
      raw().replace('3735683259', '9007199254740991'),
      { reason: 'bad_id', field: 't' }
    ],
    ['an id below 0', raw({ t: -1 }), { reason: 'bad_id', field: 't' }],
    ['a fractional id', raw({ t: 1.5 }), { reason: 'bad_id', field: 't' }],
    [
      'a fraction that a double hides',
      raw().replace('3735683259', '3735683259.00000000001'),
      { reason: 'bad_id', field: 't' }
    ],
    [
      'an id with an exponent',
      raw().replace('3735683259', '3e9'),
      { reason: 'bad_id', field: 't' }
    ],
    ['time 0', raw({ T: 0 }), { reason: 'bad_time', field: 'T' }],
    ['seconds', raw({ T: 1723161255 }), { reason: 'bad_time', field: 'T' }],
    ['nanoseconds', raw({ T: 1723161255342000000 }), { reason: 'bad_time', field: 'T' }],
    ['a time of text', raw({ T: '1723161255342' }), { reason: 'bad_time', field: 'T' }],
    ['a flag of text', raw({ m: 'true' }), { reason: 'bad_value', field: 'm' }],
    ['an order id of text', raw({ b: 'x' }), { reason: 'bad_value', field: 'b' }],
    [
      'an unlisted symbol',
      raw({ s: 'DOGEUSDT' }),
      { reason: 'unknown_symbol', field: 's', symbol: 'DOGEUSDT', nativeId: 3735683259 }
    ],
    ['a symbol that is no text', raw({ s: 7 }), { reason: 'bad_value', field: 's' }],
    [
      'another symbol than its stream',
      combined({ s: 'ETHUSDT' }),
      { reason: 'symbol_mismatch', field: 'stream', symbol: 'ETHUSDT' }
    ],
    [
      'another stream than a trade',
      combined({}, 'btcusdt@aggTrade'),
      { reason: 'symbol_mismatch', field: 'stream' }
    ],
    [
      'a flag given twice',
      raw().replace('"M":true', '"m":false'),
      { reason: 'duplicate_field', field: 'm', nativeId: 3735683259 }
    ],
    [
      'an id given twice',
      raw().replace('"M":true', '"t":7'),
      { reason: 'duplicate_field', field: 't' }
    ],
    [
      'a prototype instead of members',
      '{"e":"trade","__proto__":{"s":"BTCUSDT","t":1}}',
      { reason: 'missing_field', field: 's' }
    ]
  ]
  for (const [name, text, facts] of cases) {
    test(name, () => {
      expect(parse(text)).toMatchObject({ kind: 'rejected', ...facts })
    })
    test(`${name}, respelled`, () => {
      const result = parse(respelled(text))
      expect(result.kind).toBe('rejected')
      expect(result.kind === 'rejected' && result.reason).toBe((facts as { reason: string }).reason)
    })
  }

  test('binary', () =>
    expect(parse(Buffer.from(raw()), true)).toEqual({ kind: 'rejected', reason: 'binary' }))
  test('not UTF-8', () => {
    const bytes = Buffer.concat([
      Buffer.from(raw().slice(0, -1)),
      Buffer.from([0x2c, 0x22, 0xff, 0x22])
    ])
    expect(parse(bytes)).toEqual({
      kind: 'rejected',
      reason: 'invalid_utf8',
      symbol: 'BTCUSDT',
      nativeId: 3735683259
    })
  })
  test('oversized, by its whole length', () => {
    const bytes = Buffer.from(raw({ pad: 'x'.repeat(100) }))
    const frame = { bytes, frameBytes: frameBytesMax + 1, isBinary: false, receivedUs }
    expect(parseFrame(frame, instruments)).toEqual({
      kind: 'rejected',
      reason: 'oversized',
      symbol: 'BTCUSDT',
      nativeId: 3735683259
    })
    expect(parseFrame({ ...frame, frameBytes: frameBytesMax }, instruments).kind).toBe('trade')
  })
  test('deep nesting', () => {
    expect(parse(`{"e":"trade","s":${'['.repeat(300_000)}`)).toMatchObject({ kind: 'rejected' })
    expect(parse(`{"e":"trade","s":${'['.repeat(300_000)}${']'.repeat(300_000)}}`)).toMatchObject({
      kind: 'rejected'
    })
  })
})

describe('replies', () => {
  test.each([
    ['{"result":null,"id":1}', { outcome: 'acknowledged', id: 1 }],
    ['{"result":["btcusdt@trade"],"id":3}', { outcome: 'acknowledged', id: 3 }],
    [
      '{"error":{"code":2,"msg":"Invalid request"},"id":4}',
      { outcome: 'refused', id: 4, code: 2, message: 'Invalid request' }
    ],
    [
      '{"code":3,"msg":"Invalid JSON"}',
      { outcome: 'refused', id: null, code: 3, message: 'Invalid JSON' }
    ],
    ['{"result":null,"id":"x"}', { outcome: 'acknowledged', id: null }]
  ])('%s', (text, reply) => expect(parse(text)).toEqual({ kind: 'control', reply }))
})

const linesOf = (path: string) =>
  gunzipSync(readFileSync(path))
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')

/** Parses every frame and counts what they were; trades are checked against an own reading. */
const readAll = (frames: Iterable<string>) => {
  const counts = new Map<string, number>()
  const ids = new Map<string, number[]>()
  for (const frame of frames) {
    const result = parse(frame)
    const key =
      result.kind === 'unsupported'
        ? result.frameKind
        : result.kind === 'rejected'
          ? result.reason
          : result.kind
    counts.set(key, (counts.get(key) ?? 0) + 1)
    if (result.kind !== 'trade') continue
    const { trade } = result
    const data = (JSON.parse(frame) as { data: Record<string, any> }).data
    expect(trade.symbol).toBe(data['s'])
    expect(formatDecimal(trade.price)).toBe(data['p'])
    expect(formatDecimal(trade.quantity)).toBe(data['q'])
    expect(trade.side).toBe(data['m'] === true ? 'SELL' : 'BUY')
    expect(trade.timestamp).toBe(data['T'] * 1000)
    expect(trade.source_sequence).toBe(data['t'])
    ids.set(trade.symbol, [...(ids.get(trade.symbol) ?? []), data['t']].slice(-1))
    const first = `${trade.symbol}:first`
    if (!ids.has(first)) ids.set(first, [data['t']])
  }
  return { counts: Object.fromEntries(counts), ids: Object.fromEntries(ids) }
}

describe('recordings', () => {
  testWithRecordings('every trade of August 2024', [recordingNames.trades2024], ([path]) => {
    const { counts, ids } = readAll(linesOf(path))
    expect(counts).toEqual({ trade: 15_863 })
    expect(ids).toMatchObject({
      'BTCUSDT:first': [3735683259],
      BTCUSDT: [3735693015],
      'ETHUSDT:first': [1520538925],
      ETHUSDT: [1520545030]
    })
  })

  const framesOf = (path: string) => linesOf(path).map((line) => line.slice(line.indexOf(' ') + 1))
  testWithRecordings('the older schema', [recordingNames.btc2023], ([path]) => {
    expect(readAll(framesOf(path)).counts).toEqual({
      trade: 3_144,
      quote: 8_015,
      depthUpdate: 3_929
    })
  })
  testWithRecordings('all streams of BTC', [recordingNames.btc2024], ([path]) => {
    const { counts } = readAll(framesOf(path))
    expect(counts).toMatchObject({ trade: 9_757, quote: 28_040, depthSnapshot: 1 })
    expect(Object.keys(counts).sort()).toEqual([
      'depthSnapshot',
      'depthUpdate',
      'quote',
      'trade'
    ])
  })
  testWithRecordings('all streams of ETH', [recordingNames.eth2024], ([path]) => {
    const { counts } = readAll(framesOf(path))
    expect(counts).toMatchObject({ trade: 6_106, quote: 24_077, depthSnapshot: 1 })
    expect(Object.keys(counts).sort()).toEqual([
      'depthSnapshot',
      'depthUpdate',
      'quote',
      'trade'
    ])
  })
  testWithRecordings('mixed streams without trades', [recordingNames.mixed2021], ([path]) => {
    const frames = linesOf(path)
      .filter((line) => /^\d/.test(line))
      .map((line) => line.slice(line.indexOf(': ') + 2))
    expect(Object.keys(readAll(frames).counts).sort()).toEqual([
      'aggTrade',
      'depthUpdate',
      'kline',
      'unknown_symbol' // its book tickers
    ])
  })

  const odd = (name: string) => `odd-cases/crypto-msg-parser_${name}_raw.jsonl`
  testWithRecordings(
    'odd frames of three venues are no trades',
    [odd('binance'), odd('coinbase_pro'), odd('kraken')],
    (paths) => {
      for (const path of paths) {
        for (const line of readFileSync(path, 'utf8').split('\n')) {
          const result = parse(line)
          expect(['unsupported', 'rejected', 'quote']).toContain(result.kind)
          if (result.kind === 'unsupported') expect(unsupportedKinds).toContain(result.frameKind)
        }
      }
      const binance = readAll(readFileSync(paths[0], 'utf8').split('\n')).counts
      expect(binance).toMatchObject({ aggTrade: 5, other: expect.any(Number), markPrice: 4 })
    }
  )

  testWithRecordings(
    'trades with microsecond times',
    ['odd-cases/spot_trxusdt_20250304.csv.gz'],
    ([path]) => {
      const [, ...rows] = linesOf(path)
      for (const row of rows) {
        const [, stream, e, E, T, s, t, p, q, m, M] = row.trim().split(',')
        const text =
          `{"stream":"${stream}","data":{"e":"${e}","E":${E},"s":"${s}","t":${t},` +
          `"p":"${p}","q":"${q}","T":${T},"m":${m === '1'},"M":${M === 'True'}}}`
        expect(parse(text)).toMatchObject({
          trade: {
            timestamp: Number(T),
            source_sequence: Number(t),
            side: m === '1' ? 'SELL' : 'BUY'
          }
        })
      }
      expect(rows).toHaveLength(10_000)
    }
  )
})

describe('whatever comes', () => {
  const sound = (result: FrameResult) =>
    result.kind !== 'rejected' || rejectReasons.includes(result.reason)

  test('random bytes are judged, never thrown at', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (bytes, isBinary) => {
        const result = parse(Buffer.from(bytes), isBinary)
        return sound(result) && result.kind !== 'trade'
      })
    )
  })

  test('random JSON is judged, never thrown at', () => {
    fc.assert(fc.property(fc.json(), (text) => sound(parse(text))))
  })

  test('members of any value give a trade only where every one is good', () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom('BTCUSDT', '1.5', true, 1723161255342, 5)
    )
    fc.assert(
      fc.property(
        fc.constantFrom('E', 's', 't', 'p', 'q', 'T', 'm', 'M', 'b', 'a'),
        value,
        (name, other) => {
          const text = raw({ [name]: other })
          const result = parse(text)
          expect(sound(result)).toBe(true)
          // Surrounding blanks make the pattern fail: both readings of the same members agree.
          expect(parse(`  ${text}  `)).toEqual(result)
        }
      )
    )
  })

  test('a mutated frame gives a trade only if its text says so', () => {
    const mutation = fc.record({
      index: fc.nat(),
      kind: fc.constantFrom(
        'flip' as const,
        'drop' as const,
        'insert' as const,
        'replace' as const
      ),
      byte: fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('"{}:,.0123456789tmMpqTEsba'))),
      bit: fc.nat(7)
    })
    const original = fc.constantFrom(
      combined(),
      raw(),
      combined({ b: 20720542158, a: 20720542592 })
    )
    fc.assert(
      fc.property(
        original,
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        (text, mutations) => {
          const bytes = [...Buffer.from(text)]
          for (const { index, kind, byte, bit } of mutations) {
            const at = index % bytes.length
            if (kind === 'flip') bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
            if (kind === 'drop') bytes.splice(at, 1)
            if (kind === 'insert') bytes.splice(at, 0, byte)
            if (kind === 'replace') bytes[at] = byte
          }
          const result = parse(Buffer.from(bytes))
          expect(sound(result)).toBe(true)
          if (result.kind === 'trade') expectSaid(result, Buffer.from(bytes).toString('utf8'))
        }
      ),
      { numRuns: 5_000 }
    )
  })
})

/** Every member of the trade stands in the text literally, and with one value only. */
const expectSaid = (result: FrameResult & { kind: 'trade' }, text: string) => {
  const frame = JSON.parse(text) as Record<string, any>
  const data = (frame['stream'] === undefined ? frame : frame['data']) as Record<string, any>
  const { trade } = result
  expect(data['e']).toBe('trade')
  expect(trade.symbol).toBe(data['s'])
  expect(frame['stream'] ?? `${data['s'].toLowerCase()}@trade`).toBe(
    `${data['s'].toLowerCase()}@trade`
  )
  expect(trade.price).toBe(scaled(data['p']))
  expect(trade.quantity).toBe(scaled(data['q']))
  expect(trade.side).toBe(data['m'] === true ? 'SELL' : 'BUY')
  for (const name of ['t', 'T', 'm', 'p', 'q', 's']) {
    const said = text.matchAll(new RegExp(`"${name}"\\s*:\\s*("[^"]*"|[^,}\\s]*)`, 'g'))
    expect(new Set([...said].map(([, value]) => value)).size).toBe(1)
  }
  expect(text).toMatch(new RegExp(`"t"\\s*:\\s*${trade.source_sequence}\\s*[,}]`))
  expect([trade.timestamp, trade.timestamp / 1000]).toContain(data['T'])
}

const scaled = (text: string): bigint => {
  const [whole = '', fraction = ''] = text.split('.')
  return BigInt(whole) * 100_000_000n + BigInt(fraction.slice(0, 8).padEnd(8, '0'))
}
