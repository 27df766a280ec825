import { Validator } from '@seriousme/openapi-schema-validator'
import { expect, test } from 'vitest'
import { makeApp } from '../../../src/adapters/http/app.ts'
import { problemKinds } from '../../../src/adapters/http/problem-kinds.ts'
import { makeRoutes } from '../../../src/adapters/http/routes.ts'
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
    schema: { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._/:-]{0,63}$' },
    example: 'BTCUSDT'
  })
  const { schema, example } = named('start_time')
  expect(example).toMatch(new RegExp(schema.pattern))
})

test('keys are asked for where there are keys', async () => {
  const open = await documentOf()
  expect(open.security).toEqual([{}, { bearer: [] }, { apiKey: [] }])
  const key = 'k'.repeat(32)
  const closed = await documentOf(fakeDeps({ access: accessOf(key) }), { 'x-api-key': key })
  expect(closed.security).toEqual([{ bearer: [] }, { apiKey: [] }])
  expect(closed.paths['/health'].get.security).toEqual([{}])
})
