import { expect, test } from 'vitest'
import { makeApp } from '../../../src/adapters/http/app.ts'
import { fakeDeps } from './support.ts'

const ask = async (query: string, headers = {}) => {
  const deps = fakeDeps()
  const url = `http://127.0.0.1:8000/v1/trades/recent?${query}`
  const response = await makeApp(deps).request(url, { headers })
  return { asked: deps.asked, response, body: JSON.parse(await response.text()) }
}

test('the trades of one instrument since so many minutes ago', async () => {
  const { asked, body } = await ask('symbol=BTCUSDT&exchange=binance&window_minutes=2&limit=7')
  const now = Date.parse('2024-08-08T00:00:00.123Z')
  expect(asked).toEqual([
    {
      dataType: 'trades',
      filter: { symbols: ['BTCUSDT'], exchanges: ['BINANCE'], fromUs: (now - 120_000) * 1_000 },
      rowsMax: 7,
      format: 'json',
      decimals: 'number'
    }
  ])
  expect(body.meta).toMatchObject({
    query: {
      symbol: 'BTCUSDT',
      exchange: 'BINANCE',
      window_minutes: 2,
      start_time: '2024-08-07T23:58:00.123Z',
      end_time: '2024-08-08T00:00:00.123Z'
    }
  })
})

test('the window moves on: no ETag says that it has not', async () => {
  const first = await ask('symbol=BTCUSDT&exchange=BINANCE')
  const tag = first.response.headers.get('etag')!
  const again = await ask('symbol=BTCUSDT&exchange=BINANCE', { 'if-none-match': tag })
  expect(again.response.status).toBe(200)
})

test('what is missing or beyond its limits is named', async () => {
  const { response, body } = await ask('window_minutes=61&limit=0')
  expect(response.status).toBe(400)
  expect(body.errors.map(({ field }: { field: string }) => field).sort()).toEqual([
    'exchange',
    'limit',
    'symbol',
    'window_minutes'
  ])
})
