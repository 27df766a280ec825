/**
 * Candles of a running K2 against what one makes by hand of the trades that it answers: a symbol
 * that is captured no more, so that both are of the same trades.
 */
import { parse } from 'lossless-json'
import { expect, test } from 'vitest'
import { candlesByHand, fixedInterval, type HandTrade } from '../support/candles-by-hand.ts'
import { wholeK2 } from '../support/k2-command.ts'
import { k2Fixture } from '../support/k2-process.ts'

const k2s = k2Fixture()

type Row = Readonly<Record<string, unknown>>
const rowsOf = (text: string): readonly Row[] => (parse(text) as { data: readonly Row[] }).data

/** Digits of a decimal, without its point. */
const scaled = (value: unknown): bigint => BigInt(String(value).replace('.', ''))
const usOf = (time: unknown): number => {
  const [seconds = '', micros = ''] = String(time).slice(0, -1).split('.')
  return Date.parse(`${seconds}Z`) * 1_000 + Number(micros)
}

const handTrade = (row: Row): HandTrade => ({
  timestamp: usOf(row['timestamp']),
  source_sequence: Number(String(row['source_sequence'])),
  message_id: String(row['message_id']),
  price: scaled(row['price']),
  quantity: scaled(row['quantity']),
  side: String(row['side'])
})

const handCandle = (row: Row) => ({
  startUs: usOf(row['interval_start']),
  endUs: usOf(row['interval_end']),
  open: scaled(row['open_price']),
  high: scaled(row['high_price']),
  low: scaled(row['low_price']),
  close: scaled(row['close_price']),
  volume: scaled(row['volume']),
  quoteVolume: scaled(row['quote_volume']),
  vwap: scaled(row['vwap']),
  twap: scaled(row['twap']),
  tradeCount: Number(String(row['trade_count'])),
  buyVolume: scaled(row['buy_volume']),
  sellVolume: scaled(row['sell_volume'])
})

/** What there is to tell of an interval but which one it is. */
const valuesOf = (row: Row): Row =>
  Object.fromEntries(
    Object.entries(row).filter(([name]) => name !== 'at' && !name.startsWith('interval_'))
  )

test('candles and the summary of a day are those of the trades', async () => {
  const settings = {
    K2_DATA_DIR: k2s.dataFolder(),
    K2_DATA_TYPES: 'trades',
    K2_COMMIT_AGE: '200ms',
    K2_ROLLUP_INTERVAL: '300ms'
  }
  const first = k2s.start({ ...settings, K2_SIMULATOR_RATE: '400' })
  await first.ready()
  await first.atLeast('k2_candle_commits_total', 3, { outcome: 'committed' })
  first.kill('SIGTERM')
  await first.exit()

  const k2 = k2s.start({ ...settings, K2_BINANCE_SYMBOLS: 'ETHUSDT' })
  await k2.ready()
  await k2.atLeast('k2_candle_commits_total', 1, { outcome: 'committed' })
  const { text } = await k2.get('/v1/trades?symbol=BTCUSDT&limit=10000')
  const trades = rowsOf(text).map(handTrade)
  expect(trades.length).toBeGreaterThan(10)
  expect(trades.length).toBeLessThan(10_000)
  const sql = `SELECT * EXCLUDE (interval_start, interval_end), interval_start::VARCHAR AS at
    FROM candles WHERE symbol = 'BTCUSDT' ORDER BY interval_start`
  const viewed = await wholeK2('sql', sql, '--url', await k2.url(), '--format', 'json')
  expect(viewed.complaints).toBe('')
  const minutes = '/v1/candles?symbol=BTCUSDT&interval=1m&limit=10000'
  const asked = rowsOf((await k2.get(minutes)).text)
  expect(rowsOf(viewed.printed).map(valuesOf)).toEqual(asked.map(valuesOf))
  expect(rowsOf(viewed.printed).map(({ at }) => Date.parse(String(at)))).toEqual(
    asked.map((row) => usOf(row['interval_start']) / 1_000)
  )
  const newestUs = Math.max(...trades.map(({ timestamp }) => timestamp))
  const widths = { '1s': 1, '15s': 15, '1m': 60, '1h': 3_600, '1d': 86_400 }
  for (const [interval, seconds] of Object.entries(widths)) {
    const path = `/v1/candles?symbol=BTCUSDT&interval=${interval}&limit=10000`
    const candles = rowsOf((await k2.get(path)).text)
    const expected = candlesByHand(trades, fixedInterval(seconds * 1_000_000), newestUs)
    expect(candles.map(handCandle), interval).toEqual(expected)
    expect(candles.at(-1)!['state'], interval).toBe('provisional')
    if (interval !== '1d') continue
    const date = String(candles[0]!['interval_start']).slice(0, 10)
    const summary = parse((await k2.get(`/v1/summary/btcusdt/${date}`)).text) as { data: Row }
    expect(handCandle(summary.data)).toEqual(expected[0])
  }
}, 120_000)
