import { expect, test } from 'vitest'
import { fakeApi } from '../support/fake-api.ts'
import { k2 } from '../support/k2-command.ts'

const row = {
  exchange: 'BINANCE',
  company_id: 'BTCUSDT',
  symbol: 'BTCUSDT',
  company_name: 'BTC/USDT',
  currency: 'USDT',
  is_active: true
}
const api = fakeApi(JSON.stringify({ data: [row, { ...row, is_active: false }] }))

const query = (...args: readonly string[]) =>
  k2('query', 'reference-data', '--url', api.url, ...args)

test('a line for each, of those that were asked for, with the key of the settings', async () => {
  const key = '0123456789abcdef0123456789abcdef'
  const { code, printed } = await query('--ticker', 'BTCUSDT', '--limit', '7', '--api-keys', key)
  expect(code).toBe(0)
  expect(printed.split('\n')).toEqual([
    'BINANCE\tBTCUSDT\tBTCUSDT\tBTC/USDT\tUSDT\tactive',
    'BINANCE\tBTCUSDT\tBTCUSDT\tBTC/USDT\tUSDT\tinactive'
  ])
  expect(api.seen.map((it) => it.url)).toEqual(['/v1/reference-data?ticker=BTCUSDT&limit=7'])
  expect(api.seen[0]?.headers['x-api-key']).toBe(key)
})

test('the answer as it is', async () => {
  expect(await query('--json')).toMatchObject({ code: 0, printed: api.answer.text })
})

test.each([
  ['a refusal', 400, '{"detail":"limit"}', 'HTTP 400: {"detail":"limit"}'],
  ['something else', 200, '{"data":[{}]}', 'exchange'],
  ['no JSON', 200, '<html>', 'JSON']
])('%s ends it with 2, and is told', async (_what, status, text, told) => {
  api.answer = { status, text }
  const { code, complaints, printed } = await query()
  expect([code, printed]).toEqual([2, ''])
  expect(complaints).toContain(told)
})
