import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { makeApp } from '../../../src/adapters/http/app.ts'
import { accessOf, fakeDeps } from './support.ts'

const key = 'first.0123456789abcdef0123456789'
const next = 'second-0123456789abcdef0123456789'

const ask = async (path: string, headers: Record<string, string> = {}, method = 'GET') => {
  const deps = fakeDeps({ access: accessOf(`${key},${next}`) })
  const response = await makeApp(deps).request(`http://k2.example:8000${path}`, {
    headers,
    method
  })
  const text = await response.text()
  const { code } = text.startsWith('{') ? JSON.parse(text) : { code: undefined }
  return { deps, response, text, code, status: response.status }
}

describe('API keys', () => {
  test.each([
    { authorization: `Bearer ${key}` },
    { authorization: `bearer  ${next}` },
    { 'x-api-key': key },
    { authorization: 'Basic cHJveHk6cHJveHk=', 'x-api-key': next }
  ])('%j is answered, whatever name the server has', async (headers) => {
    for (const path of ['/v1/trades', '/metrics', '/', '/v1/system/actors', '/health']) {
      expect((await ask(path, headers)).status).toBe(200)
    }
    expect((await ask('/v1/trades', { ...headers, host: 'anything' })).status).toBe(200)
  })

  test.each(['/v1/trades', '/v1/symbols', '/metrics', '/v1/system/actors', '/pages', '/nothing'])(
    '%s without a key is 401 and asks nothing',
    async (path) => {
      const { status, code, response, deps } = await ask(path)
      expect([status, code]).toEqual([401, 'api_key_missing'])
      expect(response.headers.get('content-type')).toBe('application/problem+json')
      expect(response.headers.get('www-authenticate')).toBe('Bearer realm="k2"')
      expect(response.headers.get('x-content-type-options')).toBe('nosniff')
      expect(deps.asked).toEqual([])
    }
  )

  test('nothing is released without a key', async () => {
    const path = '/v1/system/actors/root%2Flanding%2Flander/release'
    const json = { 'content-type': 'application/json' }
    expect((await ask(path, json, 'POST')).status).toBe(401)
    expect((await ask(path, { ...json, 'x-api-key': key }, 'POST')).status).toBe(200)
  })

  test.each(['/', '/page/page.css', '/health', '/health/live', '/health/ready'])(
    '%s needs no key',
    async (path) => {
      expect((await ask(path)).status).toBe(200)
      expect((await ask(path, { 'x-api-key': 'wrong' })).status).toBe(200)
    }
  )

  test.each(['/health/', '/healthy', '/health/live/x', '//health', '/HEALTH', '/%68ealth'])(
    '%s is not one of the health addresses',
    async (path) => {
      expect((await ask(path)).status).toBe(401)
    }
  )

  test.each([
    { authorization: `Basic ${key}` },
    { authorization: key },
    { authorization: 'Bearer ' },
    { cookie: `key=${key}` }
  ])('%j carries no key', async (headers) => {
    expect((await ask('/v1/trades', headers)).code).toBe('api_key_missing')
  })

  test('a key in the address is none', async () => {
    expect((await ask(`/v1/trades?api_key=${key}`)).code).toBe('api_key_missing')
  })

  test('nothing but a key is a key, and no answer or event repeats one', async () => {
    const character = fc.constantFrom('a', 'Z', '0', '9', '.', '_', '~', '-')
    const text = fc.string({ unit: character, minLength: 1, maxLength: 300 })
    const almost = fc.oneof(
      fc.nat({ max: key.length - 1 }).map((length) => key.slice(0, length)),
      text.map((end) => key + end),
      fc.nat({ max: key.length - 1 }).map((at) => `${key.slice(0, at)}#${key.slice(at + 1)}`),
      text
    )
    await fc.assert(
      fc.asyncProperty(almost, async (given) => {
        fc.pre(given !== '' && given !== key && given !== next)
        for (const headers of [{ 'x-api-key': given }, { authorization: `Bearer ${given}` }]) {
          const { status, code, response, deps, text: body } = await ask('/v1/trades', headers)
          expect([status, code]).toEqual([401, 'api_key_invalid'])
          expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"')
          expect(deps.asked).toEqual([])
          if (given.length > 8) {
            expect(body).not.toContain(given)
            expect(JSON.stringify(deps.events)).not.toContain(given)
          }
        }
      })
    )
    const both = { 'x-api-key': `${key},${next}` }
    expect((await ask('/v1/trades', both)).code).toBe('api_key_invalid')
  })

  test('sizes are bounded before a key is looked at', async () => {
    expect((await ask(`/v1/trades?symbol=${'A'.repeat(9_000)}`)).status).toBe(414)
    expect((await ask('/v1/trades', { 'content-length': '2000000' }, 'POST')).status).toBe(413)
  })
})
