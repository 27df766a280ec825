import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { answering, observeHttp } from '../../../src/actors/reading/http-telemetry.ts'
import { makeShared } from '../../../src/actors/shared.ts'
import { readConfig } from '../../../src/adapters/config/config.ts'
import type { HttpEvent } from '../../../src/adapters/http/api-deps.ts'
import { makeApp } from '../../../src/adapters/http/app.ts'
import { noCost, type QueryCost } from '../../../src/adapters/telemetry/query-cost.ts'
import { makeTelemetry } from '../../../src/adapters/telemetry/telemetry.ts'
import { fakeDeps } from '../../adapters/http/support.ts'

const opened = () => {
  const telemetry = makeTelemetry({ level: 'error', nowMs: Date.now, write: () => undefined })
  const config = readConfig({ K2_SLOW_QUERY: '1s' }, [])
  const shared = makeShared({ config, telemetry, nowMs: Date.now, uuid: randomUUID })
  const series = async (name: string) =>
    (await telemetry.exposition()).body
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .map((line) => line.slice(name.length))
  return { shared, series }
}

const asked = 10_000

test('10,000 odd paths, methods and symbols add a handful of series', async () => {
  const { shared, series } = opened()
  const app = makeApp(
    fakeDeps({
      observe: (event) => observeHttp(shared, event),
      answering: (method, route) => answering(shared, method, route)
    })
  )
  const methods = ['GET', 'POST', 'PROPFIND', 'PURGE', 'LINK', 'ODD']
  for (let n = 0; n < asked; n++) {
    const method = n % 7 === 0 ? `ODD${n}` : methods[(n >> 1) % methods.length]!
    const path =
      n % 2 === 0 ? `/v1/odd-${n}/%00${n}?x=${n}` : `/v1/trades?symbol=ODD${n}&limit=1&k=${n}`
    await app.request(`http://localhost${path}`, { method })
  }
  const requests = await series('k2_http_requests_total')
  const total = requests.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
  expect(total).toBe(asked)
  expect(requests.length).toBeLessThan(30)
  expect(requests.filter((line) => /odd|purge/i.test(line))).toEqual([])
  expect((await series('k2_http_request_duration_seconds_count')).length).toBeLessThan(5)
  expect((await series('k2_query_executions_total')).length).toBeLessThan(5)
  const inProgress = await series('k2_http_requests_in_progress')
  expect(inProgress.length).toBeGreaterThan(0)
  expect(inProgress.filter((line) => !line.endsWith(' 0'))).toEqual([])
  expect(await series('k2_telemetry_refused_total')).toEqual([])
})

const finished = (status: number, cost: Partial<QueryCost> = {}): HttpEvent => ({
  type: 'http.request_finished',
  method: 'GET',
  route: '/v1/trades',
  status,
  durationMs: 2_000,
  correlationId: 'c',
  trace: undefined,
  caller: undefined,
  address: '::1',
  query: { parameters: {}, cost: { ...noCost(), ...cost }, steps: [] }
})

test('a query is counted by what answered it, and how it ended', async () => {
  const { shared, series } = opened()
  observeHttp(shared, finished(200, { tailMs: 1 }))
  observeHttp(shared, finished(200, { filesRead: 2, filesInMemory: 3, rows: 7 }))
  observeHttp(shared, finished(499, { tailMs: 1, filesRead: 1 }))
  observeHttp(shared, finished(400))
  observeHttp(shared, finished(504, { tailMs: 1, filesRead: 1 }))
  expect(await series('k2_query_executions_total')).toEqual([
    '{query_type="realtime",status="success"} 1',
    '{query_type="historical",status="success"} 1',
    '{query_type="hybrid",status="abandoned"} 1',
    '{query_type="none",status="refused"} 1',
    '{query_type="hybrid",status="failed"} 1'
  ])
  expect(await series('k2_query_cache_hits_total')).toEqual(['{cache_tier="hot_files"} 3'])
  expect(await series('k2_query_cache_misses_total')).toEqual(['{cache_tier="hot_files"} 4'])
  expect(await series('k2_http_slow_queries_total')).toEqual(['{endpoint="/v1/trades"} 5'])
  expect(await series('k2_query_rows_scanned_sum')).toContain('{query_type="historical"} 7')
})

test('a query that gets no connection is counted', async () => {
  const { shared, series } = opened()
  for (const _tag of ['QueryQueueFull', 'QueryTimedOut', 'TooMuchToRead']) {
    const fault = { _tag, message: 'no' } as Extract<
      HttpEvent,
      { readonly type: 'http.request_refused' }
    >['fault']
    const of = { route: '/v1/trades', correlationId: 'c', status: 503, fault }
    observeHttp(shared, { type: 'http.request_refused', ...of })
  }
  expect(await series('k2_connection_pool_acquisition_timeouts_total')).toEqual([' 2'])
})
