import { expect, test } from 'vitest'
import { fakeApi } from '../support/fake-api.ts'
import { k2 } from '../support/k2-command.ts'

const gap = {
  exchange: 'BINANCE',
  symbol: 'BTCUSDT',
  data_type: 'trades',
  state: 'open',
  reason: 'restart',
  epoch: 0,
  from_id: 101,
  to_id: 140,
  count: 40,
  after_time: '2024-08-08T00:00:00.000001Z',
  before_time: null,
  opened_at: '2024-08-08T00:00:05.000000Z',
  closed_at: null,
  closed_reason: null
}
const answerOf = (data: readonly object[], more = {}) =>
  JSON.stringify({
    data,
    pagination: { has_more: false },
    meta: { open_gaps: 1, open_trades: 40 },
    ...more
  })
const api = fakeApi(answerOf([gap]))

const gaps = (...args: readonly string[]) => k2('gaps', '--url', api.url, ...args)

test('a table of what is asked for, and the sum', async () => {
  const closed = {
    ...gap,
    symbol: 'ETHUSDT',
    epoch: 2,
    state: 'closed',
    closed_reason: 'landed'
  }
  const lost = { ...closed, data_type: 'quotes', from_id: null, to_id: null, closed_reason: null }
  api.answer = {
    status: 200,
    text: answerOf([gap, closed, lost], { pagination: { has_more: true } })
  }
  const { code, printed } = await gaps('--state', 'all', '--symbol', 'BTCUSDT')
  expect(code).toBe(0)
  const lines = printed.split('\n')
  expect(lines[0]).toMatch(/^exchange {2}symbol {3}ids/)
  expect(lines[1]).toMatch(/^BINANCE {3}BTCUSDT {2}101-140 .* restart {2}open .* \? /)
  expect(lines[2]).toContain('2.101-140')
  expect(lines[2]).toContain('closed: landed')
  expect(lines[3]).toContain('(quotes)')
  expect(lines.slice(4)).toEqual(['… and more: --limit 6', '1 open, 40 trades missing'])
  expect(api.seen.map((it) => it.url)).toEqual(['/v1/gaps?state=all&symbol=BTCUSDT'])
})

test('with nothing missing it says so', async () => {
  api.answer = { status: 200, text: answerOf([], { meta: { open_gaps: 0, open_trades: 0 } }) }
  expect(await gaps()).toMatchObject({ code: 0, printed: 'no open gap' })
})

test('the answer as it is', async () => {
  api.answer = { status: 200, text: answerOf([gap]) }
  expect(await gaps('--format', 'json')).toMatchObject({ code: 0, printed: api.answer.text })
})

test.each([
  ['a refusal', 400, '{"detail":"limit"}', 'HTTP 400: limit'],
  ['something else', 200, '{"data":[{}]}', 'exchange']
])('%s ends it with 2, and is told', async (_what, status, text, told) => {
  api.answer = { status, text }
  const { code, complaints, printed } = await gaps()
  expect([code, printed]).toEqual([2, ''])
  expect(complaints).toContain(told)
})
