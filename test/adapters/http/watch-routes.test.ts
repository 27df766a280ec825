import { Effect, Exit, Scope } from 'effect'
import { connect } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { WatchBoard } from '../../../src/actors/watch/watch-board.ts'
import { makeApp } from '../../../src/adapters/http/app.ts'
import { serveHttp } from '../../../src/adapters/http/server.ts'
import type { WatchFrom } from '../../../src/adapters/http/watch-deps.ts'
import { transitionLine } from '../../actors/watch/support.ts'
import { until } from '../../support/until.ts'
import { fakeDeps } from './support.ts'

const closers: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

const newBoard = () =>
  new WatchBoard({
    uuid: () => 'this-process',
    nowMs: () => 0,
    host: { monotonicMs: () => performance.now() }
  })

const watchDeps = (board: WatchBoard) => {
  const opened: WatchFrom[] = []
  const { watch } = fakeDeps()
  const deps = fakeDeps({
    watch: {
      ...watch,
      open: (from) => {
        opened.push(from)
        return board.viewers.open(board, from)
      }
    }
  })
  return { deps, opened }
}

const places = (board: WatchBoard, count: number) =>
  until(() => (board.viewers.count === count ? true : undefined), {
    what: `${count} viewers`,
    msMax: 20_000
  })

test('the history is an episode, whole and in order, in however many parts', async () => {
  const { watch } = fakeDeps()
  const frames = Array.from({ length: 5_000 }, (_, seq) =>
    JSON.stringify({ seq: seq + 1, at: seq, gone: ['x'.repeat(150)] })
  )
  const history = () => ({ ...watch.history(), frames })
  const app = makeApp(fakeDeps({ watch: { ...watch, history } }))
  const response = await app.request('http://127.0.0.1:8000/v1/system/history')
  const { success, data, meta } = (await response.json()) as any
  expect([success, meta.correlation_id]).toEqual([true, 'id-1'])
  expect(data).toMatchObject({ version: 2, instance: 'this-one', base: { seq: 0 } })
  expect(data.frames).toEqual(frames.map((text) => JSON.parse(text)))
  const nothing = () => ({ ...history(), frames: [] })
  const none = makeApp(fakeDeps({ watch: { ...watch, history: nothing } }))
  const empty = await none.request('http://127.0.0.1:8000/v1/system/history')
  expect(((await empty.json()) as any).data.frames).toEqual([])
})

test('where to begin: the header of a reconnect goes before the parameter', async () => {
  const { deps, opened } = watchDeps(newBoard())
  const app = makeApp(deps)
  const ask = async (query: string, headers: Record<string, string> = {}) => {
    const url = `http://127.0.0.1:8000/v1/system/watch${query}`
    const response = await app.request(url, { headers })
    await response.body?.cancel()
    return response
  }
  const { status, headers } = await ask('')
  expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([
    200, 'text/event-stream', 'no-store, no-transform'
  ])
  await ask('?after=7&instance=abc-1')
  await ask('?after=7', { 'last-event-id': '9' })
  await ask('?after=7', { 'last-event-id': 'nonsense' })
  expect((await ask('?after=1.5')).status).toBe(400)
  expect(opened).toEqual([
    { after: undefined, instance: undefined },
    { after: 7, instance: 'abc-1' },
    { after: 9, instance: undefined },
    { after: 7, instance: undefined }
  ])
})

test('one too many is told when to come again', async () => {
  const board = newBoard()
  const { deps } = watchDeps(board)
  for (let count = 0; count < 64; count++)
    Effect.runSync(board.viewers.open(board, { after: undefined, instance: undefined }))
  const response = await makeApp(deps).request('http://127.0.0.1:8000/v1/system/watch')
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
  expect(await response.json()).toMatchObject({ code: 'viewers_busy' })
})

test('a client that reads nothing is cut, and its place is free', async () => {
  const board = newBoard()
  const { deps } = watchDeps(board)
  const scope = Effect.runSync(Scope.make())
  closers.push(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  const options = { host: '127.0.0.1', hasKeys: false, port: 0, drainMsMax: 1_000 }
  const server = await Effect.runPromise(
    serveHttp({ app: makeApp(deps), ...options, stalledMsMax: 100 }).pipe(Scope.provide(scope))
  )
  const socket = connect(server.port, '127.0.0.1').pause().on('error', () => {})
  socket.write('GET /v1/system/watch HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
  await places(board, 1)
  const transitions = Array.from({ length: 200 }, () => transitionLine({ event: 'e'.repeat(500) }))
  const pushing = setInterval(() => board.push({ at: 1, transitions }), 1)
  await places(board, 0)
  clearInterval(pushing)
  socket.destroy()
})
