/**
 * Signals of pressure, and the marks at which each raises the level or lets it down (R33). Pure.
 *
 * 1. What is compared with marks is a share of the limit where there is one, else the value itself.
 * 2. A level of a signal is entered at its enter mark, and left below its leave mark, which is the
 *    lower of the two.
 * 3. A mark that is null is reached by no value: by that signal there is no such level.
 */
import type { StreamedDataType } from '../market/data-type.ts'

export const signals = [
  'memory',
  'resident',
  'lag',
  'in_flight',
  'spool',
  'disk',
  'retention',
  'loop_delay',
  'circuit',
  'injected'
] as const

export type Signal = (typeof signals)[number]

/** What is measured per data type acts on that type; trades act on all (R34). */
export interface SignalKey {
  readonly signal: Signal
  readonly dataType?: StreamedDataType
}

export interface Reading extends SignalKey {
  /** Null while nothing is known. */
  readonly value: number | null
  readonly limit: number | null
  readonly unit: 'bytes' | 'records' | 'seconds' | 'share'
  /** Since it was measured; null where it never was. */
  readonly ageMs: number | null
  readonly state: 'fresh' | 'stale' | 'unknown'
  /** Of lag: whether the lander had caught up once since its (re)start (R25). */
  readonly hasCaughtUp?: boolean
}

/** Of the four levels above normal, in order. */
export interface Marks {
  readonly enter: readonly (number | null)[]
  readonly leave: readonly (number | null)[]
}

export type MarksBySignal = Readonly<Record<Signal, Marks>>

/** Of a level, 0 (normal) to 4 (circuit break). */
export type Rank = 0 | 1 | 2 | 3 | 4

export const nameOf = ({ signal, dataType }: SignalKey): string =>
  dataType === undefined ? signal : `${signal}:${dataType}`

/** (1) Null where the reading is not of now. */
export const pressureOf = ({ value, limit, state }: Reading): number | null => {
  if (state !== 'fresh' || value === null) return null
  if (limit === null) return value
  return limit > 0 ? value / limit : Infinity
}

/** The worst level whose enter mark is reached. */
export const entered = (pressure: number, { enter }: Marks): Rank =>
  enter.filter((mark) => mark !== null && pressure >= mark).length as Rank

/** The mark at which a level is entered, as `pressureOf` compares. */
export const enterMark = ({ enter }: Marks, rank: Rank): number | null => enter[rank - 1] ?? null

/** The mark below which a level is left. */
export const leaveMark = ({ leave }: Marks, rank: Rank): number | null => leave[rank - 1] ?? null

/** (2) The level that one signal is at by itself: up at once, down below each leave mark. */
export const rankAfter = (rank: Rank, pressure: number, marks: Marks): Rank => {
  const up = entered(pressure, marks)
  let held: Rank = rank
  while (held > up && pressure < (leaveMark(marks, held) ?? Infinity)) held = (held - 1) as Rank
  return held > up ? held : up
}
