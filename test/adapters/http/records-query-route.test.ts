import { describe, expect, test } from 'vitest'
import { makeApp } from '../../../src/adapters/http/app.ts'
import { fakeDeps } from './support.ts'

const post = async (body: unknown, path = '/v1/trades/query') => {
  const deps = fakeDeps()
  const response = await makeApp(deps).request(`http://127.0.0.1:8000${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body)
  })
  return { deps, response, body: JSON.parse(await response.text()) }
}

describe('POST /v1/trades/query', () => {
  test('defaults', async () => {
    const { deps, body } = await post({})
    const form = { format: 'json', decimals: 'number' }
    expect(deps.asked).toEqual([
      { dataType: 'trades', filter: {}, rowsMax: 1_000, offset: 0, ...form }
    ])
    expect(body).toMatchObject({
      success: true,
      data: [{}, {}],
      pagination: { limit: 1_000, offset: 0, total: null, has_more: true, next_cursor: 'c1.next' },
      meta: { partial: false, read_token: expect.any(String) }
    })
  })

  test('everything reaches the query typed', async () => {
    const { deps, body } = await post({
      symbols: ['BTCUSDT', 'ETHUSDT', 'BTCUSDT'],
      exchanges: ['binance'],
      start_time: '2024-08-08T00:00:00Z',
      end_time: 1_723_075_200_000_001,
      fields: ['price', 'symbol'],
      limit: 10_000,
      offset: 7,
      min_price: '0.00000001',
      max_price: 9_999_999_999,
      min_quantity: '1.5',
      decimals: 'string',
      tag: 'end-of-day'
    })
    expect(deps.asked).toEqual([
      {
        dataType: 'trades',
        filter: {
          symbols: ['BTCUSDT', 'ETHUSDT'],
          exchanges: ['BINANCE'],
          fromUs: 1_723_075_200_000_000,
          toUs: 1_723_075_200_000_001,
          minPrice: '0.00000001',
          maxPrice: '9999999999',
          minQuantity: '1.5'
        },
        rowsMax: 10_000,
        offset: 7,
        format: 'json',
        fields: ['price', 'symbol'],
        decimals: 'string',
        from: { choice: { kind: 'tag', name: 'end-of-day' } }
      }
    ])
    expect(body.pagination).toMatchObject({ limit: 10_000, offset: 7 })
  })

  test.each([
    [{ symbols: [] }, 'symbols'],
    [{ symbols: Array.from({ length: 101 }, (_, n) => `S${n}`) }, 'symbols'],
    [{ symbols: 'BTCUSDT' }, 'symbols'],
    [{ symbols: ["'; --"] }, 'symbols'],
    [{ exchanges: [''] }, 'exchanges'],
    [{ fields: ['k2_offset'] }, 'fields'],
    [{ fields: ['price', 'price'] }, 'fields'],
    [{ fields: [] }, 'fields'],
    [{ limit: 0 }, 'limit'],
    [{ limit: 100_001 }, 'limit'],
    [{ limit: '5' }, 'limit'],
    [{ offset: -1 }, 'offset'],
    [{ offset: 1, cursor: 'c1.a.b' }, 'offset'],
    [{ min_price: 0.1 }, 'min_price'],
    [{ min_price: '-1' }, 'min_price'],
    [{ max_price: '1e3' }, 'max_price'],
    [{ min_quantity: '0.000000001' }, 'min_quantity'],
    [{ decimals: 'float' }, 'decimals'],
    [{ start_time: '2024-08-09', end_time: '2024-08-08' }, 'end_time'],
    [{ snapshot_id: '1', tag: 'x' }, 'tag'],
    [{ as_of: '2999-01-01' }, 'as_of'],
    [{ sybmols: ['BTCUSDT'] }, 'sybmols']
  ])('%j is refused, naming %s', async (asked, field) => {
    const { deps, response, body } = await post(asked)
    expect([response.status, body.code]).toEqual([400, 'invalid_parameters'])
    expect(body.errors).toMatchObject([{ field, remedy: expect.any(String) }])
    expect(deps.asked).toEqual([])
  })
})

test('quotes have no price of their own to filter by', async () => {
  const { deps } = await post({ fields: ['bid_price'] }, '/v1/quotes/query')
  expect(deps.asked).toMatchObject([{ dataType: 'quotes', fields: ['bid_price'] }])
  const { body } = await post({ min_price: '1', fields: ['price'] }, '/v1/quotes/query')
  expect(body.errors.map(({ field }: { field: string }) => field).sort()).toEqual([
    'fields',
    'min_price'
  ])
})

describe('POST /v1/snapshots/{snapshot_id}/query', () => {
  const id = '9223372036854775801'

  test('reads that snapshot, and says of when it is', async () => {
    const { deps, body } = await post({ symbol: 'BTCUSDT' }, `/v1/snapshots/${id}/query`)
    expect(deps.asked).toEqual([
      {
        dataType: 'trades',
        filter: { symbols: ['BTCUSDT'] },
        rowsMax: 1_000,
        offset: 0,
        format: 'json',
        decimals: 'number',
        from: { choice: { kind: 'snapshot', snapshotId: id } }
      }
    ])
    expect(body.meta.snapshot_timestamp).toBe('2024-08-08T00:00:00.000Z')
  })

  test.each([
    ['1', 404, 'snapshot_not_found'],
    ['x', 400, 'invalid_parameters'],
    ['-1', 400, 'invalid_parameters']
  ])('%s is %i', async (unknown, status, code) => {
    const { deps, response, body } = await post({}, `/v1/snapshots/${unknown}/query`)
    expect([response.status, body.code]).toEqual([status, code])
    expect(deps.asked).toEqual([])
  })
})
