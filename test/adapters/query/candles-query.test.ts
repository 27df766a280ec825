import { Effect } from 'effect'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeCandlesQuery } from '../../../src/adapters/query/candles-query.ts'
import { HotEntries } from '../../../src/adapters/query/hot-entries.ts'
import { makeHotMinutes } from '../../../src/adapters/query/hot-minutes.ts'
import { nothingBeyond } from '../../../src/adapters/query/query-ports.ts'
import { midnightUs, trade } from '../duckdb/trades.ts'
import { openWarehouse, type Warehouse } from './support.ts'

let warehouse: Warehouse
beforeAll(async () => {
  warehouse = await openWarehouse()
})
afterAll(() => warehouse.close())

const noMinutes = {
  acquire: () =>
    Effect.succeed({
      snapshotId: null,
      files: [],
      source: 'read_parquet($files)',
      beyond: nothingBeyond,
      read: <A, E>(_: unknown, use: Effect.Effect<A, E>) => use,
      release: () => {},
      coveredIn: () => -Infinity
    })
}

test('order, sums, quotients and levels of one candle, from two files out of order', async () => {
  const at = (n: number, us: number, price: bigint, side: 'BUY' | 'SELL') =>
    trade({ source_sequence: n, timestamp: midnightUs + us, price, quantity: 100_000_000n, side })
  await warehouse.land([at(3, 30_000_000, 400_000_000n, 'SELL'), at(9, 90_000_000, 1n, 'BUY')])
  await warehouse.land([at(2, 0, 200_000_000n, 'BUY'), at(1, 0, 100_000_000n, 'BUY')])
  const query = makeCandlesQuery({
    trades: warehouse.planner,
    minutes: noMinutes,
    engine: warehouse.engine,
    hotMinutes: makeHotMinutes(new HotEntries(0, () => 0)),
    ledger: () => Effect.succeed({ open: [], givenUp: [] }),
    zones: new Map(),
    sequencesAt: () =>
      Effect.succeed({
        'BINANCE:BTCUSDT': {
          held: [],
          epochs: [
            {
              number: 0,
              startUs: midnightUs,
              low: 1,
              high: 9,
              newestUs: midnightUs + 90_000_000,
              holes: [[4, 8, midnightUs + 70_000_000, midnightUs + 90_000_000]],
              writtenOffIds: 0
            }
          ]
        }
      })
  })
  const { candles, hasMore } = await Effect.runPromise(
    query.list({ symbols: ['BTCUSDT'], interval: '1m', levelsMax: 4 }, 10)
  )
  expect(hasMore).toBe(false)
  expect(candles).toHaveLength(2)
  expect(candles[0]).toMatchObject({
    startUs: midnightUs,
    endUs: midnightUs + 60_000_000,
    open: 100_000_000n,
    high: 400_000_000n,
    low: 100_000_000n,
    close: 400_000_000n,
    volume: 300_000_000n,
    quoteVolume: 70_000_000_000_000_000n,
    vwap: 233_333_333n,
    twap: 300_000_000n,
    tradeCount: 3,
    buyVolume: 200_000_000n,
    sellVolume: 100_000_000n,
    state: 'complete'
  })
  expect(candles[0]!.profile!.step).toBe(100_000_000n)
  expect(candles[1]!.state).toBe('provisional')
})
