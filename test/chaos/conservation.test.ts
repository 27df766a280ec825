import { expect, test } from 'vitest'
import { brokenEquations } from '../../chaos/conservation.ts'
import { fakeApi } from '../support/fake-api.ts'

const broken = { equation: 'landing', partition: 2, difference: 5 }
const answerOf = (holds: boolean, ...equations: readonly object[]) =>
  JSON.stringify({ data: { holds, equations } })
const api = fakeApi(answerOf(true))

test('says which equations fail, and that none does', async () => {
  expect(await brokenEquations(api.url)).toEqual([])
  api.answer = { status: 200, text: answerOf(false, broken) }
  expect(await brokenEquations(api.url)).toEqual([broken])
  expect(api.seen.map((it) => it.url)).toEqual(
    ['broken', 'broken'].map((state) => `/v1/system/conservation?state=${state}`)
  )
})

test.each([
  ['a refusal', 503, '{}'],
  ['something else', 200, '{"data":{}}'],
  ['a contradiction', 200, answerOf(true, broken)]
])('%s is no answer', async (_what, status, text) => {
  api.answer = { status, text }
  await expect(brokenEquations(api.url)).rejects.toThrow(api.url)
})
