/**
 * Program of the actor `conservation`: checks every second that no record has disappeared (R16),
 * and says so when one has, to whoever reads the log, the metrics or the API.
 *
 * 1. It stops last, and checks once more then: what the others have done at their end counts.
 * 2. Of many equations that begin to fail at once, the first few are named in the log, and the rest
 *    counted: the API names all.
 */
import * as Effect from 'effect/Effect'
import { type Broken, type Checked, equationNames } from '../../machines/conservation.ts'
import type { EffectActorArgs } from '../effect-actor.ts'
import { drainRequested, type Shared } from '../shared.ts'
import { measureConservation } from './measure-conservation.ts'
import { equationsOf, factsOf } from './equations.ts'

const checkMs = 1_000
const namedMax = 10

export const conservationProgram =
  (shared: Shared) =>
  ({ commands, ready, reportStatus }: EffectActorArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const { conservation } = shared
      reportStatus(() => ({
        counters: {
          checks: conservation.checks,
          equations: conservation.current.equations.length,
          broken: conservation.current.broken.size
        }
      }))
      const checking = Effect.sync(() => checkConservation(shared))
      yield* checking
      ready()
      yield* Effect.raceFirst(
        Effect.forever(Effect.andThen(Effect.sleep(checkMs), checking)),
        drainRequested(commands)
      )
      yield* checking // (1)
    })

/** One check, in one turn. */
export const checkConservation = (shared: Shared): void => {
  const { conservation, nowMs, telemetry } = shared
  const atMs = nowMs()
  const checked = conservation.note(equationsOf(shared), atMs)
  measureConservation(telemetry.metrics, checked)
  for (const name of equationNames) report(shared, name, checked, atMs)
}

/** (2) */
const report = (
  { telemetry: { log } }: Shared,
  name: (typeof equationNames)[number],
  { began, mended }: Checked,
  atMs: number
): void => {
  const named = (all: readonly Broken[], tell: (it: Broken, more: object) => void) => {
    const own = all.filter(({ equation }) => equation.name === name)
    for (const [index, it] of own.slice(0, namedMax).entries()) {
      const isLast = index === namedMax - 1 && own.length > namedMax
      tell(it, isLast ? { more: own.length - namedMax } : {})
    }
  }
  named(began, ({ equation }, more) =>
    log('error', 'conservation.broken', { ...factsOf(equation), ...more })
  )
  named(mended, ({ equation, sinceMs }, more) =>
    log('info', 'conservation.restored', {
      ...factsOf(equation),
      broken_ms: atMs - sinceMs,
      ...more
    })
  )
}
