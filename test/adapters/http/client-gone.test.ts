/** A client that closes its socket ends what it asked for: real sockets, real statements. */
import { Effect, Exit, Scope } from 'effect'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openQueryPool, type QueryPool } from '../../../src/adapters/duckdb/query-pool.ts'
import { openSqlPool, type SqlPool } from '../../../src/adapters/duckdb/sql-pool.ts'
import type { ApiDeps, ApiFault } from '../../../src/adapters/http/api-deps.ts'
import { makeApp } from '../../../src/adapters/http/app.ts'
import { serveHttp } from '../../../src/adapters/http/server.ts'
import { makeSqlQuery } from '../../../src/adapters/query/sql-query.ts'
import { fakeDeps, type FakeDeps } from './support.ts'

const MiB = 2 ** 20
const endless = 'SELECT sum(hash(a.range + b.range)) FROM range(100000000) a, range(100000000) b'
/** Nothing here waits for it. */
const deadlineMsMax = 600_000
const scope = Effect.runSync(Scope.make())
let pool: QueryPool
let sqlPool: SqlPool
let deps: FakeDeps
let url: string

beforeAll(async () => {
  const inScope = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) =>
    Effect.runPromise(Scope.provide(effect, scope))
  pool = await inScope(
    openQueryPool({
      connections: 1,
      queueMax: 0,
      deadlineMsMax,
      threads: 1,
      memoryBytesMax: 128 * MiB,
      directories: [],
      tempDirectory: tmpdir()
    })
  )
  const processes = { processes: 1, queueMax: 0, threads: 1, memoryBytesMax: 512 * MiB }
  sqlPool = await inScope(openSqlPool({ ...processes, deadlineMsMax }))
  const bounds = { views: [], rowsMax: 10, bytesMax: MiB }
  const sql = makeSqlQuery<ApiFault, ApiFault, ApiFault>({ engine: sqlPool, ...bounds })
  const run = () => pool.run({ sql: endless, parameters: {} })
  const records = run as unknown as ApiDeps['records']
  deps = fakeDeps({ records, sql: sql.run })
  const options = { host: '127.0.0.1', hasKeys: false, port: 0, drainMsMax: 1_000 }
  url = (await inScope(serveHttp({ app: makeApp(deps), ...options }))).url
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

/** Until it is so, or the test has run out of its time. */
const until = async (signal: AbortSignal, isSo: () => boolean) => {
  while (!isSo()) {
    signal.throwIfAborted()
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

const leave = async (
  signal: AbortSignal,
  path: string,
  body: string | undefined,
  pending: () => number
) => {
  const asked = request(`${url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    agent: false,
    headers: { 'content-type': 'application/json' }
  })
  asked.on('error', () => undefined).end(body)
  await until(signal, () => pending() === 1)
  asked.destroy()
  await until(signal, () => pending() === 0)
}

const statuses = () =>
  deps.events.flatMap((event) => (event.type === 'http.request_finished' ? event.status : []))

test('a query: its connection is free for the next one', async ({ signal }) => {
  await leave(signal, '/v1/trades', undefined, pool.pending)
  expect(await Effect.runPromise(pool.run({ sql: 'SELECT 42', parameters: {} }))).toEqual([[42]])
  await until(signal, () => statuses().length === 1)
  expect(statuses()).toEqual([499])
})

test('SQL: its process is gone, and the next statement is answered', async ({ signal }) => {
  await leave(signal, '/v1/sql', JSON.stringify({ sql: endless }), sqlPool.pending)
  const answer = await fetch(`${url}/v1/sql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"sql":"SELECT 42 AS x"}'
  })
  expect(await answer.text()).toContain('"data":[{"x":42}]')
  expect(sqlPool.started()).toBe(2)
})
