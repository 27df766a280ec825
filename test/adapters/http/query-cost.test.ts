/** What a request cost is told with it, and of a slow one it is a line of the log. */
import { Effect } from 'effect'
import { expect, test } from 'vitest'
import { slowQuery } from '../../../src/actors/reading/slow-query.ts'
import type { ApiDeps, HttpEvent } from '../../../src/adapters/http/api-deps.ts'
import { makeApp } from '../../../src/adapters/http/app.ts'
import {
  addCost,
  CurrentCost,
  noCost,
  timedAs
} from '../../../src/adapters/telemetry/query-cost.ts'
import { accessOf, fakeDeps } from './support.ts'

const secret = '0123456789abcdef0123456789abcdef'
const ask = async (path: string, overrides: Partial<ApiDeps> = {}, init: RequestInit = {}) => {
  const deps = fakeDeps(overrides)
  const response = await makeApp(deps).request(`http://127.0.0.1:8000${path}`, init)
  const finished = deps.events.filter((event) => event.type === 'http.request_finished')
  return { status: response.status, event: finished[0]! }
}
const costly = (cost: Parameters<typeof addCost>[0]): ApiDeps['symbols'] => () =>
  Effect.as(Effect.andThen(addCost(cost), addCost(cost)), {
    snapshotId: '7',
    instruments: [],
    missing: []
  })

test('what is counted while a request is answered is its own', async () => {
  const { event } = await ask('/v1/symbols?exchange=binance', {
    symbols: costly({ filesRead: 2, rows: 5 })
  })
  expect(event.query).toEqual({
    parameters: { exchange: 'binance' },
    cost: { ...noCost(), filesRead: 4, rows: 10 },
    steps: []
  })
  const other = await ask('/v1/symbols', { symbols: costly({ planMs: 1.5 }) })
  expect(other.event.query?.cost).toEqual({ ...noCost(), planMs: 3 })
})

test('the statement of SQL is a parameter; a key is none, nor is what is unknown', async () => {
  const access = accessOf(`quant=read+sql:${secret}`)
  const { event } = await ask('/v1/sql', { access }, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${secret}` },
    body: JSON.stringify({ sql: `SELECT '${'x'.repeat(9_000)}'`, limit: 5 })
  })
  expect(event.query?.parameters).toEqual({ sql: `SELECT '${'x'.repeat(1_992)}`, limit: '5' })
  expect(event.caller).toBe('quant')
  const refused = await ask(`/v1/trades?api_key=${secret}`)
  expect(refused.status).toBe(400)
  expect(JSON.stringify([event, refused.event])).not.toContain(secret)
})

test('what reads no table is no query', async () => {
  for (const path of ['/health', '/v1/system/actors', '/nowhere'])
    expect((await ask(path)).event.query).toBeUndefined()
})

test('a slow query is told with what it asked for and what it cost', () => {
  const event = {
    type: 'http.request_finished',
    method: 'GET',
    route: '/v1/trades',
    status: 200,
    durationMs: 1_234.567_89,
    correlationId: 'c-1',
    trace: { traceId: 't-1', parentId: 'p-1', isSampled: true },
    caller: 'quant',
    address: '127.0.0.1',
    query: {
      parameters: { symbol: 'BTCUSDT' },
      cost: { ...noCost(), filesConsidered: 70, filesPruned: 60, filesRead: 3, planMs: 0.123_456 },
      steps: []
    }
  } satisfies HttpEvent
  expect(slowQuery(event, 1_000)).toMatchObject({
    route: '/v1/trades',
    status: 200,
    duration_ms: 1_234.568,
    caller: 'quant',
    parameters: { symbol: 'BTCUSDT' },
    plan: { files_considered: 70, files_pruned: 60, files_read: 3, rows: 0, plan_ms: 0.123 },
    correlation_id: 'c-1',
    trace_id: 't-1'
  })
  expect(slowQuery(event, 1_235)).toBeUndefined()
  expect(slowQuery(event, null)).toBeUndefined()
  expect(slowQuery({ ...event, query: undefined }, 1)).toBeUndefined()
})

test('outside of a request nothing is counted; failed stages are timed too', async () => {
  expect(await Effect.runPromise(addCost({ rows: 1 }))).toBeUndefined()
  const cost = noCost()
  const stage = timedAs('readMs', Effect.andThen(Effect.sleep(1), Effect.fail('no')))
  await Effect.runPromiseExit(Effect.provideService(stage, CurrentCost, cost))
  expect(cost.readMs).toBeGreaterThan(0)
})
