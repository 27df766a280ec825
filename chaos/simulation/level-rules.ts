/**
 * What must hold of the level of degradation from one sample to the next, by a reckoning of its
 * own (R33, R34, R38): escalation by the very sample that asks for it, one recovery per cooldown
 * and one level each, none while a signal is not of now or not below its mark; tier 1 taken whole.
 */
import type { Config } from '../../src/adapters/config/config.ts'
import type { DegradationContext } from '../../src/machines/degradation-rules.ts'
import { levels } from '../../src/machines/ingest-policy.ts'
import type { Marks, Reading } from '../../src/machines/pressure-marks.ts'

const circuitBreak = 4

/** Its marks are as simple as its readings: no trend has a say. */
const plain: ReadonlySet<string> = new Set([
  'memory', 'in_flight', 'spool', 'disk', 'circuit', 'injected', 'loop_delay'
])

export class LevelRules {
  readonly #cooldownMs: number
  #rank: number | undefined
  #changedMs = Number.NEGATIVE_INFINITY

  constructor({ cooldownMs }: Pick<Config, 'cooldownMs'>) {
    this.#cooldownMs = cooldownMs
  }

  /** What is wrong with a sample and what was made of it; undefined where nothing is. */
  breachOf(context: DegradationContext): string | undefined {
    const { readings, marks, process, policy } = context
    const { rank, changedMs } = process
    const before = this.#rank
    // The first sample settles the level; a manager that is made anew settles it again.
    const isSettling = changedMs !== null && isSettled(context)
    const wasChangedMs = this.#changedMs
    this.#rank = rank
    if (before !== rank || isSettling) this.#changedMs = changedMs ?? wasChangedMs
    if (policy === null) return 'a sample has led to no command'
    if (policy.level !== levels[rank]) return `${levels[rank]} commands as ${policy.level}`
    const expected = rank === circuitBreak ? 0 : 1
    if (policy.tradesTaken[1] !== expected) return `tier 1 is taken by ${policy.tradesTaken[1]}`
    for (const reading of readings) {
      const asked = plain.has(reading.signal) ? askedBy(reading, marks[reading.signal]) : 0
      if (rank < asked) return `${told(reading)} asks for ${levels[asked]}, not ${levels[rank]}`
    }
    if (before === undefined || isSettling || rank >= before) return undefined
    if (rank !== before - 1) return `recovers from ${levels[before]} to ${levels[rank]} at once`
    const restMs = changedMs! - wasChangedMs
    if (restMs < this.#cooldownMs) {
      return `recovers after ${restMs.toFixed(0)} ms, within a cooldown of ${this.#cooldownMs}`
    }
    for (const reading of readings) {
      const left = marks[reading.signal].leave
      if (reading.signal === 'resident' || left.every((mark) => mark === null)) continue
      const mark = left[before - 1] ?? Number.POSITIVE_INFINITY
      const pressure = pressureOf(reading)
      if (pressure === undefined || pressure >= mark) {
        return `recovers from ${levels[before]} while ${told(reading)}, to be below ${mark}`
      }
    }
    return undefined
  }
}

const isSettled = ({ changes, process }: DegradationContext): boolean =>
  process.recoveredMs === null && changes.every(({ kind }) => kind === 'settled')

/** Undefined where it is not of now. */
const pressureOf = ({ value, limit, state }: Reading): number | undefined => {
  if (state !== 'fresh' || value === null) return undefined
  return limit === null ? value : value / limit
}

const askedBy = (reading: Reading, { enter }: Marks): number => {
  const pressure = pressureOf(reading)
  if (pressure === undefined) return 0
  return enter.findLastIndex((mark) => mark !== null && pressure >= mark) + 1
}

const told = ({ signal, value, limit, state }: Reading): string =>
  `${signal} is ${value}${limit === null ? '' : ` of ${limit}`} (${state})`
