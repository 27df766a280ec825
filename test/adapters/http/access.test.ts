import { describe, expect, test } from 'vitest'
import { makeApp } from '../../../src/adapters/http/app.ts'
import type { AccessOptions, ApiDeps } from '../../../src/adapters/http/api-deps.ts'
import { accessOf, fakeDeps } from './support.ts'

const reader = 'reader-0123456789abcdef0123456789'
const admin = 'admin-0123456789abcdef0123456789'
const json = { 'content-type': 'application/json' }
const pressure = '/v1/system/pressure'

const open = (access: Partial<AccessOptions> = {}, others: Partial<ApiDeps> = {}) => {
  const keys = `quant=read:${reader},ops=read+admin:${admin}`
  const deps = fakeDeps({ access: { ...accessOf(keys), ...access }, ...others })
  const app = makeApp(deps)
  const ask = async (path: string, init: RequestInit = {}, peer = '203.0.113.9') => {
    const env = { incoming: { socket: { remoteAddress: peer } } }
    const response = await app.request(`http://k2.example${path}`, init, env)
    const text = await response.text()
    const { code } = text.startsWith('{') ? JSON.parse(text) : { code: undefined }
    return { status: response.status, headers: response.headers, code }
  }
  return { deps, ask }
}

describe('scopes', () => {
  const body = JSON.stringify({ level: 'soft', expires_seconds: 1 })

  test.each([
    ['POST', pressure],
    ['DELETE', pressure],
    ['POST', '/v1/system/actors/root%2Flanding%2Flander/release']
  ])('%s %s takes admin', async (method, path) => {
    const { ask } = open()
    const init = (key: string) => ({
      method,
      headers: { ...json, 'x-api-key': key },
      ...(path === pressure && method === 'POST' ? { body } : {})
    })
    const { status, code, headers } = await ask(path, init(reader))
    expect([status, code]).toEqual([403, 'scope_missing'])
    expect(headers.get('www-authenticate')).toContain('scope="admin"')
    expect((await ask(path, init(admin))).status).toBe(200)
  })

  test('a key that may only change things reads nothing', async () => {
    const { ask } = open({ apiKeys: accessOf(`ops=admin:${admin}`).apiKeys })
    const headers = { 'x-api-key': admin }
    expect((await ask('/v1/trades', { headers })).code).toBe('scope_missing')
    expect((await ask('/health', { headers })).status).toBe(200)
  })

  test('a key of which only the digest is known is as good as any', async () => {
    const { digest } = accessOf(reader).apiKeys[0]!
    const { ask } = open(accessOf(`sha256:${digest().toString('hex')}`))
    expect((await ask('/v1/trades', { headers: { 'x-api-key': reader } })).status).toBe(200)
    const shown = digest().toString('hex')
    expect((await ask('/v1/trades', { headers: { 'x-api-key': shown } })).status).toBe(401)
  })

  test('who changed what, and why, is told; also who was not allowed to', async () => {
    const { ask, deps } = open()
    const headers = { ...json, 'x-reason': 'drill 7' }
    await ask(pressure, { method: 'POST', body, headers: { ...headers, 'x-api-key': admin } })
    await ask(pressure, { method: 'DELETE', headers: { ...headers, 'x-api-key': reader } })
    const actions = deps.events.filter(({ type }) => type === 'http.admin_action')
    const facts = { path: pressure, address: '203.0.113.9', reason: 'drill 7' }
    expect(actions).toMatchObject([
      { method: 'POST', status: 200, caller: 'ops', ...facts },
      { method: 'DELETE', status: 403, caller: 'quant', ...facts }
    ])
  })
})

describe('rates', () => {
  const withKey = (key: string) => ({ headers: { 'x-api-key': key } })

  test('a key is limited wherever it comes from, and no other with it', async () => {
    const { ask, deps } = open({ rateLimit: 2 })
    const seen = []
    for (const peer of ['203.0.113.1', '203.0.113.2', '203.0.113.3']) {
      seen.push(await ask('/v1/trades', withKey(reader), peer))
    }
    expect(seen.map(({ status }) => status)).toEqual([200, 200, 429])
    expect(seen.map(({ headers }) => headers.get('ratelimit-remaining'))).toEqual(['1', '0', '0'])
    expect(seen[2]!.code).toBe('rate_limited')
    expect(Number(seen[2]!.headers.get('retry-after'))).toBe(30)
    expect(deps.asked).toHaveLength(2)
    expect((await ask('/v1/trades', withKey(admin))).status).toBe(200)
  })

  test('guessing keys is limited by address, as a trusted proxy tells it', async () => {
    const { ask } = open({ rateLimit: 2, trustedProxies: ['10.0.0.1'] })
    const guess = (client: string) => {
      const headers = { 'x-api-key': `guess-${client}`, 'x-forwarded-for': client }
      return ask('/v1/trades', { headers }, '10.0.0.1')
    }
    const statuses = []
    for (const client of ['198.51.100.1', '198.51.100.1', '198.51.100.1', '198.51.100.2']) {
      statuses.push((await guess(client)).status)
    }
    expect(statuses).toEqual([401, 401, 429, 401])
  })

  test('without keys there is no limit', async () => {
    const { ask } = open({ ...accessOf(''), rateLimit: 1 })
    const headers = { host: '127.0.0.1:8000' }
    for (let asked = 0; asked < 3; asked += 1) {
      const answer = await ask('/v1/trades', { headers })
      expect([answer.status, answer.headers.get('ratelimit-limit')]).toEqual([200, null])
    }
  })
})

describe('pages elsewhere', () => {
  const origin = 'https://charts.example'
  const preflight = {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'GET' }
  }

  test('read nothing unless they are named', async () => {
    const { ask } = open()
    const answer = await ask('/v1/trades', preflight)
    expect(answer.status).toBe(401)
    expect(answer.headers.get('access-control-allow-origin')).toBeNull()
  })

  test('that are named may ask, with a key', async () => {
    const { ask, deps } = open({ corsOrigins: [origin] })
    const allowed = await ask('/v1/trades', preflight)
    expect(allowed.status).toBe(204)
    expect(allowed.headers.get('access-control-allow-origin')).toBe(origin)
    expect(allowed.headers.get('access-control-allow-headers')).toContain('x-api-key')
    expect(deps.asked).toEqual([])
    const headers = { origin, 'x-api-key': reader }
    const answer = await ask('/v1/trades', { headers })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('access-control-allow-origin')).toBe(origin)
    expect((await ask('/v1/trades', { headers: { origin } })).status).toBe(401)
    const evil = { ...preflight.headers, origin: 'https://evil.example' }
    const other = { ...preflight, headers: evil }
    expect((await ask('/v1/trades', other)).headers.get('access-control-allow-origin')).toBeNull()
  })

  test('that are named may ask this machine, too, where there are no keys', async () => {
    const headers = { host: '127.0.0.1:8000', origin }
    const { ask } = open(accessOf('', { corsOrigins: [origin] }))
    expect((await ask('/v1/trades', { headers })).status).toBe(200)
    const unnamed = await open(accessOf('')).ask('/v1/trades', { headers })
    expect(unnamed.code).toBe('origin_not_allowed')
  })
})

describe('every answer', () => {
  test.each(['/v1/trades', '/health', '/nothing', '/v1/trades?limit=x'])(
    'of %s tells the level',
    async (path) => {
      const { ask } = open({}, { level: () => 'graceful' })
      const { headers } = await ask(path, { headers: { 'x-api-key': reader } })
      expect(headers.get('k2-level')).toBe('graceful')
    }
  )

  test('tells no level before there is one', async () => {
    const { ask } = open({}, { level: () => null })
    expect((await ask('/health')).headers.get('k2-level')).toBeNull()
  })

  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'

  const traceparent = `00-${traceId}-00f067aa0ba902b7-01`
  const asked = { traceId, parentId: '00f067aa0ba902b7', isSampled: true }

  test.each([
    [{ traceparent }, traceId, traceId],
    [{ traceparent, 'x-correlation-id': 'mine' }, 'mine', traceId],
    [{ traceparent: `cc-${traceId}-00f067aa0ba902b7-01-more` }, traceId, traceId],
    [{ traceparent: `ff-${traceId}-00f067aa0ba902b7-01` }, 'id-1', undefined],
    [{ traceparent: `00-${'0'.repeat(32)}-00f067aa0ba902b7-01` }, 'id-1', undefined],
    [{ traceparent: `00-${traceId}-${'0'.repeat(16)}-01` }, 'id-1', undefined],
    [{ traceparent: `00-${traceId.toUpperCase()}-00f067aa0ba902b7-01` }, 'id-1', undefined],
    [{}, 'id-1', undefined]
  ])('to %j has the correlation id %s', async (headers, correlationId, seen) => {
    const { ask, deps } = open()
    const answer = await ask('/health', { headers: headers as Record<string, string> })
    expect(answer.headers.get('x-correlation-id')).toBe(correlationId)
    expect(deps.events).toMatchObject([{ correlationId }])
    expect(deps.events[0]).toHaveProperty('trace', seen && asked)
  })
})
