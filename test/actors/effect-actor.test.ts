import { Context, Deferred, Effect, Layer, ManagedRuntime, Queue, Schema } from 'effect'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type AnyActorLogic,
  type AnyActorRef,
  createActor,
  type EventObject,
  setup,
  SimulatedClock,
  waitFor
} from 'xstate'
import {
  CommandsOverflow,
  makeFromEffect,
  type ProgramArgs
} from '../../src/actors/effect-actor.ts'
import { type Kernel, type KernelEvent, makeKernel } from '../../src/actors/kernel.ts'
import { tracked } from '../../src/actors/resource-registry.ts'
import { ActorCrashed } from '../../src/machines/supervisor-crash.ts'

class BrokerUnavailable extends Schema.TaggedError<BrokerUnavailable>()('BrokerUnavailable', {
  broker: Schema.String
}) {
  readonly isDependency = true
}

class Clicks extends Context.Service<Clicks, { readonly log: Array<string> }>()('test/Clicks') {
  static readonly layer = Layer.sync(Clicks, () => Clicks.of({ log: [] }))
}

const escaped: Array<unknown> = []
const note = (error: unknown) => void escaped.push(error)
beforeEach(() => {
  escaped.length = 0
  process.on('uncaughtException', note)
  process.on('unhandledRejection', note)
})
/**
 * Two turns of the event loop: where a stray rejection or a rethrow from a 0 ms timer would show.
 */
const turns = async () => {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 0))
}
afterEach(async () => {
  await turns()
  process.off('uncaughtException', note)
  process.off('unhandledRejection', note)
  expect(escaped).toEqual([])
})

const setupBridge = () => {
  const events: Array<KernelEvent> = []
  const clock = new SimulatedClock()
  const kernel = makeKernel({
    nowMs: () => clock.now(),
    seed: 1,
    observe: (event) => events.push(event)
  })
  const runtime = ManagedRuntime.make(Clicks.layer)
  const fromEffect = makeFromEffect(runtime, { kernel, commandsMax: 4, releaseMsMax: 1_000 })
  return { clock, events, fromEffect, kernel, runtime }
}

/** Resolves with the first error of an actor. */
const errorOf = (actor: AnyActorRef) =>
  new Promise<ActorCrashed>((resolve) =>
    actor.subscribe({ error: (error) => resolve(error as ActorCrashed) })
  )

const held = (kernel: Kernel) =>
  kernel.registry.snapshot().map(({ name, isLeaked }) => `${name}${isLeaked ? ' leaked' : ''}`)

describe('every failure arrives as one crash', () => {
  const cases: ReadonlyArray<
    readonly [
      string,
      (clicks: typeof Clicks) => Effect.Effect<unknown, unknown, any>,
      string,
      boolean
    ]
  > = [
    [
      'typed failure',
      () => Effect.fail(new BrokerUnavailable({ broker: 'b1' })),
      'BrokerUnavailable',
      true
    ],
    ['defect', () => Effect.die(new TypeError('bug')), 'TypeError', false],
    [
      'throw inside',
      () =>
        Effect.sync(() => {
          throw new RangeError('inside')
        }),
      'RangeError',
      false
    ],
    [
      'throw in construction',
      () => {
        throw new RangeError('constructing')
      },
      'RangeError',
      false
    ],
    [
      'rejected promise',
      () => Effect.promise(() => Promise.reject(new RangeError('later'))),
      'RangeError',
      false
    ],
    ['string thrown', () => Effect.die('text'), 'UnknownFailure', false],
    ['null thrown', () => Effect.die(null), 'UnknownFailure', false],
    ['interruption from inside', () => Effect.interrupt, 'Interrupted', false],
    [
      'unreadable value',
      () =>
        Effect.die(
          new Proxy(
            {},
            {
              get: () => {
                throw new Error('trap')
              }
            }
          )
        ),
      'UnreadableFailure',
      false
    ],
    [
      'throw in a finalizer after success',
      () =>
        Effect.addFinalizer(() =>
          Effect.sync(() => {
            throw new RangeError('closing')
          })
        ),
      'RangeError',
      false
    ],
    [
      'failed layer use',
      (clicks) => clicks.use(() => Effect.fail({ _tag: 'Refused', dependency: true })),
      'Refused',
      true
    ]
  ]
  test.each(cases)('%s', async (_, program, tag, isDependency) => {
    const { fromEffect, kernel } = setupBridge()
    const actor = createActor(fromEffect(() => program(Clicks)))
    const failed = errorOf(actor)
    actor.start()
    const crash = await failed
    expect(crash).toBeInstanceOf(ActorCrashed)
    expect({ tag: crash.tag, isDependency: crash.isDependency }).toEqual({ tag, isDependency })
    await turns()
    expect(held(kernel)).toEqual([])
  })

  test('a layer that cannot be built', async () => {
    const { kernel } = setupBridge()
    const broken = ManagedRuntime.make(
      Layer.effect(Clicks, Effect.fail(new BrokerUnavailable({ broker: 'x' })))
    )
    const fromEffect = makeFromEffect(broken, { kernel, commandsMax: 4, releaseMsMax: 1_000 })
    const actor = createActor(
      fromEffect(() => Clicks.use((clicks) => Effect.succeed(clicks.log.length)))
    )
    const failed = errorOf(actor)
    actor.start()
    expect((await failed).tag).toBe('BrokerUnavailable')
  })

  test('a disposed runtime', async () => {
    const { fromEffect, runtime } = setupBridge()
    await runtime.dispose()
    const actor = createActor(fromEffect(() => Effect.void))
    const failed = errorOf(actor)
    actor.start()
    expect(await failed).toBeInstanceOf(ActorCrashed)
  })

  test('a finalizer throws after a failure: it is observed, the failure is the crash', async () => {
    const { events, fromEffect } = setupBridge()
    const actor = createActor(
      fromEffect(() =>
        Effect.andThen(
          Effect.addFinalizer(() => Effect.die(new RangeError('closing'))),
          Effect.fail(new BrokerUnavailable({ broker: 'b1' }))
        )
      )
    )
    const failed = errorOf(actor)
    actor.start()
    expect((await failed).tag).toBe('BrokerUnavailable')
    await turns()
    expect(events).toMatchObject([{ type: 'release.failed', tag: 'RangeError' }])
  })

  test('a callback that throws once its program has ended is observed', async () => {
    const { events, fromEffect } = setupBridge()
    let callback = () => {}
    const actor = createActor(
      fromEffect(({ contain }: ProgramArgs<unknown, EventObject, EventObject>) =>
        Effect.sync(() => {
          callback = contain(() => {
            throw new RangeError('late')
          })
        })
      ),
      { input: undefined }
    ).start()
    await waitFor(actor, ({ status }) => status === 'done')
    callback()
    expect(events).toMatchObject([{ type: 'callback.failed', tag: 'RangeError', message: 'late' }])
  })

  test('an observer of the kernel that throws changes nothing', async () => {
    const kernel = makeKernel({
      nowMs: () => 0,
      seed: 1,
      observe: () => {
        throw new Error('observer')
      }
    })
    const fromEffect = makeFromEffect(ManagedRuntime.make(Layer.empty), {
      kernel,
      commandsMax: 1,
      releaseMsMax: 10
    })
    const actor = createActor(fromEffect(() => Effect.never))
    const failed = errorOf(actor)
    actor.start()
    actor.send({ type: 'a.requested' })
    actor.send({ type: 'b.requested' })
    expect((await failed).tag).toBe('CommandsOverflow')
  })
})

describe('release', () => {
  test('a failure is reported before its release has ended', async () => {
    const { fromEffect, kernel } = setupBridge()
    const gate = Deferred.makeUnsafe<void>()
    const actor = createActor(
      fromEffect(() =>
        Effect.andThen(
          tracked('socket 1', 'socket')(Effect.void, () => Deferred.await(gate)),
          Effect.fail(new BrokerUnavailable({ broker: 'b1' }))
        )
      )
    )
    const failed = errorOf(actor)
    actor.start()
    await failed
    expect(held(kernel)).toEqual(['program', 'socket 1'])
    Effect.runSync(Deferred.succeed(gate, undefined))
    await turns()
    expect(held(kernel)).toEqual([])
  })

  test('a release that hangs is a leak by name, the successor starts at the deadline', async () => {
    const { clock, events, fromEffect, kernel } = setupBridge()
    const opened: Array<number> = []
    const gate = Deferred.makeUnsafe<void>()
    const client = fromEffect(() =>
      Effect.andThen(
        tracked('client', 'client')(Effect.sync(() => opened.push(opened.length + 1)), (id) =>
          id === 1 ? Deferred.await(gate) : Effect.void
        ),
        Effect.never
      )
    )
    const actor = restartable(client, clock)
    expect(opened).toEqual([1])
    actor.send({ type: 'restart' })
    await turns()
    clock.increment(999)
    await turns()
    expect(opened).toEqual([1])
    clock.increment(1)
    await turns()
    expect(opened).toEqual([1, 2])
    expect(held(kernel).toSorted()).toEqual([
      'client',
      'client leaked',
      'program',
      'program leaked'
    ])
    expect(events).toMatchObject([
      { type: 'resource.leaked', owner: 'x:root/client', name: 'program' },
      { name: 'client' }
    ])
    expect(kernel.registry.audit(new Set(['x:root/client']))).toEqual([])
    Effect.runSync(Deferred.succeed(gate, undefined))
    await turns()
    expect(held(kernel)).toEqual(['program', 'client'])
    actor.stop()
    await turns()
    expect(held(kernel)).toEqual([])
    expect(kernel.registry.leakCount()).toBe(2)
  })

  test('a program that cannot be interrupted is a leak too', async () => {
    const { clock, fromEffect, kernel } = setupBridge()
    const actor = createActor(fromEffect(() => Effect.uninterruptible(Effect.never)), { clock })
    actor.start()
    actor.stop()
    clock.increment(1_000)
    expect(held(kernel)).toEqual(['program leaked'])
  })

  test('a successor waits for its predecessor, also when the parent was restarted', async () => {
    const { clock, fromEffect } = setupBridge()
    const log: Array<string> = []
    let count = 0
    const gates = [Deferred.makeUnsafe<void>(), Deferred.makeUnsafe<void>()]
    const client = fromEffect(() =>
      Effect.suspend(() => {
        const id = count++
        const gate = gates[id]
        return Effect.andThen(
          Effect.acquireRelease(
            Effect.sync(() => log.push(`open ${id}`)),
            () =>
              Effect.andThen(
                gate === undefined ? Effect.void : Deferred.await(gate),
                Effect.sync(() => log.push(`close ${id}`))
              )
          ),
          Effect.never
        )
      })
    )
    const parent = setup({ actors: { client } }).createMachine({
      invoke: { src: 'client', id: 'client' }
    })
    const actor = restartable(parent, clock)
    actor.send({ type: 'restart' })
    await turns()
    expect(log).toEqual(['open 0'])
    for (const gate of gates) Effect.runSync(Deferred.succeed(gate, undefined))
    await turns()
    expect(log).toEqual(['open 0', 'close 0', 'open 1'])
  })

  test('success is reported after the release, at the latest at its deadline', async () => {
    const { clock, fromEffect, kernel } = setupBridge()
    const actor = createActor(
      fromEffect(() => Effect.as(tracked('file', 'file')(Effect.void, () => Effect.never), 42)),
      { clock }
    )
    actor.start()
    await turns()
    expect(actor.getSnapshot().status).toBe('active')
    clock.increment(1_000)
    expect(actor.getSnapshot()).toMatchObject({ status: 'done', output: 42 })
    expect(held(kernel)).toEqual(['program leaked', 'file leaked'])
  })

  test('an acquisition that fails holds nothing', async () => {
    const { fromEffect, kernel } = setupBridge()
    const actor = createActor(
      fromEffect(() =>
        Effect.andThen(
          Effect.ignore(tracked('socket', 'socket')(Effect.fail('refused'))),
          Effect.never
        )
      )
    )
    actor.start()
    await turns()
    expect(held(kernel)).toEqual(['program'])
    actor.stop()
  })
})

describe('commands and notices', () => {
  test('commands arrive in order, overflow crashes the actor', async () => {
    const { fromEffect } = setupBridge()
    type Command = { readonly type: 'partition.paused'; readonly index: number }
    const taken: Array<number> = []
    const actor = createActor(
      fromEffect<void, never, unknown, Command>(({ commands }) =>
        Effect.gen(function* () {
          for (let count = 0; count < 3; count++) taken.push((yield* Queue.take(commands)).index)
          yield* Effect.never
        })
      )
    )
    const failed = errorOf(actor)
    actor.start()
    for (let index = 0; index < 3; index++) actor.send({ type: 'partition.paused', index })
    await turns()
    expect(taken).toEqual([0, 1, 2])
    for (let index = 3; index < 8; index++) actor.send({ type: 'partition.paused', index })
    const crash = await failed
    expect(crash.cause).toBeInstanceOf(CommandsOverflow)
  })

  test('a command to a program that has ended, and is being released, is no overflow', async () => {
    const { fromEffect } = setupBridge()
    const gate = Deferred.makeUnsafe<void>()
    const actor = createActor(
      fromEffect(() => Effect.addFinalizer(() => Deferred.await(gate))),
      { input: undefined }
    )
    actor.start()
    await turns()
    for (let count = 0; count < 10; count++) actor.send({ type: 'drain.requested' })
    expect(actor.getSnapshot().status).toBe('active')
    Effect.runSync(Deferred.succeed(gate, undefined))
    await turns()
    expect(actor.getSnapshot().status).toBe('done')
  })

  test('notices reach a running parent only', async () => {
    const { clock, fromEffect } = setupBridge()
    const notify: Array<() => void> = []
    let received = 0
    const child = fromEffect(({ notifyParent, ready }) =>
      Effect.suspend(() => {
        notify.push(() => notifyParent({ type: 'feed.subscribed' }), ready)
        return Effect.never
      })
    )
    const machine = setup({
      actors: { child },
      actions: {
        count: () => {
          received += 1
        }
      }
    }).createMachine({
      invoke: { src: 'child', id: 'child' },
      on: { 'feed.subscribed': { actions: 'count' } }
    })
    const actor = createActor(machine, { clock }).start()
    notify.forEach((send) => send())
    expect(received).toBe(1)
    actor.stop()
    notify.forEach((send) => send())
    expect(received).toBe(1)
  })

  test('status facts live as long as the actor', async () => {
    const { fromEffect, kernel } = setupBridge()
    const actor = createActor(
      fromEffect(({ reportStatus }) => {
        reportStatus(() => ({ queueBytes: 7 }))
        return Effect.never
      }),
      { id: 'root' }
    )
    actor.start()
    expect(kernel.facts.read('root')).toEqual({ queueBytes: 7 })
    actor.stop()
    await turns()
    expect(kernel.facts.read('root')).toEqual({})
  })
})

test('output reaches onDone', async () => {
  const { fromEffect } = setupBridge()
  const actor = createActor(
    fromEffect(({ input }: { input: number }) => Effect.succeed(input + 1)),
    { input: 41 }
  ).start()
  await waitFor(actor, ({ status }) => status === 'done')
  expect(actor.getSnapshot().output).toBe(42)
})

function restartable(logic: AnyActorLogic, clock: SimulatedClock) {
  const machine = setup({ actors: { client: logic } }).createMachine({
    initial: 'on',
    states: {
      on: {
        invoke: { src: 'client', id: 'client' },
        on: { restart: { target: 'on', reenter: true } }
      }
    }
  })
  return createActor(machine, { clock, id: 'x:root' }).start()
}
