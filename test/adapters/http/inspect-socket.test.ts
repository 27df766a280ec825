/** The Stately inspector's own receiver against the API's WebSocket. */
import { createWebSocketReceiver } from '@statelyai/inspect'
import { Effect, Exit, Scope } from 'effect'
import { afterEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { createMachine } from 'xstate'
import { machineList } from '../../../src/actors/watch/machine-list.ts'
import { WatchBoard } from '../../../src/actors/watch/watch-board.ts'
import { makeApp } from '../../../src/adapters/http/app.ts'
import { inspectSocket } from '../../../src/adapters/http/inspect-socket.ts'
import { serveHttp } from '../../../src/adapters/http/server.ts'
import { StatelyEvents } from '../../../src/adapters/http/stately-events.ts'
import { degradationMachine } from '../../../src/machines/degradation-machine.ts'
import { childMachine } from '../../../src/machines/supervisor-child-machine.ts'
import { supervisorMachine } from '../../../src/machines/supervisor-machine.ts'
import { actorLine, transitionLine } from '../../actors/watch/support.ts'
import { until } from '../../support/until.ts'
import { accessOf, fakeDeps } from './support.ts'

const closers: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

const root = supervisorMachine.provide({
  actors: { manager: childMachine.provide({ actors: { subject: degradationMachine as never } }) }
})

const managerLine = actorLine('root/manager', {
  parent: 'root',
  machines: { keeper: 'child', kept: 'degradation' },
  state: { keeper: 'up.running', kept: 'normal' }
})
const rootLine = actorLine('root', {
  machines: { keeper: null, kept: 'supervisor' },
  state: { keeper: null, kept: 'running.sound' }
})

const serve = async (access = accessOf('')) => {
  const board = new WatchBoard({
    uuid: () => 'this-process',
    nowMs: () => 0,
    host: { monotonicMs: () => performance.now() }
  })
  board.machines = machineList(root)
  board.lines = () => [rootLine, managerLine]
  const { watch } = fakeDeps()
  const deps = fakeDeps({
    access,
    watch: {
      ...watch,
      inspected: () => board.machines.inspected,
      current: () => ({ seq: board.journal.seq, at: 1, actors: board.lines() }),
      open: (from) => board.viewers.open(board, from)
    }
  })
  const scope = Effect.runSync(Scope.make())
  const close = () => Effect.runPromise(Scope.close(scope, Exit.void))
  closers.push(close)
  const options = { host: '127.0.0.1', hasKeys: false, port: 0, drainMsMax: 1_000 }
  const upgrades = inspectSocket(deps)
  const server = await Effect.runPromise(
    serveHttp({ app: makeApp(deps), upgrades, ...options }).pipe(Scope.provide(scope))
  )
  const url = server.url.replace('http', 'ws')
  return { board, close, url: `${url}/v1/system/inspect`, base: url }
}

const places = (board: WatchBoard, count: number) =>
  until(() => (board.viewers.count === count ? true : undefined), {
    what: `${count} viewers`,
    msMax: 20_000
  })

test('its receiver is told who is there, and then what happens', async () => {
  const { board, close, url } = await serve()
  const seen: any[] = []
  createWebSocketReceiver({ server: url }).subscribe((event) => seen.push(event))
  const heard = (count: number) =>
    until(() => (seen.length >= count ? true : undefined), {
      what: `${count} events`,
      msMax: 20_000,
      seen: () => JSON.stringify(seen).slice(0, 500)
    })
  await heard(3)
  board.push({
    at: 7,
    transitions: [
      transitionLine({
        path: 'root/manager',
        machine: 'degradation',
        event: 'pressure.sampled',
        from: 'normal',
        to: 'graceful'
      })
    ]
  })
  await heard(5)
  expect(seen.map(({ type, sessionId, parentId }) => [type, sessionId, parentId])).toEqual([
    ['@xstate.actor', 'root', undefined],
    ['@xstate.actor', 'root/manager keeper', 'root'],
    ['@xstate.actor', 'root/manager', 'root/manager keeper'],
    ['@xstate.event', 'root/manager', undefined],
    ['@xstate.snapshot', 'root/manager', undefined]
  ])
  for (const event of seen) {
    expect(event).toMatchObject({ _version: '0.7.2', rootId: 'root', id: null })
    expect(event.createdAt).toMatch(/^\d+$/)
  }
  expect(seen[1].snapshot).toEqual({ status: 'active', value: { up: 'running' }, context: {} })
  expect(seen[4]).toMatchObject({
    event: { type: 'pressure.sampled' },
    snapshot: { status: 'active', value: 'graceful' }
  })
  await close()
  await places(board, 0)
})

test('a definition is one that xstate draws again', () => {
  for (const machine of [root, childMachine, degradationMachine]) {
    for (const { view, definition } of machineList(machine).inspected.values()) {
      const drawn = createMachine(JSON.parse(definition))
      expect(drawn.id).toBe(view.id)
      expect(Object.keys(drawn.root.states)).toEqual(view.root.states.map(({ key }) => key))
    }
  }
})

test('values of nested and of parallel states; who is gone has stopped', () => {
  const leaf = (path: string, type: 'atomic' | 'parallel' | 'compound', states: any[] = []) => ({
    key: path.split('.').at(-1)!,
    path,
    type,
    initial: null,
    tags: [],
    entry: [],
    exit: [],
    invoke: [],
    edges: [],
    states
  })
  const view = {
    id: 'm',
    root: leaf('', 'compound', [
      leaf('p', 'parallel', [
        leaf('p.a', 'compound', [leaf('p.a.x', 'atomic'), leaf('p.a.y', 'atomic')]),
        leaf('p.b', 'atomic')
      ])
    ])
  }
  const events = new StatelyEvents(new Map([['m', { view, definition: '{}' }]]))
  const line = actorLine('root', {
    machines: { keeper: null, kept: 'm' },
    state: { keeper: null, kept: 'p.a.y & p.b' }
  })
  const [told] = events.of({ seq: 1, at: 1, actors: [line] })
  expect(told!['snapshot']).toMatchObject({ value: { p: { a: 'y', b: {} } } })
  expect(events.of({ seq: 2, at: 2, actors: [line] })).toEqual([])
  const gone = { seq: 3, at: 3, gone: ['root'] }
  expect(events.of(gone)).toMatchObject([{ snapshot: { status: 'stopped' } }])
  expect(events.of(gone)).toEqual([])
})

/** The status with which a WebSocket is refused, or 101. */
const refusal = (url: string, headers: Record<string, string> = {}): Promise<number> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { headers })
    socket.on('open', () => {
      socket.terminate()
      resolve(101)
    })
    socket.on('unexpected-response', (_request, response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    socket.on('error', reject)
  })

test('pages of others, other addresses, one too many: refused; places come back', async () => {
  const { board, url, base } = await serve()
  expect(await refusal(url, { origin: 'https://evil.example' })).toBe(403)
  expect(await refusal(url, { host: 'evil.example' })).toBe(403)
  expect(await refusal(url, { origin: base.replace('ws', 'http') })).toBe(101)
  expect(await refusal(`${base}/v1/trades`)).toBe(404)
  await places(board, 0)
  const all = Array.from({ length: 64 }, () => new WebSocket(url))
  await places(board, 64)
  expect(await refusal(url)).toBe(503)
  for (const socket of all) socket.on('error', () => undefined).terminate()
  await places(board, 0)
})

const key = '0123456789abcdef0123456789abcdef'

test('where there are keys, one is needed', async () => {
  const { url } = await serve(accessOf(`ops=read:${key}`))
  expect(await refusal(url)).toBe(401)
  expect(await refusal(url, { authorization: `Bearer ${key}` })).toBe(101)
})

test('who does not read holds nothing but its place, and who sends is not heard', async () => {
  const { board, url } = await serve()
  const socket = new WebSocket(url)
  await new Promise((resolve) => {
    socket.on('open', resolve)
  })
  socket.pause()
  const many = Array.from({ length: 50 }, () =>
    transitionLine({ path: 'root/manager', machine: 'degradation', event: 'e'.repeat(500) })
  )
  for (let pushed = 0; pushed < 2_000; pushed++) board.push({ at: pushed, transitions: many })
  socket.resume()
  socket.send('x'.repeat(2_000))
  await places(board, 0)
})
