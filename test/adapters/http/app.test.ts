import { Effect } from 'effect'
import { describe, expect, test } from 'vitest'
import { makeApp } from '../../../src/adapters/http/app.ts'
import type { ApiDeps } from '../../../src/adapters/http/api-deps.ts'
import { accessOf, allOfIt, fakeDeps } from './support.ts'

const ask = async (path: string, init: RequestInit = {}, overrides: Partial<ApiDeps> = {}) => {
  const deps = fakeDeps(overrides)
  const response = await makeApp(deps).request(`http://127.0.0.1:8000${path}`, init)
  const text = await response.text()
  return { deps, response, text, body: text.startsWith('{') ? JSON.parse(text) : undefined }
}

const problemOf = async (
  path: string,
  init: RequestInit = {},
  overrides: Partial<ApiDeps> = {}
) => {
  const answer = await ask(path, init, overrides)
  expect(answer.response.headers.get('content-type')).toBe('application/problem+json')
  expect(answer.body).toMatchObject({
    type: `urn:k2:problem:${answer.body.code}`,
    title: expect.any(String),
    detail: expect.any(String),
    status: answer.response.status,
    correlation_id: answer.response.headers.get('x-correlation-id')
  })
  return answer
}

describe('/v1/trades and /v1/quotes', () => {
  test('envelope, with decimals digit by digit', async () => {
    const { response, text } = await ask('/v1/trades')
    expect((await ask('/v1/quotes')).text).toBe(text)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(text).toBe(
      '{"success":true,"data":[{"price":61837.63000000},{"price":0.00000001}],' +
        '"pagination":{"limit":100,"offset":0,"total":null,"has_more":true,' +
        '"next_cursor":"c1.next"},' +
        '"meta":{"correlation_id":"id-1","timestamp":"2024-08-08T00:00:00.123Z",' +
        '"snapshot_id":"9223372036854775807","partial":false,' +
        '"read_token":"r1.what-was-read.signature"}}'
    )
  })

  test('what an answer lacks is said', async () => {
    const records = () =>
      Effect.succeed({ snapshotId: null, rows: [], ...allOfIt, missing: ['the tail'] })
    const { body } = await ask('/v1/trades', {}, { records })
    expect(body.meta).toMatchObject({ partial: true, missing: ['the tail'] })
  })

  test.each(['trades', 'quotes'])('parameters of %s reach the query typed', async (dataType) => {
    const { deps } = await ask(
      `/v1/${dataType}?symbol=BTC-USD&exchange=binance&start_time=2024-08-08T00:00:00%2B00:00` +
        '&end_time=1723075200000001&limit=10000'
    )
    expect(deps.asked).toEqual([
      {
        dataType,
        filter: {
          symbols: ['BTC-USD'],
          exchanges: ['BINANCE'],
          fromUs: 1_723_075_200_000_000,
          toUs: 1_723_075_200_000_001
        },
        rowsMax: 10_000,
        format: 'json',
        decimals: 'number'
      }
    ])
    expect((await ask(`/v1/${dataType}?limit=1`)).deps.asked).toEqual([
      { dataType, filter: {}, rowsMax: 1, format: 'json', decimals: 'number' }
    ])
  })

  test('all faults are told at once, by name, and nothing is asked', async () => {
    const { response, body, deps } = await problemOf(
      '/v1/trades?symbol=%27%3B--&limit=0&start_time=yesterday&sybmol=BTCUSDT' +
        '&exchange=A&exchange=B&end_time='
    )
    expect(response.status).toBe(400)
    expect(body.code).toBe('invalid_parameters')
    expect(body.errors.map(({ field }: { field: string }) => field).sort()).toEqual([
      'end_time',
      'exchange',
      'limit',
      'start_time',
      'sybmol',
      'symbol'
    ])
    for (const error of body.errors) expect(error.remedy).toEqual(expect.any(String))
    expect(deps.asked).toEqual([])
  })

  test.each(['0', '10001', '-1', '1.5', '1e2', ' 1', '', 'all', '99999999999'])(
    'limit=%s is refused',
    async (limit) => {
      const { body } = await problemOf(`/v1/trades?limit=${encodeURIComponent(limit)}`)
      expect(body.errors).toMatchObject([
        { field: 'limit', remedy: 'a whole number from 1 to 10000' }
      ])
    }
  )

  test('an end before the start is refused', async () => {
    const { body } = await problemOf('/v1/trades?start_time=2024-08-09&end_time=2024-08-08')
    expect(body.errors).toMatchObject([{ field: 'end_time' }])
    expect(
      (await ask('/v1/trades?start_time=2024-08-08&end_time=2024-08-08')).response.status
    ).toBe(200)
  })

  test.each(['__proto__', 'constructor', 'toString'])(
    '%s is an unknown parameter like any other',
    async (name) => {
      const { body } = await problemOf(`/v1/trades?${name}=1`)
      expect(body.errors).toMatchObject([{ field: name }])
    }
  )

  test.each([
    ['QueryTimedOut', 504, 'query_timed_out'],
    ['QueryQueueFull', 429, 'query_queue_full'],
    ['TableUnavailable', 503, 'table_unavailable'],
    ['NotServedHere', 421, 'not_served_here'],
    ['FilesExceedCache', 422, 'too_much_to_read'],
    ['QueryFailed', 500, 'query_failed'],
    ['AnythingElse', 500, 'internal_error']
  ])('%s answers %i and says nothing of the cause', async (tag, status, code) => {
    const secret = 'SELECT * FROM /var/lib/k2/secret.parquet'
    const { response, body, text, deps } = await problemOf(
      '/v1/trades',
      {},
      {
        records: () => Effect.fail({ _tag: tag, message: secret })
      }
    )
    expect([response.status, body.code]).toEqual([status, code])
    expect(response.headers.has('retry-after')).toBe(status === 503 || status === 429)
    expect(text).not.toContain('SELECT')
    expect(text).not.toContain('/var')
    const [event] = deps.events
    expect(JSON.stringify(event)).toContain('SELECT')
    // With a cause, and so with a stack, only what is the server's own failure.
    expect(event).toMatchObject(
      status === 500 ? { type: 'http.request_failed' } : { type: 'http.request_refused', status }
    )
  })

  test('a defect, and a dependency that throws, are 500 without a word of it', async () => {
    for (const records of [
      () => Effect.die(new Error('secret')),
      () => {
        throw new Error('secret')
      }
    ]) {
      const { response, body, text } = await problemOf('/v1/trades', {}, { records })
      expect([response.status, body.code]).toEqual([500, 'internal_error'])
      expect(text).not.toContain('secret')
    }
  })

  test('a client that goes away interrupts its query', async () => {
    const controller = new AbortController()
    let interrupted = false
    let started: () => void = () => {}
    const running = new Promise<void>((resolve) => {
      started = resolve
    })
    const deps = fakeDeps({
      records: () =>
        Effect.sync(() => started()).pipe(
          Effect.andThen(Effect.never),
          Effect.onInterrupt(() =>
            Effect.sync(() => {
              interrupted = true
            })
          )
        )
    })
    const answer = makeApp(deps).request(
      new Request('http://localhost/v1/trades', { signal: controller.signal })
    )
    await running
    controller.abort()
    await answer
    expect(interrupted).toBe(true)
    expect(deps.events).toMatchObject([{ type: 'http.request_finished', status: 499 }])
  })
})

describe('other routes', () => {
  test('/v1/reference-data', async () => {
    const path = '/v1/reference-data?company=7078&ticker=BHP&exchange=asx&limit=5'
    const { deps, response, body } = await ask(path)
    expect([response.status, body.data, body.meta.snapshot_id]).toEqual([
      200,
      [{ company_id: '7078' }],
      '7'
    ])
    expect(body.pagination).toEqual({ limit: 5, offset: 0, total: null, has_more: false })
    const filter = { companyId: '7078', ticker: 'BHP', exchange: 'ASX' }
    expect(deps.askedReference).toEqual([{ filter, rowsMax: 5 }])
    expect((await ask('/v1/reference-data')).deps.askedReference).toEqual([
      { filter: {}, rowsMax: 100 }
    ])
    const refused = await problemOf("/v1/reference-data?company='&symbol=BHP&limit=0")
    expect(refused.body.errors.map(({ field }: { field: string }) => field).sort()).toEqual([
      'company',
      'limit',
      'symbol'
    ])
  })

  test('/v1/gaps', async () => {
    const path = '/v1/gaps?state=all&symbol=BTCUSDT&exchange=binance&reason=shed&limit=5'
    const { deps, response, body } = await ask(path)
    expect([response.status, body.data]).toEqual([200, [{ from_id: 3 }]])
    expect(body.pagination).toEqual({ limit: 5, offset: 0, total: null, has_more: true })
    expect(body.meta).toMatchObject({ snapshot_id: '8', open_gaps: 2, open_trades: 7 })
    const filter = { state: 'all', exchange: 'BINANCE', symbol: 'BTCUSDT', reason: 'shed' }
    expect(deps.askedGaps).toEqual([{ filter, rowsMax: 5 }])
    const preset = { filter: { state: 'open' }, rowsMax: 100 }
    expect((await ask('/v1/gaps')).deps.askedGaps).toEqual([preset])
    const refused = await problemOf('/v1/gaps?state=lost&reason=never&from=1')
    expect(refused.body.errors.map(({ field }: { field: string }) => field).sort()).toEqual([
      'from',
      'reason',
      'state'
    ])
  })

  test('/v1/symbols', async () => {
    const { body } = await ask('/v1/symbols?exchange=binance')
    expect(body).toMatchObject({
      success: true,
      data: ['BTCUSDT'],
      pagination: { limit: 1, offset: 0, total: 1, has_more: false },
      meta: {
        snapshot_id: '7',
        instruments: [
          { symbol: 'BTCUSDT', exchange: 'BINANCE', base_asset: 'BTC', quote_asset: 'USDT' },
          { exchange: 'OTHER' }
        ]
      }
    })
  })

  test('/v1/snapshots: ids as text, no path of this machine, has_more', async () => {
    const { body, text } = await ask('/v1/snapshots')
    expect(body.data).toHaveLength(10)
    expect(body.data[0]).toEqual({
      snapshot_id: '9223372036854775800',
      parent_id: null,
      timestamp: '2024-08-08T00:00:00.000Z',
      operation: 'append',
      summary: { 'added-records': '5', 'k2.offsets': '{}' }
    })
    expect(body.pagination).toEqual({ limit: 10, offset: 0, total: null, has_more: true })
    expect(body.meta.table_name).toBe('market.trades')
    expect(text).not.toContain('/secret')
    expect((await ask('/v1/snapshots?limit=12')).body.pagination.has_more).toBe(false)
    await problemOf('/v1/snapshots?limit=101')
    await problemOf('/v1/snapshots?table=candles')
    expect((await ask('/v1/snapshots?table=quotes')).body.meta.table_name).toBe('market.quotes')
  })

  test('/v1/system/actors, /metrics and /', async () => {
    expect((await ask('/v1/system/actors')).body.data).toEqual({
      root: { id: 'root', children: [] }
    })
    const { response, text } = await ask('/metrics')
    expect([response.headers.get('content-type'), text]).toEqual([
      'text/plain; version=0.0.4; charset=utf-8',
      'k2_up 1\n'
    ])
    const { body } = await ask('/')
    expect(body.routes.map(({ path }: { path: string }) => path)).toEqual([
      '/v1/trades',
      '/v1/trades/recent',
      '/v1/quotes',
      '/v1/trades/query',
      '/v1/quotes/query',
      '/v1/reference-data',
      '/v1/gaps',
      '/v1/candles',
      '/v1/summary/{symbol}/{date}',
      '/v1/aggregations',
      '/v1/symbols',
      '/v1/snapshots/{snapshot_id}/query',
      '/v1/snapshots/{snapshot_id}/diff',
      '/v1/replay',
      '/v1/sql',
      '/v1/snapshots',
      '/v1/stats',
      '/v1/replay/stream',
      '/v1/system/actors',
      '/v1/system/actors/{path}/release',
      '/v1/system/conservation',
      '/v1/system/degradation',
      '/v1/system/pressure',
      '/v1/system/pressure',
      '/v1/system/machines',
      '/v1/system/history',
      '/v1/system/watch',
      '/v1/system/drain',
      '/health/live',
      '/health/ready',
      '/health',
      '/metrics',
      '/openapi.json',
      '/docs',
      '/docs/{file}',
      '/page/{file}'
    ])
  })

  test('health: live is up, ready has reasons, health is 200 whatever it says', async () => {
    const readiness = () => ({
      reasons: ['feed:binance is connecting'],
      components: [
        { name: 'feed:binance', status: 'unavailable' as const, detail: 'connecting' },
        { name: 'lander', status: 'healthy' as const }
      ],
      level: 'soft'
    })
    expect((await ask('/health/live', {}, { readiness })).body).toEqual({ status: 'live' })
    const { response, body } = await problemOf('/health/ready', {}, { readiness })
    expect([response.status, body.code, body.reasons]).toEqual([
      503,
      'not_ready',
      ['feed:binance is connecting']
    ])
    expect((await ask('/health', {}, { readiness })).body).toMatchObject({
      status: 'degraded',
      version: '0.1.0',
      level: 'soft',
      components: readiness().components
    })
    expect((await ask('/health/ready')).body).toMatchObject({ status: 'ready', level: 'normal' })
    expect((await ask('/health')).body.status).toBe('healthy')
  })
})

describe('POST /v1/system/drain', () => {
  test('drains, says how long that may take, and tells the log who asked and why', async () => {
    let drains = 0
    const deps = fakeDeps({ drain: () => ({ endsWithinSeconds: 10 * ++drains }) })
    const headers = { 'content-type': 'application/json', 'x-reason': 'new disk' }
    const request = { method: 'POST', headers }
    const response = await makeApp(deps).request('http://127.0.0.1/v1/system/drain', request)
    expect(await response.json()).toMatchObject({
      data: { draining: true, ends_within_seconds: 10 }
    })
    expect(deps.events).toContainEqual(
      expect.objectContaining({ type: 'http.admin_action', reason: 'new disk', status: 200 })
    )
    expect(drains).toBe(1)
  })

  test('not without the scope admin, and not by a form', async () => {
    const drain = () => expect.fail('it drains')
    const json = { 'content-type': 'application/json' }
    const deps = { drain, access: accessOf(`reader=read:${'k'.repeat(32)}`) }
    const asReader = { ...json, 'x-api-key': 'k'.repeat(32) }
    const refused = await ask('/v1/system/drain', { method: 'POST', headers: asReader }, deps)
    expect([refused.response.status, refused.body.code]).toEqual([403, 'scope_missing'])
    const form = await ask('/v1/system/drain', { method: 'POST' }, { drain })
    expect(form.response.status).toBe(415)
  })
})

describe('POST /v1/system/actors/{path}/release', () => {
  const json = { 'content-type': 'application/json' }
  const release = (path: string, init: RequestInit = {}) =>
    ask(`/v1/system/actors/${path}/release`, { method: 'POST', headers: json, ...init })

  test.each(['root/landing/lander', 'root%2Flanding%2Flander'])('%s is released', async (path) => {
    const { response, body } = await release(path, { body: '{}' })
    expect([response.status, body.success, body.data]).toEqual([
      200,
      true,
      { path: 'root/landing/lander' }
    ])
  })

  test.each([
    ['root/nobody', 404, 'actor_not_found'],
    ['%ff', 404, 'actor_not_found'],
    ['root/log', 409, 'actor_not_quarantined']
  ])('%s is %i %s', async (path, status, code) => {
    const { response, body } = await release(path)
    expect([response.status, body.code]).toEqual([status, code])
  })

  test.each([undefined, 'text/plain', 'application/x-www-form-urlencoded', 'application/jsonx'])(
    'a request of %s is 415: a form of another site is not taken',
    async (type) => {
      const headers = type === undefined ? {} : { 'content-type': type }
      const { response, body } = await release('root/landing/lander', { headers })
      expect([response.status, body.code]).toEqual([415, 'unsupported_media_type'])
    }
  )

  test('neither GET nor another origin releases', async () => {
    const got = await problemOf('/v1/system/actors/any/release')
    expect([got.response.status, got.response.headers.get('allow')]).toEqual([405, 'POST'])
    const headers = { ...json, origin: 'http://evil.example' }
    const { response, body } = await release('root/landing/lander', { headers })
    expect([response.status, body.code]).toEqual([403, 'origin_not_allowed'])
  })
})

describe('errors of addressing', () => {
  test.each(['/nothing', '/v1', '/v1/trades/', '/v1/trades/newest', '/%00', '/../etc/passwd'])(
    '%s is 404',
    async (path) => {
      const { response, body } = await problemOf(path)
      expect([response.status, body.code]).toEqual([404, 'not_found'])
    }
  )

  test('OPTIONS names what an address answers, and is 404 where there is none', async () => {
    const { response } = await ask('/v1/system/pressure', { method: 'OPTIONS' })
    expect([response.status, response.headers.get('allow')]).toEqual([204, 'POST, DELETE'])
    const nowhere = await problemOf('/nothing', { method: 'OPTIONS' })
    expect(nowhere.response.status).toBe(404)
    expect(nowhere.body.detail).toContain('/nothing')
  })

  test.each(['POST', 'PUT', 'DELETE', 'PATCH'])(
    '%s is 405 and names what is allowed',
    async (method) => {
      const { response, body } = await problemOf('/v1/trades', { method })
      expect([response.status, body.code, response.headers.get('allow')]).toEqual([
        405,
        'method_not_allowed',
        'GET, HEAD'
      ])
    }
  )

  test('HEAD answers as GET, without a body', async () => {
    const { response, text } = await ask('/v1/trades', { method: 'HEAD' })
    expect([response.status, text]).toEqual([200, ''])
  })
})

describe('guards', () => {
  test.each([
    ['127.0.0.1:8000', 200],
    ['localhost', 200],
    ['LOCALHOST:8000', 200],
    ['[::1]:8000', 200],
    ['127.8.8.8', 200],
    ['evil.example', 403],
    ['localhost.evil.example', 403],
    ['127.0.0.1.evil.example', 403],
    ['0.0.0.0:8000', 403],
    ['192.168.1.5:8000', 403],
    ['[::]:8000', 403],
    ['', 403]
  ])('Host %s: %i', async (host, status) => {
    const { response, body } = await ask('/health/live', { headers: { host } })
    expect(response.status).toBe(status)
    if (status === 403) expect(body.code).toBe('host_not_allowed')
  })

  test.each([
    ['http://127.0.0.1:8000', 200],
    ['http://localhost:8000', 403],
    ['https://127.0.0.1:8000', 403],
    ['null', 403],
    ['http://evil.example', 403],
    ['http://127.0.0.1:3000', 403]
  ])('Origin %s: %i', async (origin, status) => {
    const { response } = await ask('/health/live', { headers: { origin, host: '127.0.0.1:8000' } })
    expect(response.status).toBe(status)
    expect(response.headers.has('access-control-allow-origin')).toBe(false)
  })

  test('long addresses and large bodies are refused', async () => {
    expect((await problemOf(`/v1/trades?symbol=${'A'.repeat(9_000)}`)).response.status).toBe(414)
    expect(
      (await problemOf('/v1/trades', { method: 'POST', headers: { 'content-length': '2000000' } }))
        .response.status
    ).toBe(413)
  })

  test('a plain correlation id is echoed, any other replaced', async () => {
    const given = async (id: string) =>
      (await ask('/nothing', { headers: { 'x-correlation-id': id } })).response.headers.get(
        'x-correlation-id'
      )
    expect(await given('order-42.a_b')).toBe('order-42.a_b')
    expect(await given('a b')).toBe('id-1')
    expect(await given('x'.repeat(65))).toBe('id-1')
    expect(await given('<script>')).toBe('id-1')
  })

  test('security headers stand on every answer', async () => {
    for (const path of ['/', '/nothing', '/v1/trades?limit=x', '/metrics']) {
      const { response } = await ask(path)
      expect(response.headers.get('x-content-type-options')).toBe('nosniff')
      expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
      expect(response.headers.get('cache-control')).toBe('no-store')
    }
  })

  test('every request is observed once, by route and not by path', async () => {
    const seen = async (path: string, init: RequestInit = {}) =>
      (await ask(path, init)).deps.events.map((event) =>
        event.type === 'http.request_finished'
          ? [event.method, event.route, event.status]
          : event
      )
    expect(await seen('/v1/trades?limit=5')).toEqual([['GET', '/v1/trades', 200]])
    expect(await seen('/random/42')).toEqual([['GET', 'unmatched', 404]])
    expect(await seen('/v1/trades', { method: 'POST' })).toEqual([['POST', '/v1/trades', 405]])
    expect(await seen('/', { headers: { host: 'evil' } })).toEqual([['GET', 'unmatched', 403]])
  })
})
