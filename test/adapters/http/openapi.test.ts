import { Effect } from 'effect'
import { Validator } from '@seriousme/openapi-schema-validator'
import { expect, test } from 'vitest'
import type { ApiDeps } from '../../../src/adapters/http/api-deps.ts'
import { makeApp } from '../../../src/adapters/http/app.ts'
import { problemKinds } from '../../../src/adapters/http/problem-kinds.ts'
import { makeRoutes } from '../../../src/adapters/http/routes.ts'
import { makeConformance } from '../../../src/cli/check/conformance.ts'
import { accessOf, fakeDeps } from './support.ts'

const documentOf = async (deps = fakeDeps(), headers = {}) => {
  const response = await makeApp(deps).request('http://127.0.0.1:8000/openapi.json', { headers })
  expect(response.status).toBe(200)
  return JSON.parse(await response.text())
}

const routes = makeRoutes(fakeDeps())

test.each(routes.map((route) => [`${route.method ?? 'GET'} ${route.path}`, route] as const))(
  '%s says what it answers: `responses` of route.ts tells how',
  (_, { responses = {}, parameters, fields = {} }) => {
    const statuses = Object.keys(responses).map(Number)
    expect(statuses.length).toBeGreaterThan(0)
    for (const status of statuses) expect(status).toBeLessThan(400)
    const limits = [parameters['limit'], fields['limit']].filter((it) => it !== undefined)
    for (const limit of limits) expect(limit.preset).toEqual(expect.any(Number))
  }
)

test('each code of a problem is one that some address, or any address, answers', async () => {
  const text = JSON.stringify(await documentOf())
  const everywhere = new Set(['method_not_allowed'])
  for (const code of Object.keys(problemKinds)) {
    if (!everywhere.has(code)) expect(text).toContain(`\`${code}\``)
  }
})

test('the document is valid OpenAPI 3.1, and has every address', async () => {
  const document = await documentOf()
  const validator = new Validator()
  const { valid, errors } = await validator.validate(structuredClone(document))
  expect(errors ?? []).toEqual([])
  expect([valid, validator.version]).toEqual([true, '3.1'])
  expect(Object.keys(document.paths)).toEqual([...new Set(routes.map(({ path }) => path))])
})

test('a parameter has what is allowed, its default and an example', async () => {
  const { paths } = await documentOf()
  const parameters = paths['/v1/trades'].get.parameters
  const named = (name: string) => parameters.find((it: { name: string }) => it.name === name)
  expect(named('limit')).toEqual({
    name: 'limit',
    in: 'query',
    required: false,
    description: 'a whole number from 1 to 10000',
    schema: { type: 'integer', minimum: 1, maximum: 10_000, default: 100 }
  })
  expect(named('symbol')).toMatchObject({
    schema: {
      type: 'string',
      pattern: '^[A-Za-z0-9][A-Za-z0-9._/:-]{0,63}$',
      examples: ['BTCUSDT']
    }
  })
  const { schema } = named('start_time')
  expect(schema.examples[0]).toMatch(new RegExp(schema.pattern))
})

test('keys are asked for where there are keys', async () => {
  const open = await documentOf()
  expect(open.security).toEqual([{}, { bearer: [] }, { apiKey: [] }])
  const key = 'k'.repeat(32)
  const closed = await documentOf(fakeDeps({ access: accessOf(key) }), { 'x-api-key': key })
  expect(closed.security).toEqual([{ bearer: [] }, { apiKey: [] }])
  expect(closed.paths['/health'].get.security).toEqual([{}])
})

const keys = { access: accessOf('reader=read:0123456789abcdef0123456789abcdef') }
const limited = { access: accessOf('k'.repeat(32), { rateLimit: 1 }) }
const fails = (_tag: string): Partial<ApiDeps> => ({
  records: () => Effect.fail({ _tag, message: 'for the log' })
})
const refuses = (code: string): Partial<ApiDeps> => ({
  sql: () => Effect.succeed({ refusal: { code, detail: 'because' } })
})
const sql = { body: '{"sql":"SELECT 1"}', headers: { 'content-type': 'application/json' } }
const reader = { 'x-api-key': '0123456789abcdef0123456789abcdef' }

test.each<[string, string, RequestInit, Partial<ApiDeps>, number]>([
  ['GET', '/v1/trades', {}, keys, 401],
  ['GET', '/v1/trades', { headers: { 'x-api-key': 'wrong' } }, keys, 401],
  ['POST', '/v1/sql', { ...sql, headers: { ...sql.headers, ...reader } }, keys, 403],
  ['GET', '/v1/trades', { headers: { host: 'evil.example' } }, {}, 403],
  ['GET', '/v1/trades', { headers: { origin: 'http://evil.example' } }, {}, 403],
  ['GET', '/v1/trades', { headers: { 'content-length': '2000000' } }, {}, 413],
  ['GET', `/v1/trades?symbol=${'A'.repeat(9_000)}`, {}, {}, 414],
  ['POST', '/v1/sql', { body: '{}' }, {}, 415],
  ['GET', '/v1/trades', {}, { overloadSeconds: () => 17 }, 503],
  ['GET', '/v1/trades', {}, fails('TableUnavailable'), 503],
  ['GET', '/v1/trades', {}, fails('QueryQueueFull'), 429],
  ['GET', '/v1/trades', {}, fails('QueryTimedOut'), 504],
  ['GET', '/v1/trades', {}, fails('NotServedHere'), 421],
  ['GET', '/v1/trades', {}, fails('FilesExceedCache'), 422],
  ['GET', '/v1/trades', {}, fails('QueryFailed'), 500],
  ['GET', '/v1/trades', {}, fails('Unheard'), 500],
  ['POST', '/v1/sql', sql, refuses('sql_not_allowed'), 403],
  ['POST', '/v1/sql', sql, refuses('sql_unknown_table'), 400],
  ['POST', '/v1/sql', sql, refuses('sql_memory_exceeded'), 422],
  ['POST', '/v1/sql', sql, refuses('sql_unheard'), 500]
])('%s %s: the problem is as the document says', async (...asked) => {
  const [method, url, init, overrides, status] = asked
  const { faults } = makeConformance(await documentOf())
  const response = await makeApp(fakeDeps(overrides)).request(`http://127.0.0.1:8000${url}`, {
    method,
    ...init
  })
  expect(response.status).toBe(status)
  const answer = { status, headers: response.headers, text: await response.text() }
  const [path = ''] = url.split('?')
  expect(faults(path, method, answer)).toEqual([])
})

test('a key that asks too often is told when it may again, as the document says', async () => {
  const { faults } = makeConformance(await documentOf())
  const app = makeApp(fakeDeps(limited))
  const ask = () => {
    const headers = { 'x-api-key': 'k'.repeat(32) }
    return app.request('http://127.0.0.1:8000/v1/symbols', { headers })
  }
  await ask()
  const response = await ask()
  const { status, headers } = response
  expect(status).toBe(429)
  const answer = { status, headers, text: await response.text() }
  expect(faults('/v1/symbols', 'GET', answer)).toEqual([])
})
