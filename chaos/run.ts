/**
 * One run of a scenario: warm-up, faults, heal, quiet, verdict.
 *
 * 1. Healing is unconditional: every fault of the scenario is undone, whatever has happened, and
 *    K2 must say that it is well before the verdict.
 * 2. Quiet: the capturing process drains while the exchange still runs, then the landers; nothing
 *    is on its way any more when the table is looked at.
 * 3. The verdict is the oracle's, which does not ask K2; a process that ended by itself, or did not
 *    drain, is a fault as well.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { ChaosFlags } from './flags.ts'
import type { Fault } from './faults.ts'
import type { Lab } from './lab.ts'
import { type Random, randomFrom } from './random.ts'
import { type Scenario, scenarios } from './scenarios.ts'
import type { Timeline } from './timeline.ts'

const warmUpRows = 1_000
const warmUpMsMax = 120_000
const drainedMsMax = 300_000
const pollMs = 500

export interface RunReport {
  readonly strikes: number
  readonly strikesByFault: Readonly<Record<string, number>>
  /** From the heal until K2 said that it is well, ms. */
  readonly recoveryMs: number
  /** What went wrong beside the data, in words. */
  readonly problems: readonly string[]
}

export const runFaults = async (
  lab: Lab,
  flags: ChaosFlags,
  timeline: Timeline
): Promise<RunReport> => {
  const scenario: Scenario = scenarios[flags.scenario]
  const random = randomFrom(flags.seed)
  const strikesByFault: Record<string, number> = {}
  await landed(lab, warmUpRows)
  timeline.note('warmed up')
  try {
    await strikes({ lab, scenario, random, timeline, strikesByFault }, flags)
  } finally {
    for (const fault of new Set(scenario.faults)) await fault.heal(lab) // (1)
  }
  const healedMs = Date.now()
  timeline.note('healed')
  await lab.ready()
  const recoveryMs = Date.now() - healedMs
  timeline.note('K2 is well', { recoveryMs })
  const problems = await quiet(lab, timeline)
  return {
    strikes: Object.values(strikesByFault).reduce((sum, count) => sum + count, 0),
    strikesByFault,
    recoveryMs,
    problems: [...lab.k2s.flatMap(({ unexpectedEnds }) => unexpectedEnds), ...problems]
  }
}

interface Striking {
  readonly lab: Lab
  readonly scenario: Scenario
  readonly random: Random
  readonly timeline: Timeline
  readonly strikesByFault: Record<string, number>
}

const strikes = async (striking: Striking, flags: ChaosFlags): Promise<void> => {
  const { scenario, random, strikesByFault } = striking
  const strikesMax = flags.strikes ?? scenario.strikes ?? Number.POSITIVE_INFINITY
  const deadline = Date.now() + flags.minutes * 60_000
  for (let count = 0; count < strikesMax && Date.now() < deadline; count += 1) {
    const fault = random.pick(scenario.faults)
    strikesByFault[fault.name] = (strikesByFault[fault.name] ?? 0) + 1
    await strikeOnce(fault, striking, deadline)
    await delay(random.between(...scenario.restMs))
  }
}

const strikeOnce = async (
  fault: Fault,
  { lab, random, timeline }: Striking,
  deadline: number
): Promise<void> => {
  const holdMs = Math.round(random.between(...fault.holdMs))
  timeline.note(`strike ${fault.name}`, { holdMs })
  await fault.strike(lab, random)
  await delay(Math.max(0, Math.min(holdMs, deadline - Date.now())))
  await fault.heal(lab)
  timeline.note(`undone ${fault.name}`)
}

/** Waits until so many rows have landed since the landers were started. */
const landed = async (lab: Lab, rows: number): Promise<void> => {
  const deadline = Date.now() + warmUpMsMax
  for (;;) {
    const counts = await Promise.all(lab.landers.map((k2) => k2.metric('k2_landed_records')))
    const sum = counts.reduce<number>((total, count) => total + (count ?? 0), 0)
    if (sum >= rows) return
    if (Date.now() > deadline) throw new Error(`only ${sum} rows landed in ${warmUpMsMax} ms`)
    await delay(pollMs)
  }
}

/** (2) */
const quiet = async (lab: Lab, timeline: Timeline): Promise<readonly string[]> => {
  const problems: string[] = []
  const [serve, landers] = [lab.k2s.filter(({ name }) => name === 'serve'), lab.landers]
  for (const k2 of [lab.ingest, ...landers, ...serve]) {
    const ended = await Promise.race([
      k2.end('SIGINT'),
      delay(drainedMsMax, undefined, { ref: false })
    ])
    if (ended?.code !== 0) {
      const how = ended === undefined ? `has not within ${drainedMsMax} ms` : JSON.stringify(ended)
      problems.push(`${k2.name} should have drained and ended with 0: ${how}`)
    }
    timeline.note(`${k2.name} has drained`, { code: ended?.code })
    if (k2 === lab.ingest) await lab.exchange.end('SIGINT')
  }
  return problems
}
