/** The view `candles` of SQL: shares of symbols, and what a statement lacks. */
import * as Effect from 'effect/Effect'
import { expect, test } from 'vitest'
import { candlesOf } from '../../../src/actors/reading/sql-candles.ts'
import { candlesView } from '../../../src/adapters/query/sql-ledger-views.ts'
import type { Candle } from '../../../src/market/candle.ts'

const minuteUs = 60_000_000

const candle = (symbol: string, minute: number): Candle => ({
  exchange: 'BINANCE',
  symbol,
  startUs: minute * minuteUs,
  endUs: (minute + 1) * minuteUs,
  open: 1n,
  high: 1n,
  low: 1n,
  close: 1n,
  volume: 1n,
  quoteVolume: 1n,
  vwap: 1n,
  twap: 1n,
  tradeCount: 1,
  buyVolume: 0n,
  sellVolume: 1n,
  state: 'complete'
})

/** The view over minutes that symbols have, with so many rows at most. */
const viewOf = (minutes: Readonly<Record<string, readonly number[]>>, max: number) => {
  const rows = candlesOf({
    symbols: {
      list: () =>
        Effect.succeed({
          snapshotId: '1',
          missing: [],
          instruments: Object.keys(minutes).map((symbol) => ({
            symbol,
            exchange: 'BINANCE',
            baseAsset: null,
            quoteAsset: 'USDT'
          }))
        })
    },
    candles: {
      series: ({ symbols, interval }, each) => {
        expect(interval).toBe('1m')
        const pages = symbols.map((symbol) => ({
          candles: minutes[symbol]!.slice(-each).map((minute) => candle(symbol, minute)),
          hasMore: minutes[symbol]!.length > each
        }))
        return Effect.succeed({ snapshotId: '1', pages, missing: ['the spool'] })
      }
    }
  })
  return Effect.runPromise(candlesView(() => rows(max)).pin)
}

const placesOf = ({ rows }: Awaited<ReturnType<typeof viewOf>>) => {
  if (rows.kind !== 'json') throw new Error(rows.kind)
  const parsed = JSON.parse(rows.text) as readonly Readonly<Record<string, string>>[]
  return parsed.map((row) => `${row['symbol']} ${row['interval_start']?.slice(11, 16)}`)
}

test('with room for all, all; what the answer lacks is handed on', async () => {
  const view = await viewOf({ A: [1, 2], B: [2] }, 4)
  expect(placesOf(view)).toEqual(['A 00:01', 'A 00:02', 'B 00:02'])
  expect(view).toMatchObject({ snapshotId: '1', missing: ['the spool'] })
})

test('each symbol has its share of the newest; from when on all are whole is told', async () => {
  const view = await viewOf({ A: [1, 2, 3], B: [1, 5, 6, 7], C: [1] }, 6)
  expect(placesOf(view)).toEqual(['A 00:02', 'A 00:03', 'B 00:06', 'B 00:07', 'C 00:01'])
  expect(view.missing).toEqual([
    'the spool',
    expect.stringMatching(/^candles: before 1970-01-01T00:06:00.000000Z, those of 2 symbols/)
  ])
})

test('of no symbol there is nothing', async () => {
  expect(placesOf(await viewOf({}, 6))).toEqual([])
})
