/** What an answer cost is told beside it, to whoever asks, and changes nothing else. */
import { Effect } from 'effect'
import { expect, test } from 'vitest'
import type { ApiDeps } from '../../../src/adapters/http/api-deps.ts'
import { makeApp } from '../../../src/adapters/http/app.ts'
import { addCost } from '../../../src/adapters/telemetry/query-cost.ts'
import { fakeDeps } from './support.ts'

const { records } = fakeDeps()
const costly: ApiDeps['records'] = (...asked) =>
  Effect.andThen(addCost({ filesRead: 2, rows: 7, planMs: 0.123_456 }), records(...asked))

const ask = async (path: string, init: RequestInit = {}) => {
  const app = makeApp(fakeDeps({ records: costly }))
  const response = await app.request(`http://127.0.0.1:8000${path}`, init)
  return { response, text: await response.text() }
}

const post = {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: '{"limit":3}'
}

test.each([
  ['/v1/trades?limit=3', {}],
  ['/v1/trades/query', post]
])('%s: in meta, and the rest is as without it', async (path, init) => {
  const plain = await ask(path, init)
  const { response, text } = await ask(`${path}${path.includes('?') ? '&' : '?'}explain=1`, init)
  const { explain, ...meta } = JSON.parse(text).meta
  expect(explain).toMatchObject({ files_read: 2, rows: 7, plan_ms: 0.123, files_pruned: 0 })
  expect(explain.total_ms).toBeGreaterThan(0)
  const expected = JSON.parse(plain.text)
  expect({ ...JSON.parse(text), meta }).toEqual({
    ...expected,
    meta: { ...expected.meta, correlation_id: expect.any(String), timestamp: expect.any(String) }
  })
  expect(Number(response.headers.get('content-length'))).toBe(Buffer.byteLength(text))
  expect(response.headers.get('etag')).toBe(plain.response.headers.get('etag'))
  expect(plain.text).not.toContain('"explain"')
})

test('what has no meta has a header', async () => {
  const { response, text } = await ask('/v1/trades?format=csv&explain=1')
  expect(JSON.parse(response.headers.get('k2-explain')!)).toMatchObject({ files_read: 2 })
  expect(text).toBe((await ask('/v1/trades?format=csv')).text)
})

test('it is a yes or a no', async () => {
  const { response, text } = await ask('/v1/trades?explain=full')
  expect(response.status).toBe(400)
  expect(JSON.parse(text).errors).toMatchObject([
    { field: 'explain', detail: '"full" is not valid', remedy: expect.stringMatching(/^1: files/) }
  ])
})
