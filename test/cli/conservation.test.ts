import { expect, test } from 'vitest'
import { fakeApi } from '../support/fake-api.ts'
import { k2 } from '../support/k2-command.ts'

const equation = {
  equation: 'handover',
  data_type: 'trades',
  symbol: 'BTCUSDT',
  partition: null,
  left: { accepted: 7 },
  right: { taken: 7 },
  relation: 'equal',
  difference: 0,
  holds: true
}
const landing = {
  ...equation,
  equation: 'landing',
  symbol: null,
  partition: 3,
  left: { consumed: 9 },
  right: { landed: 5, duplicates: 1 },
  difference: 3,
  holds: false
}
const answerOf = (holds: boolean, ...equations: readonly object[]) => {
  const since = holds ? null : '2026-01-01T00:00:00.000Z'
  return JSON.stringify({ data: { holds, broken: holds ? 0 : 1, broken_since: since, equations } })
}
const api = fakeApi(answerOf(true, equation))

const conservation = (...args: readonly string[]) => k2('conservation', '--url', api.url, ...args)

test('says that every record is accounted for', async () => {
  const { code, printed } = await conservation('--symbol', 'BTCUSDT')
  expect(printed.split('\n')).toEqual([
    'handover  trades  BTCUSDT  accepted 7 = taken 7',
    'every record is accounted for'
  ])
  expect(code).toBe(0)
  expect(api.seen.map((it) => it.url)).toEqual(['/v1/system/conservation?symbol=BTCUSDT'])
})

test('ends with 1 where one is not, and says which and since when', async () => {
  api.answer = { status: 200, text: answerOf(false, equation, landing) }
  const { code, printed } = await conservation()
  expect(printed.split('\n').slice(1)).toEqual([
    'landing   trades  partition 3  consumed 9 = landed 5 + duplicates 1, but not: difference 3',
    '1 equations fail, the first since 2026-01-01T00:00:00.000Z'
  ])
  expect(code).toBe(1)
})

test('the answer as it is', async () => {
  api.answer = { status: 200, text: answerOf(false, landing) }
  expect(await conservation('--json')).toMatchObject({ code: 1, printed: api.answer.text })
})

test('a refusal ends it with 2, and is told', async () => {
  api.answer = { status: 400, text: '{"detail":"state"}' }
  const { code, complaints } = await conservation('--state', 'odd')
  expect([code, complaints.includes('HTTP 400')]).toEqual([2, true])
})
