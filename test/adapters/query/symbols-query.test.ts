import { Effect } from 'effect'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeSymbolsQuery } from '../../../src/adapters/query/symbols-query.ts'
import { trade } from '../duckdb/trades.ts'
import { openWarehouse, type Warehouse } from './support.ts'

let warehouse: Warehouse

beforeAll(async () => {
  warehouse = await openWarehouse()
})
afterAll(() => warehouse.close())

describe('symbols query', () => {
  test('lists instruments, asks a file once, forgets files that left the table', async () => {
    const query = makeSymbolsQuery(warehouse)
    const list = (filter = {}) => Effect.runPromise(query.list(filter))
    expect((await list()).instruments).toEqual([])
    const btc = { symbol: 'BTCUSDT', exchange: 'BINANCE', baseAsset: 'BTC', quoteAsset: 'USDT' }
    const xbt = { symbol: 'XBT/EUR', exchange: 'KRAKEN', baseAsset: null, quoteAsset: 'EUR' }
    const old = await warehouse.land([
      trade({ vendor_data: { base_asset: 'BTC' } }),
      trade({ symbol: 'XBT/EUR', exchange: 'KRAKEN', currency: 'EUR' })
    ])
    expect((await list()).instruments).toEqual([btc, xbt])
    expect((await list({ exchange: 'KRAKEN' })).instruments).toEqual([xbt])
    const asked = warehouse.statements.length
    await list()
    expect(warehouse.statements.length).toBe(asked)

    const eth = await warehouse.land([
      trade({ symbol: 'ETHUSDT', vendor_data: { base_asset: 'ETH' } })
    ])
    expect((await list()).instruments.map(({ symbol }) => symbol)).toEqual([
      'BTCUSDT',
      'ETHUSDT',
      'XBT/EUR'
    ])
    warehouse.setFiles(eth)
    expect((await list()).instruments.map(({ symbol }) => symbol)).toEqual(['ETHUSDT'])
    warehouse.setFiles([...old, ...eth])
    expect((await list()).instruments).toHaveLength(3)
    expect(warehouse.leases.released).toBe(warehouse.leases.taken)
  })
})
