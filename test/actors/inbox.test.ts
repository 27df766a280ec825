import { Deferred, Effect, Fiber, Layer, ManagedRuntime } from 'effect'
import { afterEach, describe, expect, test } from 'vitest'
import { type AnyActorRef, createActor, SimulatedClock } from 'xstate'
import { type ProgramArgs, makeFromEffect } from '../../src/actors/effect-actor.ts'
import type { DataLane } from '../../src/actors/inbox.ts'
import { makeKernel } from '../../src/actors/kernel.ts'
import type { FullPolicy } from '../../src/machines/bounded-buffer.ts'

type Message =
  | { readonly type: 'tick'; readonly id: number; readonly symbol?: string }
  | { readonly type: 'pause.requested' | 'drain.requested' }

const tickBytes = 8
const lane = (policy: FullPolicy, bytesMax: number): DataLane<Message> => ({
  isData: ({ type }) => type === 'tick',
  bytesOf: () => tickBytes,
  bytesMax,
  policy,
  keyOf: (message) => (message.type === 'tick' ? (message.symbol ?? '') : '')
})

const turns = async (count = 5) => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

const running = new Set<AnyActorRef>()
afterEach(() => {
  for (const actor of running) actor.stop()
  running.clear()
})

/** An actor whose program takes `count` messages each time the test lets it. */
const start = (data: DataLane<Message>) => {
  const kernel = makeKernel({ nowMs: () => 0, seed: 1 })
  const runtime = ManagedRuntime.make(Layer.empty)
  const fromEffect = makeFromEffect(runtime, { kernel, commandsMax: 4, releaseMsMax: 1_000 })
  const taken: Array<Message> = []
  let gate = Deferred.makeUnsafe<number>()
  const program = ({ inbox }: ProgramArgs<unknown, Message, never>) =>
    Effect.gen(function* () {
      for (;;) {
        const count = yield* Deferred.await(gate)
        gate = Deferred.makeUnsafe<number>()
        for (let left = count; left > 0; left--) taken.push(yield* inbox.take)
      }
    })
  const logic = fromEffect(program, { data })
  const actor = createActor(logic, { id: 'root', clock: new SimulatedClock(), input: undefined })
  const failures: Array<unknown> = []
  actor.subscribe({ error: (error) => failures.push(error) })
  actor.start()
  running.add(actor)
  const take = async (count: number) => {
    Deferred.doneUnsafe(gate, Effect.succeed(count))
    await turns()
  }
  // No keeper here: the test says that the child runs.
  kernel.addresses.up('root', actor)
  return { actor, address: kernel.addresses.at('root'), failures, kernel, take, taken }
}

const nameOf = (message: Message) => (message.type === 'tick' ? message.id : message.type)

describe('G-11 control overtakes data', () => {
  test('with a million ticks queued, a pause is the very next thing taken', async () => {
    const count = 1_000_000
    const { actor, kernel, take, taken } = start(lane('drop_oldest', count * tickBytes))
    for (let id = 0; id < count; id++) actor.send({ type: 'tick', id })
    await take(3)
    expect(taken.map(nameOf)).toEqual([0, 1, 2])
    actor.send({ type: 'tick', id: count })
    actor.send({ type: 'pause.requested' })
    actor.send({ type: 'drain.requested' })
    await take(4)
    expect(taken.slice(3).map(nameOf)).toEqual(['pause.requested', 'drain.requested', 3, 4])
    expect(kernel.facts.read('root')).toMatchObject({
      queueBytes: (count - 4) * tickBytes,
      counters: { offered: count + 1, taken: 5, queued: count - 4, dropped: 0 }
    })
  })

  test('a pause wakes a program that waits, as data does', async () => {
    const { actor, take, taken } = start(lane('block', 100))
    await take(3)
    actor.send({ type: 'pause.requested' })
    await turns()
    expect(taken.map(nameOf)).toEqual(['pause.requested'])
    actor.send({ type: 'tick', id: 1 })
    actor.send({ type: 'tick', id: 2 })
    await turns()
    expect(taken.map(nameOf)).toEqual(['pause.requested', 1, 2])
  })

  test('commands that nobody takes still crash their actor, whatever its data lane', async () => {
    const { actor, failures } = start(lane('block', 100))
    for (let count = 0; count < 5; count++) actor.send({ type: 'pause.requested' })
    await turns()
    expect(failures).toMatchObject([{ tag: 'CommandsOverflow' }])
  })
})

describe('G-10 the data lane of an actor', () => {
  test('who offers to a full lane that blocks waits in turn; nobody overtakes', async () => {
    const { actor, address, kernel, take, taken } = start(lane('block', 2 * tickBytes))
    const settled: Array<number> = []
    const offers = [1, 2, 3, 4].map((id) =>
      Effect.runFork(
        Effect.map(address.offer({ type: 'tick', id } as Message), (delivery) => {
          expect(delivery).toBe('delivered')
          settled.push(id)
        })
      )
    )
    await turns()
    expect(settled).toEqual([1, 2])
    // What cannot wait is refused, and told so.
    expect(address.send({ type: 'tick', id: 9 } as Message)).toBe('rejected')
    actor.send({ type: 'tick', id: 9 })
    expect(kernel.facts.read('root').counters).toMatchObject({ offered: 4, refused: 2, queued: 2 })
    await Effect.runPromise(Fiber.interrupt(offers[2]!))
    await take(1)
    expect(settled).toEqual([1, 2, 4])
    await take(2)
    expect(taken.map(nameOf)).toEqual([1, 2, 4])
    const none = { dropped: 0, stashed: 0, spilled: 0 }
    expect(kernel.addresses.counters('root')).toEqual({
      ...none,
      sent: 4,
      delivered: 3,
      rejected: 1
    })
  })

  test.each(['drop_oldest', 'drop_newest', 'conflate'] as const)(
    '%s: ten times what it takes never exceeds the cap, and the counters balance',
    async (policy) => {
      const { actor, kernel, take } = start(lane(policy, 100 * tickBytes))
      for (let id = 0; id < 10_000; id++) {
        actor.send({ type: 'tick', id, symbol: `S${id % 500}` })
        expect(kernel.facts.read('root').queueBytes).toBeLessThanOrEqual(100 * tickBytes)
        if (id % 1_000 === 0) await take(100)
      }
      await take(50)
      const { counters = {} } = kernel.facts.read('root')
      const { taken = 0, dropped = 0, conflated = 0, refused = 0, queued = 0, offered } = counters
      expect(offered).toBe(10_000)
      expect(taken + dropped + conflated + refused + queued).toBe(10_000)
      expect(taken).toBeGreaterThan(800)
    }
  )

  test('who waits for room learns that the program has ended', async () => {
    const { actor, address } = start(lane('block', tickBytes))
    actor.send({ type: 'tick', id: 1 })
    const offer = Effect.runPromise(address.offer({ type: 'tick', id: 2 } as Message))
    await turns()
    actor.stop()
    expect(await offer).toBe('rejected')
  })
})
