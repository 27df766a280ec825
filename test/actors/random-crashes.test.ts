/**
 * G-7: a thousand random crashes of every kind over a three-level tree leave exactly the resources
 * that the tree says. The seed is printed; `K2_TEST_SEED` sets it.
 */
import { Effect, Queue } from 'effect'
import { randomInt } from 'node:crypto'
import { expect, test } from 'vitest'
import { type AnyActorRef, sendTo, setup, type SimulatedClock } from 'xstate'
import type { ProgramArgs } from '../../src/actors/effect-actor.ts'
import type { Transition } from '../../src/actors/inspector.ts'
import { tracked } from '../../src/actors/resource-registry.ts'
import { actorAt, type ActorStatus, runningPaths } from '../../src/actors/status.ts'
import { type Child, supervisor, worker } from '../../src/actors/supervisor-actor.ts'
import type { ChildSpecOptions } from '../../src/machines/supervisor-spec.ts'
import { makeWorld, nothingEscapes, turns } from './support/supervision.ts'

nothingEscapes()

const seed = Number(process.env['K2_TEST_SEED'] ?? randomInt(2 ** 31))
const crashesWanted = 1_000

/** mulberry32, for the test's own draws. */
const makeRandom = (start: number) => {
  let state = start | 0
  return (below: number): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

const kinds = ['sync', 'async', 'guard', 'observer', 'action', 'dependency', 'completion'] as const
type Kind = (typeof kinds)[number]
type Command = { readonly type: `${Kind}.requested` }

const backoff = { msMin: 100, msMax: 400, factor: 2, jitterRatio: 0.5, upMsMin: 1_000 }
const wide = { restartsMax: 1_000, windowMs: 1_000 }

/** Where a keeper is once its child has crashed and released. */
const afterCrash: ReadonlySet<string> = new Set(['backingOff', 'waiting', 'quarantined'])

/** How each run of a leaf misbehaves by itself, drawn when it starts. */
const makeTree = (draw: (below: number) => number, observe: (transition: Transition) => void) => {
  const world = makeWorld({ seed, observe })
  const listeners = new Map<string, () => void>()
  /** Runs whose release hangs. */
  const hung: Array<string> = []
  const crash = (what: string) => () => {
    throw new RangeError(what)
  }
  const program = world.fromEffect<void, unknown, unknown, Command>(
    ({ commands, contain, path, ready }: ProgramArgs<unknown, Command, never>) =>
      Effect.gen(function* () {
        const fault = draw(20)
        if (fault === 0) crash('on start')()
        yield* tracked('socket', 'socket')(Effect.void, () => {
          if (fault === 1) {
            hung.push(path)
            return Effect.never
          }
          return fault === 2 ? Effect.die(new RangeError('on stop')) : Effect.void
        })
        yield* tracked('timer', 'timer')(
          Effect.sync(() => listeners.set(path, contain(crash('in an observer')))),
          () => Effect.sync(() => listeners.delete(path))
        )
        ready()
        const { type } = yield* Queue.take(commands)
        if (type === 'sync.requested') crash('synchronously')()
        if (type === 'async.requested') {
          yield* Effect.promise(() => Promise.reject(new RangeError('asynchronously')))
        }
        if (type === 'observer.requested') {
          // Whoever observes is called on a stack of others.
          yield* Effect.sync(() => setImmediate(() => listeners.get(path)?.()))
          yield* Effect.never
        }
        if (type === 'dependency.requested') {
          yield* Effect.fail({ _tag: 'Away', isDependency: true })
        }
      }),
    { releaseMsMax: 300 }
  )
  /** A machine that runs the program, and has guards and actions of its own that throw. */
  const machine = setup({
    types: { events: {} as Command },
    actors: { program },
    actions: { passOn: sendTo('program', ({ event }) => event) }
  }).createMachine({
    invoke: { src: 'program', id: 'program', onDone: '.over' },
    initial: 'sound',
    states: { sound: {}, over: { type: 'final' } },
    on: {
      'guard.requested': { guard: crash('in a guard'), actions: 'passOn' },
      'action.requested': { actions: crash('in an action') },
      'sync.requested': { actions: 'passOn' },
      'async.requested': { actions: 'passOn' },
      'observer.requested': { actions: 'passOn' },
      'dependency.requested': { actions: 'passOn' },
      'completion.requested': { actions: 'passOn' }
    }
  })
  const leaf = (id: string, logic: Child['logic'], options: Partial<ChildSpecOptions> = {}) =>
    worker({ id, backoff, limit: wide, shutdownMsMax: 300, startMsMax: 500, ...options }, logic)
  const leaves = (): ReadonlyArray<Child> => [
    leaf('p', program),
    leaf('m', machine, { ready: 'started' }),
    leaf('t', program, { restart: 'transient' }),
    leaf('q', program, { limit: { restartsMax: 2, windowMs: 5_000 }, onLimit: 'quarantine' })
  ]
  const options = { backoff, limit: wide, intensity: wide, shutdownMsMax: 10_000 }
  const branch = (id: string) =>
    supervisor(world.kernel, { ...options, id }, [
      supervisor(world.kernel, { ...options, id: 'one', strategy: 'one_for_one' }, leaves()),
      supervisor(world.kernel, { ...options, id: 'all', strategy: 'one_for_all' }, leaves()),
      supervisor(world.kernel, { ...options, id: 'rest', strategy: 'rest_for_one' }, leaves()),
      // Gives up at once, so that whole subtrees are started anew.
      supervisor(
        world.kernel,
        { ...options, id: 'frail', intensity: { ...wide, restartsMax: 0 } },
        [leaf('p', program), leaf('m', machine, { ready: 'started' })]
      )
    ])
  const tree = world.start(
    supervisor(world.kernel, { id: 'root', intensity: wide }, [branch('x'), branch('y')])
  )
  return { ...world, ...tree, hung }
}

const leafPaths = ['x', 'y'].flatMap((branch) => [
  ...['one', 'all', 'rest'].flatMap((group) =>
    ['p', 'm', 't', 'q'].map((leaf) => `root/${branch}/${group}/${leaf}`)
  ),
  ...['p', 'm'].map((leaf) => `root/${branch}/frail/${leaf}`)
])

const allOf = (status: ActorStatus): ReadonlyArray<ActorStatus> => [
  status,
  ...status.children.flatMap(allOf)
]

const pendingTimers = (clock: SimulatedClock): number =>
  (clock as unknown as { readonly timeouts: ReadonlyMap<number, unknown> }).timeouts.size

const release = (root: AnyActorRef, status: ActorStatus): void => {
  for (const { path, tags } of allOf(status)) {
    if (tags.includes('quarantined')) actorAt(root, path)?.send({ type: 'release.requested' })
  }
}

test(`G-7 1,000 random crashes over a three-level tree (seed ${seed})`, async () => {
  const random = makeRandom(seed)
  const handlesBefore = process.getActiveResourcesInfo().length
  let isCalm = false
  const crashes: Array<string> = []
  const { clock, events, hung, kernel, outputs, root, status } = makeTree(
    // In the end nothing misbehaves any more, so that what is left can be told.
    (below) => (isCalm ? below - 1 : random(below)),
    ({ path, to }) => {
      if (!path.endsWith('#') && afterCrash.has(to)) crashes.push(path)
    }
  )
  await turns()
  const kindsSent = new Set<Kind>()
  while (crashes.length < crashesWanted) {
    const path = leafPaths[random(leafPaths.length)] ?? ''
    const kind = kinds[random(kinds.length)] ?? 'sync'
    kindsSent.add(kind)
    actorAt(root, path)?.send({ type: `${kind}.requested` })
    await turns(2)
    clock.increment(random(200))
    await turns(2)
    if (random(50) === 0) release(root, status().root)
  }
  expect([...kindsSent].toSorted()).toEqual([...kinds].toSorted())
  isCalm = true
  for (let round = 0; round < 60; round++) {
    clock.increment(500)
    await turns()
    if (round % 5 === 0) release(root, status().root)
  }
  expect(outputs).toEqual([])

  // Every leaf runs, those excepted that ended of their own; each holds what it says, once.
  const lines = allOf(status().root).filter(({ path }) => leafPaths.includes(path))
  expect(lines.map(({ path }) => path).toSorted()).toEqual(leafPaths.toSorted())
  const running = lines.filter(({ state }) => state.startsWith('up.running'))
  expect(running.length).toBeGreaterThanOrEqual(leafPaths.length - 6)
  for (const { path, state } of lines) {
    if (!state.startsWith('up.running')) expect([path, state]).toEqual([path, 'ended'])
  }
  const held = kernel.registry.snapshot().filter(({ isLeaked }) => !isLeaked)
  expect(held.map(({ owner, name }) => `${owner} ${name}`).toSorted()).toEqual(
    running
      .flatMap(({ path }) => {
        const owner = path.endsWith('/m') ? `${path}/program` : path
        return [`${owner} program`, `${owner} socket`, `${owner} timer`]
      })
      .toSorted()
  )
  expect(kernel.registry.audit(runningPaths(status().root))).toEqual([])
  const leaked = kernel.registry.snapshot().filter(({ isLeaked }) => isLeaked)
  // Nothing is given up but what hangs: the socket, and the program that waits for it.
  expect(hung.length).toBeGreaterThan(0)
  expect(leaked.map(({ owner, name }) => `${owner} ${name}`).toSorted()).toEqual(
    hung.flatMap((path) => [`${path} program`, `${path} socket`]).toSorted()
  )
  expect(leaked.length).toBe(kernel.registry.leakCount())
  expect(events.filter(({ type }) => type === 'resource.leaked').length).toBe(leaked.length)

  root.send({ type: 'stop.requested' })
  for (let round = 0; round < 100 && outputs.length === 0; round++) {
    await turns()
    clock.increment(300)
  }
  expect(outputs).toEqual([{ _tag: 'Stopped' }])
  expect(kernel.registry.snapshot().filter(({ isLeaked }) => !isLeaked)).toEqual([])
  expect(pendingTimers(clock)).toBe(0)
  await turns()
  expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(handlesBefore + 1)
}, 60_000)
