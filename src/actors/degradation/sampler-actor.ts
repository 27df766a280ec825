/**
 * Program of the actor `degradation/sampler`: measures every signal of pressure each interval, and
 * tells the manager.
 *
 * 1. Each signal has a deadline of its own: one that hangs delays none of the others for longer.
 * 2. A measurement that is older than three intervals is stale; of a signal that is measured more
 *    rarely, three of its own.
 * 3. The first sample is taken at once: before it nothing is commanded (R39).
 */
import * as Effect from 'effect/Effect'
import type * as Scope from 'effect/Scope'
import type { DegradationEvent } from '../../machines/degradation-machine.ts'
import { nameOf, type Reading, signals } from '../../machines/pressure-marks.ts'
import type { EffectActorArgs } from '../effect-actor.ts'
import type { Host } from '../host.ts'
import type { CurrentActor } from '../resource-registry.ts'
import { drainRequested, type Shared } from '../shared.ts'
import { type Measured, type Monitors, type SignalSource, signalSources } from './signal-sources.ts'

const deadlineMsMax = 500
const staleIntervals = 3

export interface SamplerPorts {
  /** Of this process; closed with the program. */
  readonly openMonitors: Effect.Effect<Monitors, never, CurrentActor | Scope.Scope>
  readonly tell: (event: DegradationEvent) => void
}

export const samplerProgram =
  (shared: Shared, { openMonitors, tell }: SamplerPorts) =>
  ({ commands, ready, reportStatus }: EffectActorArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const { config, telemetry, degradation, host } = shared
      const { steadyMs } = host
      const sources = signalSources(shared, yield* openMonitors)
      const sampler = makeSampler(sources, { intervalMs: config.degradationMs, steadyMs })
      telemetry.log('info', 'pressure.signals', {
        signals: sources.map(nameOf),
        absent: signals.filter((signal) => sources.every((source) => source.signal !== signal))
      })
      const counts = { samples: 0, missed: 0 }
      reportStatus(() => ({ counters: { ...counts } }))
      const sample = Effect.map(sampler, ({ readings, missed }) => {
        counts.samples += 1
        counts.missed += missed
        const { held } = degradation
        tell({
          type: 'pressure.sampled',
          atMs: steadyMs(),
          readings,
          ...(held === undefined ? {} : { held })
        })
      })
      yield* sample // (3)
      ready()
      yield* Effect.raceFirst(
        Effect.forever(Effect.andThen(Effect.sleep(config.degradationMs), sample)),
        drainRequested(commands)
      )
    })

interface Sampled {
  readonly readings: readonly Reading[]
  /** Signals that did not say anything by their deadline. */
  readonly missed: number
}

/** One sample of all sources, at their ages. */
export const makeSampler = (
  sources: readonly SignalSource[],
  { intervalMs, steadyMs }: { readonly intervalMs: number } & Pick<Host, 'steadyMs'>
): Effect.Effect<Sampled> => {
  const last = new Map<string, Measured & { readonly atMs: number }>()
  const deadlineMs = Math.min(deadlineMsMax, intervalMs / 2)
  const late = Symbol('late')
  const measure = (source: SignalSource) =>
    source.read.pipe(
      Effect.timeoutOrElse({ duration: deadlineMs, orElse: () => Effect.succeed(late) }), // (1)
      Effect.map((measured) => {
        if (typeof measured === 'object') {
          last.set(nameOf(source), { ...measured, atMs: measured.atMs ?? steadyMs() })
        }
        return measured === late
      })
    )
  return Effect.map(
    Effect.forEach(sources, measure, { concurrency: 'unbounded' }),
    (outcomes) => {
      const nowMs = steadyMs()
      return {
        readings: sources.map((source) =>
          readingOf(source, last.get(nameOf(source)), { nowMs, intervalMs })
        ),
        missed: outcomes.filter((isLate) => isLate).length
      }
    }
  )
}

const readingOf = (
  { signal, dataType, everyMs = 0 }: SignalSource,
  measured: (Measured & { readonly atMs: number }) | undefined,
  { nowMs, intervalMs }: { readonly nowMs: number; readonly intervalMs: number }
): Reading => {
  const key = dataType === undefined ? { signal } : { signal, dataType }
  if (measured === undefined) {
    return { ...key, value: null, limit: null, unit: 'share', ageMs: null, state: 'unknown' }
  }
  const { value, limit, unit, atMs, hasCaughtUp } = measured
  const ageMs = Math.max(0, nowMs - atMs)
  const isStale = ageMs > staleIntervals * Math.max(intervalMs, everyMs) // (2)
  return {
    ...key,
    value,
    limit,
    unit,
    ageMs,
    state: isStale ? 'stale' : 'fresh',
    ...(hasCaughtUp === undefined ? {} : { hasCaughtUp })
  }
}
