/** The stream of a replay as clients get it: frames, its end, clients that leave, and slow ones. */
import { Effect, Exit, Scope } from 'effect'
import { type IncomingMessage, request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ApiDeps, ReplayRequest } from '../../../src/adapters/http/api-deps.ts'
import { makeApp } from '../../../src/adapters/http/app.ts'
import { serveHttp } from '../../../src/adapters/http/server.ts'
import { fakeDeps } from './support.ts'

const path = '/v1/replay/stream'

const ask = async (query: string, overrides: Partial<ApiDeps> = {}, init: RequestInit = {}) => {
  const deps = fakeDeps(overrides)
  const response = await makeApp(deps).request(`http://127.0.0.1:8000${path}${query}`, init)
  return { deps, response, text: await response.text() }
}

const completed = {
  type: 'replay.completed',
  count: 1,
  live: false,
  snapshot_id: '7',
  partial: false
}

describe('what is sent', () => {
  test('lines of JSON, the last of which says that it is whole', async () => {
    const { response, text } = await ask('')
    expect(response.headers.get('content-type')).toBe('application/x-ndjson')
    expect(response.headers.get('cache-control')).toBe('no-store, no-transform')
    expect(text).toBe(`{"price":61837.63000000}\n${JSON.stringify(completed)}\n`)
  })

  test.each([
    ['?format=sse', {}],
    ['', { accept: 'text/event-stream' }]
  ])('events: %s %j', async (query, headers) => {
    const { response, text } = await ask(query, {}, { headers })
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    expect(text).toBe(
      'data: {"price":61837.63000000}\n\n' +
        `event: replay.completed\ndata: ${JSON.stringify(completed)}\n\n`
    )
  })

  test('format goes before Accept', async () => {
    const { text } = await ask('?format=ndjson', {}, { headers: { accept: 'text/event-stream' } })
    expect(text).toMatch(/^\{"price"/)
  })

  test('what is missing is said', async () => {
    const { text } = await ask('', {
      replay: (_, { opened, emit }) =>
        Effect.suspend(() => {
          opened()
          return emit({ type: 'completed', count: 0, snapshotId: null, missing: ['the tail'] })
        })
    })
    expect(JSON.parse(text)).toEqual({
      ...completed,
      count: 0,
      snapshot_id: null,
      partial: true,
      missing: ['the tail']
    })
  })

  test('one that fails on its way ends with a line that says so', async () => {
    const fault = { _tag: 'QueryTimedOut', message: 'secret' }
    const { deps, response, text } = await ask('', {
      replay: (_, { opened, emit }) =>
        Effect.gen(function* () {
          opened()
          yield* emit({ type: 'rows', bytes: Buffer.from('{}\n'), count: 3 })
          return yield* Effect.fail(fault)
        })
    })
    expect(response.status).toBe(200)
    const [row, last] = text.split('\n')
    expect(row).toBe('{}')
    expect(JSON.parse(last!)).toEqual({
      type: 'replay.failed',
      count: 3,
      code: 'query_timed_out',
      detail: expect.stringContaining('deadline'),
      correlation_id: 'id-1'
    })
    expect(deps.events).toContainEqual(
      expect.objectContaining({ type: 'http.request_refused', route: path, fault })
    )
  })

  test('a defect is told without its cause, and logged with it', async () => {
    const { deps, text } = await ask('', {
      replay: (_, { opened }) =>
        Effect.sync(() => {
          opened()
          throw new Error('secret')
        })
    })
    expect(JSON.parse(text)).toMatchObject({ type: 'replay.failed', code: 'internal_error' })
    expect(text).not.toContain('secret')
    expect(deps.events).toContainEqual(expect.objectContaining({ type: 'http.request_failed' }))
  })

  test.each([
    ['ReplaysBusy', 429],
    ['NotFollowed', 503],
    ['TableUnavailable', 503]
  ])('one that cannot begin is a problem: %s', async (tag, status) => {
    const { response, text } = await ask('', {
      replay: () => Effect.fail({ _tag: tag, message: '' })
    })
    expect(response.status).toBe(status)
    expect(response.headers.get('retry-after')).toBe('1')
    expect(JSON.parse(text).correlation_id).toBe('id-1')
  })

  test('at the last level of degradation none begins', async () => {
    const { response } = await ask('', { overloadSeconds: () => 7 })
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '7'])
  })
})

describe('what is asked', () => {
  const asked = async (query: string): Promise<ReplayRequest> => {
    const requests: ReplayRequest[] = []
    await ask(query, {
      replay: (wanted, { opened }) =>
        Effect.sync(() => {
          requests.push(wanted)
          opened()
        })
    })
    return requests[0]!
  }

  test('nothing: all trades, as fast as can be', async () => {
    expect(await asked('')).toEqual({
      dataType: 'trades',
      filter: {},
      frame: { before: '', after: '\n' },
      isLive: false
    })
  })

  test('everything', async () => {
    const query =
      '?data_type=quotes&symbols=BTCUSDT,ETHUSDT&exchanges=binance,ASX&start_time=1&' +
      'speed=2.5&fields=bid_price,symbol&format=sse&live=true'
    expect(await asked(query)).toEqual({
      dataType: 'quotes',
      filter: { symbols: ['BTCUSDT', 'ETHUSDT'], exchanges: ['BINANCE', 'ASX'], fromUs: 1 },
      fields: ['bid_price', 'symbol'],
      frame: { before: 'data: ', after: '\n\n' },
      speed: 2.5,
      isLive: true
    })
  })

  test.each([
    ['?symbols=', 'symbols'],
    ['?symbols=BTCUSDT,', 'symbols'],
    ['?fields=price,bid_price', 'fields'],
    ['?fields=price,price', 'fields'],
    ['?speed=0', 'speed'],
    ['?speed=-1', 'speed'],
    ['?speed=fast', 'speed'],
    ['?start_time=2&end_time=1', 'end_time'],
    ['?live=true&end_time=1', 'end_time'],
    ['?format=csv', 'format']
  ])('%s is refused', async (query, field) => {
    const { response, text } = await ask(query)
    expect(response.status).toBe(400)
    expect(JSON.parse(text).errors).toEqual([expect.objectContaining({ field })])
  })
})

describe('clients', () => {
  const scope = Effect.runSync(Scope.make())
  const MiB = 2 ** 20
  let url: string
  /** Blocks that were made and are not taken yet, and replays that run. */
  const state = { running: 0, made: 0, isIdle: false }

  beforeAll(async () => {
    const deps = fakeDeps({
      replay: (_, { opened, emit }) =>
        Effect.gen(function* () {
          opened()
          if (state.isIdle) return yield* Effect.never
          for (;;) {
            state.made++
            yield* emit({ type: 'rows', bytes: new Uint8Array(4 * MiB), count: 1 })
          }
        }).pipe((it) =>
          Effect.acquireUseRelease(
            Effect.sync(() => void state.running++),
            () => it,
            () => Effect.sync(() => void state.running--)
          )
        )
    })
    const options = { host: '127.0.0.1', hasKeys: false, port: 0, drainMsMax: 1_000 }
    const serving = serveHttp({ app: makeApp(deps), ...options })
    url = (await Effect.runPromise(Scope.provide(serving, scope))).url
  })
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

  const until = async (signal: AbortSignal, isSo: () => boolean) => {
    while (!isSo()) {
      signal.throwIfAborted()
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }

  test('one that leaves ends its replay, also where nothing is sent', async ({ signal }) => {
    for (const isIdle of [false, true]) {
      state.isIdle = isIdle
      const asked = request(`${url}${path}`, { agent: false })
      asked.on('error', () => undefined).end()
      await until(signal, () => state.running === 1)
      asked.destroy()
      await until(signal, () => state.running === 0)
    }
    state.isIdle = false
  })

  test('HEAD leaves nothing running', async ({ signal }) => {
    const { status } = await fetch(`${url}${path}`, { method: 'HEAD' })
    expect(status).toBe(200)
    await until(signal, () => state.running === 0)
  })

  test('one that does not read stops it, with two blocks in memory', async ({ signal }) => {
    state.made = 0
    const asked = request(`${url}${path}`, { agent: false })
    let taken = 0
    asked.on('error', () => undefined).end()
    const response = await new Promise<IncomingMessage>((resolve) =>
      asked.on('response', resolve)
    )
    await until(signal, () => state.made >= 2)
    // What the sockets of both sides take in, one that waits in the server, and the next one: it
    // has stopped once no more is made for many turns, however slowly the sockets took theirs.
    const madeMax = 4
    let made: number
    do {
      made = state.made
      for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate)
    } while (state.made !== made && state.made <= madeMax)
    expect(state.made).toBe(made)
    expect(made).toBeLessThanOrEqual(madeMax)
    response.on('data', (chunk: Buffer) => {
      taken += chunk.length
    })
    await until(signal, () => taken > 40 * MiB)
    expect(state.made * 4 * MiB - taken).toBeLessThanOrEqual(16 * MiB)
    asked.destroy()
    await until(signal, () => state.running === 0)
  })
})

describe('pages', () => {
  const page = async (body: unknown, overrides: Partial<ApiDeps> = {}) => {
    const response = await makeApp(fakeDeps(overrides)).request('http://127.0.0.1:8000/v1/replay', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body)
    })
    return { status: response.status, body: JSON.parse(await response.text()) }
  }

  test('a page names the next one', async () => {
    const { status, body } = await page({ symbols: ['BTCUSDT'], limit: 1 })
    expect(status).toBe(200)
    expect(body).toMatchObject({
      data: [{ price: 61837.63 }],
      pagination: { limit: 1, has_more: true, next_cursor: 'c1.a.b' },
      meta: { snapshot_id: '7', partial: false }
    })
  })

  test('what cannot be asked is refused, and so is a cursor of another query', async () => {
    expect((await page({ fields: ['bid_price'] })).body.errors[0].field).toBe('fields')
    expect((await page({ limit: 0 })).status).toBe(400)
    const fault = { _tag: 'CursorInvalid', message: '' }
    const { status, body } = await page({ cursor: 'x' }, { replayPage: () => Effect.fail(fault) })
    expect([status, body.code]).toEqual([400, 'cursor_invalid'])
  })
})
