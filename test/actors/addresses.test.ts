import { Deferred, Effect, Queue } from 'effect'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { setup } from 'xstate'
import type { MessageCounters } from '../../src/actors/address-line.ts'
import { actorAt } from '../../src/actors/status.ts'
import { type Child, supervisor, worker } from '../../src/actors/supervisor-actor.ts'
import type { MessageFate } from '../../src/machines/message-fate.ts'
import type { ChildSpecOptions } from '../../src/machines/supervisor-spec.ts'
import { backoff, makeWorld, nothingEscapes, turns } from './support/supervision.ts'

nothingEscapes()

type Note =
  | { readonly type: 'note'; readonly id: number }
  | { readonly type: 'crash.requested'; readonly id?: number }
const noteOf = (id: number): Note => ({ type: 'note', id })
const stash = (messagesMax = 100, overflow: 'drop_oldest' | 'drop_newest' | 'reject' = 'reject') =>
  ({ kind: 'stash', messagesMax, overflow }) as const

const expectBalanced = (counters: MessageCounters | undefined) => {
  const { sent = 0, delivered, dropped, stashed, spilled, rejected } = counters ?? { delivered: 0 }
  const accounted = [delivered, dropped, stashed, spilled, rejected]
  expect(accounted.reduce<number>((sum, count = 0) => sum + count, 0)).toBe(sent)
}

type Worlds = ReturnType<typeof makeWorld>

/** A program that notes what it takes, one message per turn of the loop, and crashes when told. */
const program = ({ fromEffect }: Worlds, taken: Array<number>, isReady = () => true) =>
  fromEffect<void, unknown, unknown, Note>(({ commands, ready }) =>
    Effect.gen(function* () {
      if (isReady()) ready()
      for (;;) {
        const message = yield* Queue.take(commands)
        if (message.type === 'crash.requested') yield* Effect.fail('told to')
        if (message.type === 'note') taken.push(message.id)
      }
    })
  )

const start = (
  world: Worlds,
  options: Partial<ChildSpecOptions>,
  logic: Child['logic'],
  ports: Pick<Child, 'spill'> = {}
) => {
  const child = worker({ id: 'a', backoff, ...options }, logic, ports)
  const tree = world.start(supervisor(world.kernel, { id: 'root' }, [child]))
  const address = world.kernel.addresses.at('root/a')
  const send = (message: Note) => address.send(message)
  const counters = () => world.kernel.addresses.counters('root/a')
  return { ...tree, counters, send }
}

describe('G-9 messages for a child that is down', () => {
  const none = { delivered: 0, dropped: 0, stashed: 0, spilled: 0, rejected: 0 }
  const spilled: Array<unknown> = []
  const spill = (path: string, message: { readonly type: string; readonly id?: number }) => {
    if (message.id === 3) throw new Error('the disk is full')
    spilled.push([path, message.id])
    return message.id !== 4
  }
  const cases: ReadonlyArray<
    readonly [string, MessageFate, ReadonlyArray<string>, Partial<MessageCounters>, Array<number>]
  > = [
    ['drop', { kind: 'drop' }, ['dropped', 'dropped', 'dropped'], { dropped: 3 }, []],
    ['reject', { kind: 'reject' }, ['rejected', 'rejected', 'rejected'], { rejected: 3 }, []],
    ['stash', stash(), ['stashed', 'stashed', 'stashed'], { delivered: 3 }, [2, 3, 4]],
    [
      'stash(2), reject',
      stash(2),
      ['stashed', 'stashed', 'rejected'],
      { delivered: 2, rejected: 1 },
      [2, 3]
    ],
    [
      'stash(2), drop the oldest',
      stash(2, 'drop_oldest'),
      ['stashed', 'stashed', 'stashed'],
      { delivered: 2, dropped: 1 },
      [3, 4]
    ],
    [
      'stash(2), drop the newest',
      stash(2, 'drop_newest'),
      ['stashed', 'stashed', 'dropped'],
      { delivered: 2, dropped: 1 },
      [2, 3]
    ],
    [
      'spill, which confirms, fails, refuses',
      { kind: 'spill' },
      ['spilled', 'rejected', 'rejected'],
      { spilled: 1, rejected: 2 },
      []
    ]
  ]
  test.each(cases)('%s', async (...[, fate, answers, expected, late]) => {
    spilled.length = 0
    const world = makeWorld()
    const taken: Array<number> = []
    const ports = fate.kind === 'spill' ? { spill } : {}
    const { at, counters, crash, send } = start(world, { fate }, program(world, taken), ports)
    await turns()
    expect(send(noteOf(1))).toBe('delivered')
    await turns()
    crash('root/a')
    await turns()
    expect(at('root/a')?.state).toBe('backingOff')
    expect([2, 3, 4].map((id) => send(noteOf(id)))).toEqual(answers)
    expectBalanced(counters())
    await world.pass(100)
    expect(at('root/a')?.state).toBe('up.running')
    expect(send(noteOf(5))).toBe('delivered')
    await turns()
    expect(taken).toEqual([1, ...late, 5])
    expect(counters()).toEqual({
      ...none,
      ...expected,
      sent: 5,
      delivered: 2 + (expected.delivered ?? 0)
    })
    expect(at('root/a')?.counters).toMatchObject({ messagesSent: 5 })
    expect(spilled).toEqual(
      fate.kind === 'spill'
        ? [
            ['root/a', 2],
            ['root/a', 4]
          ]
        : []
    )
  })

  test('a stash outlives respawns that fail before the child is known to run', async () => {
    // pathosDev/actor-ts#67
    const world = makeWorld()
    const taken: Array<number> = []
    let starts = 0
    const logic = program(world, taken, () => ++starts > 3)
    const { at, counters, send } = start(world, { fate: stash(), startMsMax: 50 }, logic)
    for (const id of [1, 2, 3]) {
      expect(send(noteOf(id))).toBe('stashed')
      await world.pass(1_000, 50)
      if (starts > 3) break
    }
    await world.pass(2_000, 50)
    expect(at('root/a')).toMatchObject({ state: 'up.running', restarts: 3 })
    expect(taken).toEqual([1, 2, 3].slice(0, taken.length))
    expect(counters()).toMatchObject({ stashed: 0, delivered: taken.length })
  })

  test('the first unstashed message crashes again: those behind it are not lost', async () => {
    // akka/akka-core#31814
    for (const kind of ['program', 'machine'] as const) {
      const world = makeWorld()
      const taken: Array<number> = []
      const machine = setup({ types: { events: {} as Note } }).createMachine({
        on: {
          note: { actions: ({ event }) => taken.push(event.id) },
          'crash.requested': {
            actions: () => {
              throw new Error('told to')
            }
          }
        }
      })
      const logic = kind === 'machine' ? machine : program(world, taken)
      const ready = kind === 'machine' ? 'started' : 'reported'
      const { at, counters, crash, send } = start(world, { fate: stash(), ready }, logic)
      await turns()
      crash('root/a')
      await turns()
      send({ type: 'crash.requested' })
      for (const id of [1, 2, 3]) send(noteOf(id))
      await world.pass(100)
      // What crashed it was delivered, and is not delivered again.
      expect([kind, at('root/a')?.state, taken]).toEqual([kind, 'backingOff', []])
      expect(counters()).toMatchObject({ sent: 4, delivered: 1, stashed: 3 })
      expect(send(noteOf(4))).toBe('stashed')
      await world.pass(200)
      expect([kind, taken]).toEqual([kind, [1, 2, 3, 4]])
      expect(counters()).toMatchObject({ sent: 5, delivered: 5, stashed: 0 })
      expect(at('root/a')?.restarts).toBe(2)
    }
  })

  test('what a program had not taken meets its fate, before anything newer', async () => {
    for (const [fate, expected, late] of [
      [stash(), { delivered: 5, stashed: 0, dropped: 0 }, [1, 2, 3, 4]],
      [{ kind: 'drop' }, { delivered: 1, dropped: 4 }, []],
      [{ kind: 'reject' }, { delivered: 1, dropped: 3, rejected: 1 }, []]
    ] as ReadonlyArray<[MessageFate, Partial<MessageCounters>, Array<number>]>) {
      const world = makeWorld()
      const taken: Array<number> = []
      const { counters, send } = start(world, { fate }, program(world, taken))
      await turns()
      send({ type: 'crash.requested' })
      for (const id of [1, 2, 3]) expect(send(noteOf(id))).toBe('delivered')
      await turns()
      send(noteOf(4))
      await world.pass(100)
      expect([fate.kind, taken]).toEqual([fate.kind, late])
      expect(counters()).toMatchObject({ sent: 5, ...expected })
      expectBalanced(counters())
    }
  })

  test('what comes back stands before what was stashed meanwhile', async () => {
    const world = makeWorld()
    const taken: Array<number> = []
    const gate = Deferred.makeUnsafe<void>()
    let runs = 0
    const logic = world.fromEffect<void, unknown, unknown, Note>(({ commands, ready }) =>
      Effect.gen(function* () {
        ready()
        // The first run cannot be interrupted, so it ends long after it has crashed.
        if (++runs === 1) yield* Effect.uninterruptible(Deferred.await(gate))
        for (;;) {
          const message = yield* Queue.take(commands)
          if (message.type === 'note') taken.push(message.id)
        }
      })
    )
    const { counters, root, send } = start(world, { fate: stash() }, logic)
    await turns()
    for (const id of [1, 2]) expect(send(noteOf(id))).toBe('delivered')
    actorAt(root, 'root/a')?.send({ type: 'effect.failed', error: new Error('told to') })
    expect(send(noteOf(3))).toBe('stashed')
    await turns()
    Effect.runSync(Deferred.succeed(gate, undefined))
    await turns()
    expect(counters()).toMatchObject({ sent: 3, delivered: 0, stashed: 3 })
    await world.pass(100)
    expect(taken).toEqual([1, 2, 3])
  })

  test('a child that drains takes no new messages', async () => {
    const world = makeWorld()
    const taken: Array<number> = []
    const draining = worker(
      { id: 'b', backoff, drainMsMax: 1_000, fate: stash() },
      program(world, taken)
    )
    const { crash } = world.start(
      supervisor(world.kernel, { id: 'root', strategy: 'one_for_all' }, [
        world.holder('a'),
        draining
      ])
    )
    await turns()
    crash('root/a')
    await turns()
    const address = world.kernel.addresses.at('root/b')
    expect(address.send(noteOf(1))).toBe('stashed')
    await world.pass(2_000)
    expect(taken).toEqual([1])
  })

  test('an address outlives quarantine; of a child that has ended it rejects', async () => {
    const world = makeWorld()
    const taken: Array<number> = []
    const limit = { restartsMax: 0, windowMs: 60_000 }
    const { at, counters, crash, root, send } = start(
      world,
      { fate: stash(), limit, onLimit: 'quarantine' },
      program(world, taken)
    )
    await turns()
    crash('root/a')
    await turns()
    expect(at('root/a')?.tags).toContain('quarantined')
    expect(send(noteOf(1))).toBe('stashed')
    await world.pass(60_000, 1_000)
    expect(taken).toEqual([])
    world.kernel.addresses.at('root/a')
    const keeper = root.getSnapshot().children.a
    keeper.send({ type: 'release.requested' })
    await turns()
    expect(taken).toEqual([1])
    crash('root/a')
    await turns()
    send(noteOf(2))
    root.send({ type: 'stop.requested' })
    await turns()
    expect(send(noteOf(3))).toBe('rejected')
    expect(counters()).toEqual({ ...none, sent: 3, delivered: 1, dropped: 1, rejected: 1 })
    expect(world.kernel.addresses.at('root/nobody').send(noteOf(1))).toBe('rejected')
  })

  test('spill and port go together', () => {
    const { fromEffect } = makeWorld()
    const logic = fromEffect(() => Effect.never)
    const fate = { kind: 'spill' } as const
    expect(() => worker({ id: 'a', fate }, logic)).toThrow(/child "a": fate "spill" and a spill/)
    expect(() => worker({ id: 'a' }, logic, { spill: () => true })).toThrow(/go together/)
    expect(() => worker({ id: 'a', fate: stash(0) }, logic)).toThrow(/fate\.messagesMax/)
  })

  test('any order of messages, crashes and time: balanced, in order, nothing twice', async () => {
    const fate = fc.constantFrom<MessageFate>(
      stash(3, 'drop_oldest'),
      stash(3, 'drop_newest'),
      stash(50),
      { kind: 'drop' },
      { kind: 'reject' }
    )
    const act = fc.constantFrom('send', 'send', 'send', 'poison', 'crash', 'turn', 'pass', 'park')
    await fc.assert(
      fc.asyncProperty(fate, fc.array(act, { maxLength: 60 }), async (fate, acts) => {
        const world = makeWorld()
        const taken: Array<number> = []
        const limit = { restartsMax: 1_000, windowMs: 1_000 }
        const { at, counters, crash, root, send } = start(
          world,
          { fate, limit, onLimit: 'quarantine' },
          program(world, taken)
        )
        let id = 0
        for (const act of acts) {
          const keeper = root.getSnapshot().children.a
          if (act === 'send') send(noteOf(++id))
          else if (act === 'poison') send({ type: 'crash.requested' })
          else if (act === 'crash') crash('root/a')
          else if (act === 'turn') await turns(1)
          else if (act === 'pass') await world.pass(500)
          else if (at('root/a')?.tags.includes('quarantined') === true) {
            keeper.send({ type: 'release.requested' })
          } else keeper.send({ type: 'limit.reached' })
          expectBalanced(counters())
        }
        for (let round = 0; round < 20; round++) {
          await world.pass(1_000)
          root.getSnapshot().children.a.send({ type: 'release.requested' })
        }
        expect(at('root/a')?.state).toBe('up.running')
        expectBalanced(counters())
        expect(counters()?.stashed ?? 0).toBe(0)
        expect(taken).toEqual([...new Set(taken)].toSorted((one, other) => one - other))
        if (fate.kind === 'stash' && fate.messagesMax === 50 && id <= 16) {
          expect(taken.length).toBe(id)
        }
      }),
      { numRuns: 60 }
    )
  })
})
