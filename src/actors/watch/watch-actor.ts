/**
 * Program of the actor `watch`: writes what happens into the journal that pages are shown.
 *
 * 1. A frame each second, with a sample; between them one when something has happened, at most one
 *    each `frameMsMin`: a transition is in a frame within that time.
 * 2. Whether anybody watches changes nothing here.
 * 3. It stops nearly last, and once more says what has happened: how the others ended.
 */
import * as Effect from 'effect/Effect'
import type { AnyActorRef } from 'xstate'
import type { EffectActorArgs } from '../effect-actor.ts'
import type { Inspector } from '../inspector.ts'
import type { Kernel } from '../kernel.ts'
import { drainRequested, type Shared } from '../shared.ts'
import { readActors } from './actor-lines.ts'
import { makeFrames } from './frames.ts'
import { logicOf, machineList } from './machine-list.ts'

const frameMsMin = 100
/** What happens in one turn, and right after it, is told together. */
const gatherMs = 5
const sampleMs = 1_000

export interface WatchSources {
  readonly inspector: Inspector
  readonly root: () => AnyActorRef
}

interface WatchOptions {
  readonly kernel: Kernel
  readonly shared: Shared
  readonly actors: WatchSources
}

export const watchProgram =
  ({ kernel, shared, actors: { inspector, root } }: WatchOptions) =>
  ({ commands, ready, reportStatus }: EffectActorArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const { watch, host } = shared
      watch.machines = machineList(logicOf(root()))
      const reading = { kernel, inspector, machines: watch.machines }
      const { next, lines } = makeFrames(shared, {
        actors: () => readActors(root(), reading),
        factsOf: (path) => kernel.facts.read(path)
      })
      watch.lines = lines
      reportStatus(() => ({
        counters: {
          frames: watch.journal.seq,
          keptBytes: watch.journal.bytes,
          viewers: watch.viewers.count
        }
      }))
      let sampleAtMs = host.monotonicMs()
      const push = (hasSample: boolean): void => {
        const frame = next(hasSample)
        if (frame !== undefined) watch.push(frame)
      }
      const tick = Effect.sync(() => {
        const nowMs = host.monotonicMs()
        const isDue = nowMs >= sampleAtMs
        // What was missed is not made up for.
        if (isDue) sampleAtMs = Math.max(sampleAtMs + sampleMs, nowMs)
        push(isDue)
      })
      const news = Effect.suspend(() => watch.news).pipe(Effect.andThen(Effect.sleep(gatherMs)))
      const rest = Effect.suspend(() => Effect.sleep(Math.max(0, sampleAtMs - host.monotonicMs())))
      yield* tick
      ready()
      yield* Effect.raceFirst(
        Effect.sleep(frameMsMin).pipe(
          Effect.andThen(Effect.raceFirst(news, rest)),
          Effect.andThen(tick),
          Effect.forever
        ),
        drainRequested(commands)
      )
      yield* Effect.sync(() => push(true)) // (3)
    })
