import { Effect } from 'effect'
import { expect, test } from 'vitest'
import type { ApiDeps } from '../../../src/adapters/http/api-deps.ts'
import { makeApp } from '../../../src/adapters/http/app.ts'
import { accessOf, fakeDeps } from './support.ts'

const post = (body: unknown, overrides: Partial<ApiDeps> = {}, headers = {}) =>
  makeApp(fakeDeps(overrides)).request('http://127.0.0.1:8000/v1/sql', {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers }
  })
const answer = {
  columns: [{ name: 'n', type: 'BIGINT' }],
  rows: '{"n":1},{"n":2}',
  rowCount: 2,
  cutBy: 'rows',
  snapshots: { trades: '7', snapshots: null },
  missing: ['gaps: closed ones']
} as const

test('the envelope, with exact numbers, columns and pinned snapshots', async () => {
  const response = await post({ sql: 'SELECT n FROM trades' })
  expect(response.status).toBe(200)
  const text = await response.text()
  expect(text).toContain('"data":[{"n":9007199254740993.00000001}]')
  expect(JSON.parse(text)).toMatchObject({
    success: true,
    pagination: { limit: 1_000, total: 1, has_more: false },
    meta: {
      columns: [{ name: 'n', type: 'DECIMAL(18,8)' }],
      row_count: 1,
      truncated: false,
      partial: false,
      snapshots: { trades: '9223372036854775807' }
    }
  })
})

test('limit is handed on; an answer that was cut, or lacks something, says so', async () => {
  const asked: unknown[] = []
  const sql: ApiDeps['sql'] = (request) => Effect.sync(() => (asked.push(request), answer))
  const response = await post({ sql: 'SELECT 1', limit: 2 }, { sql })
  expect(asked).toEqual([{ sql: 'SELECT 1', rowsMax: 2 }])
  expect(await response.json()).toMatchObject({
    pagination: { limit: 2, total: null, has_more: true },
    meta: {
      truncated: true,
      truncated_by: 'rows',
      hint: expect.stringContaining('limit'),
      partial: true,
      missing: ['gaps: closed ones']
    }
  })
})

test.each([
  ['sql_not_allowed', 403],
  ['sql_unknown_table', 400],
  ['sql_invalid', 400],
  ['sql_failed', 422],
  ['sql_result_too_large', 422],
  ['sql_memory_exceeded', 422]
])('%s is a problem with status %i', async (code, status) => {
  const sql = () => Effect.succeed({ refusal: { code, detail: 'because' } })
  const response = await post({ sql: 'SELECT 1' }, { sql })
  expect(response.status).toBe(status)
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  expect(await response.json()).toMatchObject({ code, status, detail: 'because' })
})

test.each([
  [{}, 'sql'],
  [[], 'body'],
  [{ sql: 1 }, 'sql'],
  [{ sql: ' ' }, 'sql'],
  [{ sql: 'x'.repeat(65_537) }, 'sql'],
  [{ sql: 'SELECT 1', limit: 0 }, 'limit'],
  [{ sql: 'SELECT 1', limit: 1.5 }, 'limit'],
  [{ sql: 'SELECT 1', limit: 10_001 }, 'limit'],
  [{ sql: 'SELECT 1', sequel: 1 }, 'sequel']
])('%j is refused, naming %s', async (body, field) => {
  const response = await post(body)
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({ code: 'invalid_parameters', errors: [{ field }] })
})

test('the guards of every POST route hold', async () => {
  const body = { sql: 'SELECT 1' }
  expect((await post(body, {}, { 'content-type': 'text/plain' })).status).toBe(415)
  expect((await post(body, {}, { host: 'evil.example' })).status).toBe(403)
  expect((await post(body, {}, { origin: 'http://evil.example' })).status).toBe(403)
  const access = accessOf('reader=read:0123456789abcdef0123456789abcdef')
  expect((await post(body, { access })).status).toBe(401)
  const reader = { authorization: 'Bearer 0123456789abcdef0123456789abcdef' }
  expect((await post(body, { access }, reader)).status).toBe(403)
  expect((await post('{', {})).status).toBe(400)
  expect((await post(body, { overloadSeconds: () => 5 })).status).toBe(503)
})
