import { Effect, Exit, Scope } from 'effect'
import { Agent, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { makeApp } from '../../../src/adapters/http/app.ts'
import type { ApiDeps } from '../../../src/adapters/http/api-deps.ts'
import { serveHttp } from '../../../src/adapters/http/server.ts'
import { accessOf, allOfIt, fakeDeps } from './support.ts'

const closers: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

const start = async (
  overrides: Partial<ApiDeps> = {},
  { port = 0, host = '127.0.0.1', hasKeys = false, drainMsMax = 5_000, stalledMsMax = 60_000 } = {}
) => {
  const scope = Effect.runSync(Scope.make())
  const close = () => Effect.runPromise(Scope.close(scope, Exit.void))
  closers.push(close)
  const app = makeApp(fakeDeps(overrides))
  const server = await Effect.runPromise(
    serveHttp({ app, host, hasKeys, port, drainMsMax, stalledMsMax }).pipe(Scope.provide(scope))
  )
  return { server, close }
}

interface Reply {
  readonly status: number
  readonly text: string
}

const get = (url: string, agent?: Agent): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const request = httpRequest(url, { agent: agent ?? false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part) => {
        text += part
      })
      response.on('end', () => resolve({ status: response.statusCode!, text })).on('error', reject)
    })
    request.on('error', reject).end()
  })

/** A query that waits until it is let go. */
const heldTrades = () => {
  let release: () => void = () => {}
  let began: () => void = () => {}
  const started = new Promise<void>((resolve) => {
    began = resolve
  })
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  let interrupts = 0
  const records: ApiDeps['records'] = () =>
    Effect.sync(() => began()).pipe(
      Effect.andThen(Effect.promise(() => gate)),
      Effect.as({ snapshotId: null, rows: [], ...allOfIt }),
      Effect.onInterrupt(() =>
        Effect.sync(() => {
          interrupts++
        })
      )
    )
  return { records, started, release, interrupts: () => interrupts }
}

describe('http server', () => {
  test('answers over a real socket and closes with its scope', async () => {
    const { server, close } = await start()
    expect(server.url).toBe(`http://127.0.0.1:${server.port}`)
    const { status, text } = await get(`${server.url}/v1/trades?limit=2`)
    expect(status).toBe(200)
    expect(text).toContain('"price":61837.63000000')
    await close()
    await expect(get(server.url)).rejects.toThrow('ECONNREFUSED')
  })

  test('a port in use names its variable', async () => {
    const { server } = await start()
    const error = await Effect.runPromise(
      Effect.flip(
        Effect.scoped(
          serveHttp({
            app: makeApp(fakeDeps()),
            host: '127.0.0.1',
            hasKeys: false,
            port: server.port,
            drainMsMax: 1
          })
        )
      )
    )
    expect(error._tag).toBe('PortInUse')
    expect(error.message).toContain('K2_HTTP_PORT')
  })

  test.each(['0.0.0.0', '::', '192.168.0.1', 'example.com'])(
    '%s is never bound without keys',
    async (host) => {
      const options = { app: makeApp(fakeDeps()), host, hasKeys: false, port: 0, drainMsMax: 1 }
      const error = await Effect.runPromise(Effect.flip(Effect.scoped(serveHttp(options))))
      expect(error._tag).toBe('HostNotLoopback')
      expect(error.message).toContain('K2_HTTP_HOST')
      expect(error.message).toContain('K2_API_KEYS')
    }
  )

  test('with keys all addresses may be bound, and the URL is one that can be asked', async () => {
    const key = 'k'.repeat(32)
    const { server } = await start({ access: accessOf(key) }, { host: '0.0.0.0', hasKeys: true })
    expect(server.url).toBe(`http://127.0.0.1:${server.port}`)
    expect((await get(`${server.url}/health/live`)).status).toBe(200)
    expect((await get(`${server.url}/v1/trades`)).status).toBe(401)
    const answer = await fetch(`${server.url}/v1/trades`, { headers: { 'x-api-key': key } })
    expect(answer.status).toBe(200)
  })

  test('closing lets a running request finish and waits for no idle connection', async () => {
    const held = heldTrades()
    const { server, close } = await start({ records: held.records })
    const agent = new Agent({ keepAlive: true })
    await get(`${server.url}/health/live`, agent)
    const running = get(`${server.url}/v1/trades`)
    await held.started
    const closed = close()
    await expect(get(server.url)).rejects.toThrow('ECONNREFUSED')
    held.release()
    expect((await running).status).toBe(200)
    await closed
    agent.destroy()
  })

  test('a request that outlives the drain deadline is cut and its query interrupted', async () => {
    const held = heldTrades()
    const { server, close } = await start({ records: held.records }, { drainMsMax: 50 })
    const running = get(`${server.url}/v1/trades`).then(
      () => 'answered',
      () => 'cut'
    )
    await held.started
    await close()
    expect(await running).toBe('cut')
    await expect.poll(held.interrupts).toBe(1)
  })

  test('a client that hangs up interrupts its query', async () => {
    const held = heldTrades()
    const { server } = await start({ records: held.records })
    const socket = connect(server.port, '127.0.0.1')
    socket.write('GET /v1/trades HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
    await held.started
    socket.destroy()
    await expect.poll(held.interrupts).toBe(1)
  })

  test('a client that takes nothing is cut, one that waits for its answer is not', async () => {
    const held = heldTrades()
    let left: () => void = () => {}
    const cut = new Promise<void>((resolve) => {
      left = resolve
    })
    const replay: ApiDeps['replay'] = (_request, { opened, emit }) =>
      Effect.sync(opened).pipe(
        Effect.andThen(
          Effect.forever(emit({ type: 'rows', count: 1, bytes: new Uint8Array(1 << 16) }))
        ),
        Effect.onInterrupt(() => Effect.sync(left))
      )
    const { server } = await start({ records: held.records, replay }, { stalledMsMax: 40 })
    const waiting = get(`${server.url}/v1/trades`)
    await held.started
    const socket = connect(server.port, '127.0.0.1').pause().on('error', () => {})
    socket.write('GET /v1/replay/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
    await cut
    held.release()
    expect((await waiting).status).toBe(200)
    socket.destroy()
  })

  test('garbage, a missing host and huge headers cost their own connection only', async () => {
    const { server } = await start()
    const raw = (text: string): Promise<string> =>
      new Promise((resolve) => {
        let answer = ''
        const socket = connect(server.port, '127.0.0.1', () => socket.end(text))
        socket.setEncoding('utf8').on('data', (part) => {
          answer += part
        })
        socket.on('error', () => {}).on('close', () => resolve(answer))
      })
    const garbage = await raw('\x00\x01\x02 nonsense\r\n\r\n')
    expect(garbage).toContain('HTTP/1.1 400 Bad Request')
    expect(garbage).toContain('"code":"malformed_request"')
    expect(await raw('GET / HTTP/1.1\r\n\r\n')).toContain('400')
    const huge = await raw(
      `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`
    )
    expect(huge).toContain('HTTP/1.1 431 Request Header Fields Too Large')
    expect(huge).toContain('content-type: application/problem+json')
    expect(huge).toContain('"code":"headers_too_large"')
    expect(
      await raw('GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n')
    ).toContain('host_not_allowed')
    expect((await get(`${server.url}/health/live`)).status).toBe(200)
  })
})
