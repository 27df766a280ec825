/** Samples for the degradation machine, and the path that it takes over them. */
import { initialTransition, transition } from 'xstate'
import { degradationInput } from '../../../src/actors/degradation/degradation-input.ts'
import { readConfig } from '../../../src/adapters/config/config.ts'
import { degradationMachine } from '../../../src/machines/degradation-machine.ts'
import type {
  DegradationContext,
  DegradationInput,
  Held
} from '../../../src/machines/degradation-rules.ts'
import type { Level } from '../../../src/machines/ingest-policy.ts'
import { nameOf, type Reading, type SignalKey } from '../../../src/machines/pressure-marks.ts'

export const allSignals: readonly SignalKey[] = [
  { signal: 'memory' },
  { signal: 'resident' },
  { signal: 'lag', dataType: 'trades' },
  { signal: 'lag', dataType: 'quotes' },
  { signal: 'in_flight', dataType: 'trades' },
  { signal: 'spool' },
  { signal: 'disk' },
  { signal: 'retention' },
  { signal: 'loop_delay' },
  { signal: 'circuit', dataType: 'trades' },
  { signal: 'injected' }
]

export const presets = degradationInput(readConfig({}, []), allSignals)
export const cooldownMs = presets.cooldownMs

const unlimited = new Set(['lag', 'loop_delay', 'circuit'])

/** By name, as `pressureOf` compares; null is unknown, `stale` is from before. */
export type Pressures = Readonly<Record<string, number | null | 'stale'>>

/** Readings of all declared signals; what is not named is at rest. */
export const readingsOf = (
  pressures: Pressures,
  keys: readonly SignalKey[] = allSignals
): readonly Reading[] =>
  keys.map((key) => {
    const given = pressures[nameOf(key)] ?? (nameOf(key) in pressures ? null : 0)
    const limit = unlimited.has(key.signal) ? null : 1
    const base = { ...key, limit, unit: 'share' as const }
    if (given === null) return { ...base, value: null, ageMs: null, state: 'unknown' }
    if (given === 'stale') return { ...base, value: 0, ageMs: 10_000, state: 'stale' }
    return { ...base, value: given, ageMs: 0, state: 'fresh' }
  })

export interface Run {
  readonly level: () => Level
  readonly context: () => DegradationContext
  /** One sample; by default a second after the last one. */
  readonly sample: (pressures: Pressures, options?: SampleOptions) => Level
  readonly atMs: () => number
}

interface SampleOptions {
  readonly afterMs?: number
  readonly held?: Held
  /** Of readings of lag. */
  readonly hasCaughtUp?: boolean
}

/** The machine, one pure transition after the other. */
export const runOf = (changes: Partial<DegradationInput> = {}): Run => {
  const input = { ...presets, ...changes }
  let [snapshot] = initialTransition(degradationMachine, input)
  let atMs = 1_000_000
  return {
    level: () => snapshot.value as Level,
    context: () => snapshot.context,
    atMs: () => atMs,
    sample: (pressures, { afterMs = 1_000, held, hasCaughtUp = true } = {}) => {
      atMs += afterMs
      const readings = readingsOf(pressures, input.signals).map((reading) =>
        reading.signal === 'lag' ? { ...reading, hasCaughtUp } : reading
      )
      ;[snapshot] = transition(degradationMachine, snapshot, {
        type: 'pressure.sampled',
        atMs,
        readings,
        ...(held === undefined ? {} : { held })
      })
      return snapshot.value as Level
    }
  }
}
