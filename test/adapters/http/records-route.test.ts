import { Effect } from 'effect'
import { describe, expect, test } from 'vitest'
import type { ApiDeps } from '../../../src/adapters/http/api-deps.ts'
import { makeApp } from '../../../src/adapters/http/app.ts'
import { fakeDeps, readToken } from './support.ts'

const ask = async (query: string, init: RequestInit = {}, overrides: Partial<ApiDeps> = {}) => {
  const deps = fakeDeps(overrides)
  const response = await makeApp(deps).request(`http://127.0.0.1:8000/v1/trades${query}`, init)
  const text = await response.text()
  return { deps, response, body: text === '' ? undefined : JSON.parse(text) }
}

const etag = 'W/"signature-json"'

describe('what was read', () => {
  test('is named in the answer, and by its ETag', async () => {
    const { response, body } = await ask('')
    expect(body.meta.read_token).toBe(readToken)
    expect(body.pagination.next_cursor).toBe('c1.next')
    expect(response.headers.get('etag')).toBe(etag)
    expect(response.headers.get('cache-control')).toBe('private, no-cache')
  })

  test.each([etag, '"signature-json"', `"other", ${etag}`, '*'])(
    'a client that has %s is told so',
    async (given) => {
      const { response, body } = await ask('', { headers: { 'if-none-match': given } })
      expect([response.status, body]).toEqual([304, undefined])
      expect(response.headers.get('etag')).toBe(etag)
      expect(response.headers.get('x-correlation-id')).toBe('id-1')
    }
  )

  test.each(['"sig"', 'W/signature', ''])('%s is no ETag of it', async (given) => {
    const { response } = await ask('', { headers: { 'if-none-match': given } })
    expect(response.status).toBe(200)
  })

  test.each([
    ['read_token=r1.a.b', { token: 'r1.a.b' }],
    ['cursor=c1.a.b', { cursor: 'c1.a.b' }],
    ['snapshot_id=42', { choice: { kind: 'snapshot', snapshotId: '42' } }],
    ['as_of=2024-08-08T00:00:00.0019Z', { choice: { kind: 'time', atMs: 1_723_075_200_001 } }],
    ['tag=end-of-day', { choice: { kind: 'tag', name: 'end-of-day' } }],
    [
      'tag=x&cursor=c1.a.b',
      { choice: { kind: 'tag', name: 'x' }, cursor: 'c1.a.b' }
    ]
  ])('%s reaches the query', async (query, from) => {
    const { deps } = await ask(`?${query}`)
    expect(deps.asked).toMatchObject([{ from }])
  })

  test.each([
    ['snapshot_id=1&tag=x', ['tag']],
    ['snapshot_id=1&as_of=2024-08-08&tag=x', ['as_of', 'tag']],
    ['cursor=c1.a.b&read_token=r1.a.b', ['read_token']],
    ['as_of=2024-08-09', ['as_of']],
    ['snapshot_id=x', ['snapshot_id']],
    [`read_token=${'x'.repeat(4_097)}`, ['read_token']],
    ['cursor=%00', ['cursor']]
  ])('%s is refused', async (query, fields) => {
    const { response, body, deps } = await ask(`?${query}`)
    expect([response.status, body.code]).toEqual([400, 'invalid_parameters'])
    expect(body.errors.map(({ field }: { field: string }) => field)).toEqual(fields)
    expect(deps.asked).toEqual([])
  })

  test.each([
    ['ReadTokenInvalid', 400, 'read_token_invalid'],
    ['CursorInvalid', 400, 'cursor_invalid'],
    ['SnapshotNotFound', 404, 'snapshot_not_found'],
    ['ReadExpired', 410, 'gone'],
    ['PointNotReached', 503, 'read_not_reached']
  ])('%s answers %i, with a remedy', async (tag, status, code) => {
    const records = () => Effect.fail({ _tag: tag, message: 'of the log' })
    const { response, body } = await ask('', {}, { records })
    expect([response.status, body.code]).toEqual([status, code])
    expect(body.hint).toEqual(expect.any(String))
    expect(response.headers.has('etag')).toBe(false)
    expect(response.headers.get('cache-control')).toBe('no-store')
  })
})
