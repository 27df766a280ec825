import { expect, test } from 'vitest'
import { makeApp } from '../../../src/adapters/http/app.ts'
import { fakeDeps } from './support.ts'

const ask = async (path: string) => {
  const response = await makeApp(fakeDeps()).request(`http://127.0.0.1:8000${path}`)
  return { status: response.status, body: JSON.parse(await response.text()) }
}

const path = '/v1/system/conservation'

test.each([
  ['', { state: 'all' }],
  ['?state=broken', { state: 'broken' }],
  ['?state=all&symbol=BTCUSDT', { state: 'all', symbol: 'BTCUSDT' }]
])('%j asks for %j', async (query, filter) => {
  const { status, body } = await ask(`${path}${query}`)
  expect([status, body.data]).toEqual([200, { holds: true, filter }])
})

test('what is not asked for so is 400', async () => {
  expect((await ask(`${path}?state=wrong`)).status).toBe(400)
})

test('is among the routes that the API names', async () => {
  const { body } = await ask('/')
  expect(body.routes.map((route: { readonly path: string }) => route.path)).toContain(path)
})
