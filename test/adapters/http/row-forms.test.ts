/** JSON lines and CSV of answers that are made as JSON. */
import { Effect } from 'effect'
import { expect, test } from 'vitest'
import { makeApp } from '../../../src/adapters/http/app.ts'
import type { ApiDeps } from '../../../src/adapters/http/api-deps.ts'
import { fakeDeps } from './support.ts'

type SqlAnswer = Exclude<Effect.Success<ReturnType<ApiDeps['sql']>>, { readonly refusal: unknown }>

const answer: SqlAnswer = {
  columns: [
    { name: 'symbol', type: 'VARCHAR' },
    { name: 'p"x', type: 'DECIMAL' }
  ],
  rows: '{"symbol":"BTC,USDT","p\\"x":12345678901234567890.10000000},{"symbol":null,"p\\"x":[1,2]}',
  rowCount: 2,
  cutBy: 'rows',
  snapshots: {},
  missing: ['the tail: żółw']
}

const ask = (body: object, headers: Record<string, string> = {}, given = answer) =>
  makeApp(fakeDeps({ sql: () => Effect.succeed(given) })).request('http://127.0.0.1:8000/v1/sql', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ sql: 'SELECT 1', ...body })
  })

test('CSV has a line of names and every digit, and what meta says in its headers', async () => {
  const response = await ask({ format: 'csv' })
  expect(await response.text()).toBe(
    'symbol,"p""x"\r\n"BTC,USDT",12345678901234567890.10000000\r\n,"[1,2]"\r\n'
  )
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'text/csv; charset=utf-8',
    'content-disposition': 'attachment; filename="sql_20240808_000000.csv"',
    'k2-record-count': '2',
    'k2-has-more': 'true',
    'k2-missing': 'the tail: ???w'
  })
})

test('JSON lines by the header Accept; JSON stays as it was', async () => {
  const lines = await ask({}, { accept: 'application/x-ndjson' })
  expect((await lines.text()).split('\n')).toEqual([
    '{"symbol":"BTC,USDT","p\\"x":12345678901234567890.10000000}',
    '{"symbol":null,"p\\"x":[1,2]}',
    ''
  ])
  const json = await (await ask({ format: 'json' })).text()
  expect(json).toContain(`"data":[${answer.rows}]`)
})

test('of no rows, the columns are there that are known', async () => {
  const empty = { ...answer, rows: '', rowCount: 0, cutBy: null, missing: [] }
  const response = await ask({ format: 'csv' }, {}, empty)
  expect(await response.text()).toBe('symbol,"p""x"\r\n')
  expect(response.headers.get('k2-has-more')).toBeNull()
  expect(response.headers.get('k2-missing')).toBeNull()
  const app = makeApp(fakeDeps())
  const candles = await app.request('http://127.0.0.1:8000/v1/candles?symbol=BTCUSDT&format=csv')
  expect(await candles.text()).toMatch(/^exchange,symbol,interval_start,.*,state.*\r\n$/)
})

test('a form that there is not is refused, and nothing is asked', async () => {
  const parquet = await ask({ format: 'parquet' })
  expect(parquet.status).toBe(400)
  const html = await ask({}, { accept: 'text/html' })
  expect([html.status, ((await html.json()) as { readonly code: string }).code]).toEqual([
    406,
    'not_acceptable'
  ])
})

test('a problem stays a problem; one row is one row', async () => {
  const app = makeApp(fakeDeps())
  const refused = await app.request('http://127.0.0.1:8000/v1/candles?symbol=A&limit=0&format=csv')
  expect([refused.status, refused.headers.get('content-type')]).toEqual([
    400,
    'application/problem+json'
  ])
  const candles = await app.request('http://127.0.0.1:8000/v1/candles?symbol=BTCUSDT&format=ndjson')
  expect(candles.headers.get('content-disposition')).toContain('candles_')
})
