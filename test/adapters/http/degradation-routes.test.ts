import { describe, expect, test } from 'vitest'
import type { ApiDeps, PressureRequest } from '../../../src/adapters/http/api-deps.ts'
import { makeApp } from '../../../src/adapters/http/app.ts'
import { fakeDeps } from './support.ts'

const ask = async (path: string, init: RequestInit = {}, overrides: Partial<ApiDeps> = {}) => {
  const response = await makeApp(fakeDeps(overrides)).request(`http://127.0.0.1:8000${path}`, init)
  return { response, status: response.status, body: JSON.parse((await response.text()) || '{}') }
}

const json = { 'content-type': 'application/json' }

const inject = async (body: unknown, overrides: Partial<ApiDeps> = {}) => {
  const injected: PressureRequest[] = []
  const answer = await ask(
    '/v1/system/pressure',
    {
      method: 'POST',
      headers: json,
      body: typeof body === 'string' ? body : JSON.stringify(body)
    },
    {
      inject: (request) => {
        injected.push(request)
        return 'injected'
      },
      ...overrides
    }
  )
  return { ...answer, injected }
}

describe('pressure', () => {
  test.each([
    [{ level: 'graceful', expires_seconds: 30 }, { level: 'graceful', expiresSeconds: 30 }],
    [
      { signal: 'injected', value: 0.85, expires_seconds: 3_600 },
      { value: 0.85, expiresSeconds: 3_600 }
    ],
    [{ value: 0, expires_seconds: 1 }, { value: 0, expiresSeconds: 1 }]
  ])('%j is injected', async (body, request) => {
    const { status, body: answer, injected } = await inject(body)
    expect([status, answer.data]).toEqual([200, { level: 'normal' }])
    expect(injected).toEqual([request])
  })

  test.each([
    [{}, ['expires_seconds']],
    [{ expires_seconds: 1 }, ['level']],
    [{ level: 'soft' }, ['expires_seconds']],
    [{ level: 'normal', expires_seconds: 1 }, ['level']],
    [{ level: 'soft', value: 0.7, expires_seconds: 1 }, ['level']],
    [{ value: 1.5, expires_seconds: 1 }, ['value']],
    [{ value: '0.5', expires_seconds: 1 }, ['value']],
    [{ value: 0.5, expires_seconds: 3_601 }, ['expires_seconds']],
    [{ signal: 'memory', value: 0.5, expires_seconds: 1 }, ['signal']],
    [{ levle: 'soft', level: 'soft', expires_seconds: 1 }, ['levle']],
    [[], ['body']],
    [null, ['body']],
    ['', ['body']]
  ])('%j is 400, and says what of it is wrong', async (body, fields) => {
    const { status, body: answer, injected } = await inject(body)
    expect([status, answer.code]).toEqual([400, 'invalid_parameters'])
    expect(answer.errors.map(({ field }: { field: string }) => field)).toEqual(fields)
    expect(injected).toEqual([])
  })

  test.each([
    ['{', 400, 'invalid_body'],
    [`"${'x'.repeat(1_048_577)}"`, 413, 'body_too_large']
  ])('a body that is none is refused', async (body, wanted, code) => {
    const { status, body: answer, injected } = await inject(body)
    expect([status, answer.code]).toEqual([wanted, code])
    expect(injected).toEqual([])
  })

  test('a level that has no mark is 400', async () => {
    const body = { level: 'soft', expires_seconds: 1 }
    const { status, body: answer } = await inject(body, { inject: () => 'level_off' })
    expect([status, answer.errors[0].field]).toEqual([400, 'level'])
  })

  test('is taken away by DELETE; GET names both', async () => {
    let cleared = 0
    const clearPressure = () => void cleared++
    const path = '/v1/system/pressure'
    expect((await ask(path, { method: 'DELETE' }, { clearPressure })).status).toBe(200)
    expect(cleared).toBe(1)
    const { response } = await ask(path)
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST, DELETE'])
  })

  test('another site neither injects nor takes away', async () => {
    for (const method of ['POST', 'DELETE']) {
      const headers = { ...json, origin: 'https://elsewhere.example' }
      const { status, body } = await ask('/v1/system/pressure', { method, headers })
      expect([status, body.code]).toEqual([403, 'origin_not_allowed'])
    }
    const form = { method: 'POST', body: 'level=soft' }
    expect((await ask('/v1/system/pressure', form)).status).toBe(415)
  })
})

describe('overloaded', () => {
  const overloadSeconds = () => 17

  test.each(['/v1/trades', '/v1/quotes', '/v1/reference-data', '/v1/symbols', '/v1/snapshots'])(
    '%s is 503 with Retry-After, and nothing is read',
    async (path) => {
      const deps = fakeDeps({ overloadSeconds })
      const response = await makeApp(deps).request(`http://127.0.0.1:8000${path}`)
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '17'])
      expect(await response.json()).toMatchObject({ code: 'overloaded' })
      expect(deps.asked).toEqual([])
    }
  )

  test.each([
    '/', '/health', '/health/live', '/health/ready', '/metrics', '/v1/system/actors',
    '/v1/system/degradation'
  ])('%s is answered', async (path) => {
    const deps = fakeDeps({ overloadSeconds })
    expect((await makeApp(deps).request(`http://127.0.0.1:8000${path}`)).status).toBe(200)
  })

  test('pressure can be taken away', async () => {
    const { status } = await ask('/v1/system/pressure', { method: 'DELETE' }, { overloadSeconds })
    expect(status).toBe(200)
  })
})
