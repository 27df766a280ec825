/**
 * A supervised tree on a simulated clock, and the promise that nothing of it reaches the process.
 *
 * 1. A test in which anything surfaces as uncaught fails.
 * 2. Simulated time stands still unless the test moves it; `turns` lets fibers go on meanwhile.
 */
import { Effect, Layer, ManagedRuntime, Queue } from 'effect'
import { afterEach, beforeEach, expect } from 'vitest'
import { createActor, SimulatedClock } from 'xstate'
import { makeFromEffect } from '../../../src/actors/effect-actor.ts'
import { makeInspector, type Transition } from '../../../src/actors/inspector.ts'
import { type KernelEvent, makeKernel } from '../../../src/actors/kernel.ts'
import { tracked } from '../../../src/actors/resource-registry.ts'
import { actorAt, findActor, readStatus } from '../../../src/actors/status.ts'
import { type Child, worker } from '../../../src/actors/supervisor-actor.ts'
import type { ChildSpecOptions, SupervisorOutput } from '../../../src/machines/supervisor-spec.ts'

const escaped: Array<unknown> = []
const note = (error: unknown) => void escaped.push(error)

export const nothingEscapes = (): void => {
  beforeEach(() => {
    escaped.length = 0
    process.on('uncaughtException', note)
    process.on('unhandledRejection', note)
  })
  afterEach(async () => {
    await turns()
    process.off('uncaughtException', note)
    process.off('unhandledRejection', note)
    expect(escaped).toEqual([])
  })
}

/** Lets fibers and promises that can go on, go on; simulated time stands still. */
export const turns = async (count = 4) => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** Without jitter, so that delays can be told exactly. */
export const backoff = { msMin: 100, msMax: 1_000, factor: 2, jitterRatio: 0, upMsMin: 5_000 }

type HolderCommand = {
  readonly type: 'crash.requested' | 'complete.requested' | 'drain.requested'
}

interface WorldOptions {
  readonly seed?: number
  readonly observe?: (transition: Transition) => void
}

export const makeWorld = ({ seed = 7, observe = () => {} }: WorldOptions = {}) => {
  const clock = new SimulatedClock()
  const events: Array<KernelEvent> = []
  const nowMs = () => clock.now()
  const kernel = makeKernel({ nowMs, seed, observe: (event) => events.push(event) })
  const runtime = ManagedRuntime.make(Layer.empty)
  const fromEffect = makeFromEffect(runtime, { kernel, commandsMax: 16, releaseMsMax: 5_000 })
  const inspector = makeInspector({ nowMs, transitionsMax: 100, observe })
  const log: Array<string> = []
  /** A worker that holds one socket, says that it is ready and crashes or completes on command. */
  const holder = (
    id: string,
    options: Partial<ChildSpecOptions> = {},
    release: (run: number) => Effect.Effect<void> = () => Effect.void
  ): Child => {
    let runs = 0
    const logic = fromEffect<void, unknown, unknown, HolderCommand>(
      ({ commands, ready }) =>
        Effect.gen(function* () {
          const run = ++runs
          yield* tracked(`socket ${id}`, 'socket')(
            Effect.sync(() => log.push(`open ${id}`)),
            () =>
              Effect.andThen(
                release(run),
                Effect.sync(() => log.push(`close ${id}`))
              )
          )
          ready()
          const { type } = yield* Queue.take(commands)
          if (type === 'crash.requested') {
            yield* Effect.fail({ _tag: 'Dropped', message: `${id} dropped` })
          }
          if (type === 'drain.requested') log.push(`drain ${id}`)
        }),
      options.shutdownMsMax === undefined ? {} : { releaseMsMax: options.shutdownMsMax }
    )
    return worker({ id, backoff, ...options }, logic)
  }
  const start = (child: Child) => {
    const root = createActor(child.logic, {
      id: child.spec.id,
      input: child.spec.input,
      clock,
      inspect: inspector.inspect
    })
    const outputs: Array<SupervisorOutput> = []
    root.subscribe({
      next: ({ status, output }) => status === 'done' && outputs.push(output),
      error: note
    })
    root.start()
    const status = () => readStatus(root, { kernel, inspector })
    const crash = (path: string) => actorAt(root, path)?.send({ type: 'crash.requested' })
    return { crash, outputs, root, status, at: (path: string) => findActor(status().root, path) }
  }
  /** Moves time in steps, letting fibers go on between them. */
  const pass = async (ms: number, stepMs = 100) => {
    for (let passed = 0; passed < ms; passed += stepMs) {
      clock.increment(Math.min(stepMs, ms - passed))
      await turns()
    }
  }
  return { clock, events, fromEffect, holder, inspector, kernel, log, pass, start }
}
