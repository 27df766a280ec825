import { Effect } from 'effect'
import { describe, expect, test } from 'vitest'
import type { ApiDeps } from '../../../src/adapters/http/api-deps.ts'
import { makeApp } from '../../../src/adapters/http/app.ts'
import type { Candle } from '../../../src/market/candle.ts'
import { fakeDeps } from './support.ts'

const startUs = 1_723_075_200_000_000

const candle: Candle = {
  exchange: 'BINANCE',
  symbol: 'BTCUSDT',
  startUs,
  endUs: startUs + 60_000_000,
  open: 6_183_763_000_000n,
  high: 999_999_999_999_999_999n,
  low: -1n,
  close: 9_007_199_254_740_993n,
  volume: 300_000_000n,
  // 10^22 and some, which no decimal(38,16) holds.
  quoteVolume: 123_456_789_012_345_678_901_234_567_890_123_456_789n,
  vwap: null,
  twap: 0n,
  tradeCount: 3,
  buyVolume: 1n,
  sellVolume: 299_999_999n,
  state: 'gap',
  profile: {
    step: 200_000_000n,
    levels: [
      { from: -200_000_000n, volume: 1n, buyVolume: 1n, sellVolume: 0n, tradeCount: 1 }
    ]
  }
}

const answering = (
  candles: readonly Candle[],
  missing: readonly string[] = []
): Partial<ApiDeps> => ({
  candles: () => Effect.succeed({ snapshotId: '7', candles, hasMore: true, missing })
})

const ask = async (path: string, overrides: Partial<ApiDeps> = {}, body?: unknown) => {
  const deps = fakeDeps(overrides)
  const response = await makeApp(deps).request(
    `http://127.0.0.1:8000${path}`,
    body === undefined
      ? {}
      : {
          method: 'POST',
          body: JSON.stringify(body),
          headers: { 'content-type': 'application/json' }
        }
  )
  return { status: response.status, text: await response.text(), deps }
}

const fieldsOf = ({ text }: { readonly text: string }): readonly string[] =>
  (JSON.parse(text).errors as { field: string }[]).map(({ field }) => field).sort()

describe('/v1/candles', () => {
  test('every digit of a candle, and what it could not look at', async () => {
    const { status, text } = await ask('/v1/candles?symbol=BTCUSDT&profile_levels=4', {
      ...answering([candle], ['the log is away'])
    })
    expect(status).toBe(200)
    expect(text).toContain(
      '"data":[{"exchange":"BINANCE","symbol":"BTCUSDT",' +
        '"interval_start":"2024-08-08T00:00:00.000000Z",' +
        '"interval_end":"2024-08-08T00:01:00.000000Z",' +
        '"open_price":61837.63000000,"high_price":9999999999.99999999,' +
        '"low_price":-0.00000001,"close_price":90071992.54740993,"volume":3.00000000,' +
        '"vwap":null,"twap":0.00000000,"trade_count":3,' +
        '"quote_volume":12345678901234567890123.4567890123456789,' +
        '"buy_volume":0.00000001,"sell_volume":2.99999999,' +
        '"volume_profile":{"step":2.00000000,"levels":[{"from_price":-2.00000000,' +
        '"to_price":0.00000000,"volume":0.00000001,"buy_volume":0.00000001,' +
        '"sell_volume":0.00000000,"trade_count":1}]},"state":"gap"}]'
    )
    const { meta, pagination } = JSON.parse(text)
    expect([meta.partial, meta.missing, meta.snapshot_id]).toEqual([true, ['the log is away'], '7'])
    expect(pagination).toEqual({ limit: 500, offset: 0, total: null, has_more: true })
    const asText = await ask('/v1/candles?symbol=BTCUSDT&decimals=string', answering([candle]))
    expect(JSON.parse(asText.text).data[0].quote_volume).toBe(
      '12345678901234567890123.4567890123456789'
    )
  })

  test('parameters go on as they are meant', async () => {
    const query = 'symbol=BTCUSDT&exchange=binance&interval=4h&limit=7&profile_levels=5'
    const times = 'start_time=2024-08-08&end_time=1723075200000001'
    const { deps } = await ask(`/v1/candles?${query}&${times}`)
    expect(deps.askedCandles).toEqual([
      {
        filter: {
          symbols: ['BTCUSDT'],
          exchange: 'BINANCE',
          interval: '4h',
          fromUs: startUs,
          toUs: startUs + 1,
          levelsMax: 5
        },
        candlesMax: 7
      }
    ])
  })

  test('what is not valid is named', async () => {
    const bad = 'interval=7m&profile_levels=1&limit=10001&decimals=float&from=1'
    expect(fieldsOf(await ask(`/v1/candles?${bad}`))).toEqual([
      'decimals',
      'from',
      'interval',
      'limit',
      'profile_levels',
      'symbol'
    ])
    const turned = 'symbol=BTCUSDT&start_time=2024-08-09&end_time=2024-08-08'
    const times = await ask(`/v1/candles?${turned}`)
    expect([times.status, fieldsOf(times)]).toEqual([400, ['end_time']])
  })
})

describe('/v1/summary/{symbol}/{date}', () => {
  test('a trading day by its date, with its interval in UTC', async () => {
    const day = { ...candle, exchange: 'ASX', symbol: 'BRK/B' }
    const { status, text } = await ask('/v1/summary/brk%2Fb/2024-08-08', answering([day]))
    expect(status).toBe(200)
    expect(JSON.parse(text).data).toMatchObject({
      symbol: 'BRK/B',
      exchange: 'ASX',
      date: '2024-08-08',
      time_zone: 'Australia/Sydney',
      interval_start: '2024-08-08T00:00:00.000000Z',
      trade_count: 3,
      state: 'gap'
    })
    expect(text).toContain('"high_price":9999999999.99999999')
    const { deps } = await ask('/v1/summary/brk%2Fb/2024-08-08?exchange=asx')
    expect(deps.askedCandles[0]!.filter).toEqual({
      symbols: ['BRK/B'],
      exchange: 'ASX',
      interval: '1d',
      day: 19_943
    })
  })

  test('no trades, several exchanges, no date, no symbol', async () => {
    const none = await ask('/v1/summary/BTCUSDT/2024-08-08')
    expect([none.status, JSON.parse(none.text).code]).toEqual([404, 'not_found'])
    const two = await ask(
      '/v1/summary/BTCUSDT/2024-08-08',
      answering([candle, { ...candle, exchange: 'KRAKEN' }])
    )
    expect([two.status, fieldsOf(two)]).toEqual([400, ['exchange']])
    expect(two.text).toContain('one of BINANCE, KRAKEN')
    const bad = await ask('/v1/summary/%20/2024-02-30')
    expect([bad.status, fieldsOf(bad)]).toEqual([400, ['date', 'symbol']])
  })
})

describe('POST /v1/aggregations', () => {
  const request = {
    symbols: ['BTCUSDT', 'ETHUSDT', 'BTCUSDT'],
    metrics: ['ohlcv', 'vwap'],
    interval: '1hour',
    start_time: '2024-08-08T00:00:00Z',
    end_time: startUs + 3_600_000_000
  }

  test('the measures that are asked for, of each symbol', async () => {
    const { status, text, deps } = await ask('/v1/aggregations', {}, request)
    expect(status).toBe(200)
    expect(deps.askedCandles).toEqual([
      {
        filter: {
          symbols: ['BTCUSDT', 'ETHUSDT'],
          interval: '1h',
          fromUs: startUs,
          toUs: startUs + 3_600_000_000
        },
        candlesMax: 10_000
      }
    ])
    expect(JSON.parse(text).meta.request_summary).toEqual({
      symbols: ['BTCUSDT', 'ETHUSDT'],
      exchange: null,
      metrics: ['ohlcv', 'vwap'],
      interval: '1hour',
      start_time: '2024-08-08T00:00:00.000000Z',
      end_time: '2024-08-08T01:00:00.000000Z',
      buckets: 0
    })
    const answered = await ask('/v1/aggregations', answering([candle]), request)
    expect(Object.keys(JSON.parse(answered.text).data[0])).toEqual([
      'exchange',
      'symbol',
      'interval_start',
      'interval_end',
      'open_price',
      'high_price',
      'low_price',
      'close_price',
      'volume',
      'vwap',
      'state'
    ])
  })

  test('intervals may be named as those of candles are', async () => {
    const { deps } = await ask('/v1/aggregations', {}, { ...request, interval: '15m' })
    expect(deps.askedCandles[0]!.filter.interval).toBe('15m')
  })

  test('a profile has levels', async () => {
    const { deps } = await ask('/v1/aggregations', {}, { ...request, metrics: ['volume_profile'] })
    expect(deps.askedCandles[0]!.filter.levelsMax).toBeGreaterThan(1)
  })

  test.each<[string, unknown, readonly string[]]>([
    ['nothing', {}, ['end_time', 'interval', 'metrics', 'start_time', 'symbols']],
    ['no object', [1], ['body']],
    ['a field that is none', { ...request, symbol: 'BTCUSDT' }, ['symbol']],
    ['no symbols', { ...request, symbols: [] }, ['symbols']],
    [
      'too many',
      { ...request, symbols: Array.from({ length: 51 }, (_, n) => `S${n}`) },
      ['symbols']
    ],
    ['no symbol', { ...request, symbols: ['B TC'] }, ['symbols']],
    ['no metric', { ...request, metrics: ['volume'] }, ['metrics']],
    [
      'other values',
      { ...request, interval: '2m', limit: 1.5, exchange: 3 },
      ['exchange', 'interval', 'limit']
    ],
    ['times turned round', { ...request, end_time: 5 }, ['end_time']],
    ['half a microsecond', { ...request, end_time: 1e15 + 0.5 }, ['end_time']]
  ])('%s is refused by name', async (_, body, fields) => {
    const answered = await ask('/v1/aggregations', {}, body)
    expect([answered.status, fieldsOf(answered)]).toEqual([400, fields])
  })
})
