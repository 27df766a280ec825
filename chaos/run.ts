/**
 * One run of a scenario: warm-up, faults, heal, quiet, verdict.
 *
 * 1. Healing is unconditional: every fault of the scenario is undone, whatever has happened, and
 *    K2 must say that it is well before the verdict.
 * 2. Quiet: while the exchange still runs K2 gets back what it missed, until its ledger says that
 *    nothing is missing. Then the capturing process drains, and the landers; nothing is on its way
 *    any more when the table is looked at, which must have all that was issued since the warm-up.
 * 3. The verdict is the oracle's, which does not ask K2; a process that ended by itself, did not
 *    drain, or logged a crash is a fault as well, and so is a strike that nobody noticed.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { ChaosFlags } from './flags.ts'
import type { Drill } from './drill.ts'
import type { Fault, FaultTarget } from './faults.ts'
import { type Expected, judgeOutput } from './k2-output.ts'
import type { IssueSpan } from './oracle/evidence.ts'
import type { Ended } from './member.ts'
import { type Random, randomFrom } from './random.ts'
import type { Scenario } from './scenarios.ts'
import type { Timeline } from './timeline.ts'
import type { Wholeness } from './wholeness.ts'

const warmUpRows = 1_000
const warmUpMsMax = 120_000
const drainedMsMax = 300_000
const pollMs = 500

/** What a run needs of a lab. */
export interface RunTarget extends FaultTarget {
  readonly k2s: readonly RunMember[]
  readonly ingest: RunMember
  readonly landers: readonly (FaultTarget['landers'][number] & RunMember)[]
  readonly exchange: { readonly end: (signal: NodeJS.Signals) => Promise<Ended> }
  /** Waits until all of K2 says that it does what it is for. */
  readonly ready: () => Promise<void>
  /** Waits until K2 says that nothing is missing. */
  readonly whole: () => Promise<Wholeness>
  /** What the runbook's first look does not show of a fault that strikes; undefined: it does. */
  readonly drill: (drill: Drill) => Promise<string | undefined>
  /** What of its processes' accounts does not balance at the end, in words. */
  readonly imbalances: () => Promise<readonly string[]>
}

interface RunMember {
  readonly name: string
  readonly output: string
  readonly unexpectedEnds: readonly string[]
  readonly end: (signal: NodeJS.Signals) => Promise<Ended>
  readonly metric: (name: string) => Promise<number | undefined>
}

export interface RunReport {
  readonly strikes: number
  readonly strikesByFault: Readonly<Record<string, number>>
  /** From the heal until K2 said that it is well, ms. */
  readonly recoveryMs: number
  /** From then until nothing was missing any more, ms. */
  readonly wholeMs: number
  /** Trades that K2 had missed and got back, by the reason in its ledger. */
  readonly healedTrades: Readonly<Record<string, number>>
  /** What was issued meanwhile must be in the table. */
  readonly whole: IssueSpan
  /** What K2 logged, by event. */
  readonly events: Readonly<Record<string, number>>
  /** What went wrong beside the data, in words. */
  readonly problems: readonly string[]
}

export const runFaults = async (
  lab: RunTarget,
  scenario: Scenario,
  limits: RunLimits,
  timeline: Timeline
): Promise<RunReport> => {
  const random = randomFrom(limits.seed)
  const struck: Struck[] = []
  const blind: string[] = []
  await landed(lab, warmUpRows)
  const fromMs = Date.now()
  timeline.note('warmed up')
  try {
    await strikes({ lab, scenario, random, timeline, struck, blind }, limits)
  } finally {
    await healAll(lab, scenario) // (1)
  }
  const healedMs = Date.now()
  timeline.note('healed')
  await lab.ready()
  const recoveryMs = Date.now() - healedMs
  timeline.note('K2 is well', { recoveryMs })
  const { wholeMs, healed, problems: missing } = await wholeness(lab)
  timeline.note(missing[0] ?? 'nothing is missing any more', { wholeMs, ...healed })
  const whole = { fromMs, toMs: Date.now() }
  const imbalances = await lab.imbalances()
  const undrained = await quiet(lab, timeline)
  const ended = lab.k2s.flatMap(({ unexpectedEnds }) => unexpectedEnds)
  const { events, problems } = judgeOutput(lab.k2s, tracesOf(struck)) // (3)
  return {
    strikes: struck.length,
    strikesByFault: countsOf(struck),
    recoveryMs,
    wholeMs,
    healedTrades: healed,
    whole,
    events,
    problems: [
      ...ended,
      ...missing,
      ...unexplained(healed, struck),
      ...blind,
      ...imbalances,
      ...undrained,
      ...problems
    ]
  }
}

/** What a process has lost track of is not waited for: it would never come. */
const wholeness = async (lab: RunTarget): Promise<Wholeness> =>
  (await lab.imbalances()).length === 0
    ? lab.whole()
    : { wholeMs: 0, healed: {}, problems: ['records do not add up: nothing more was waited for'] }

/** Every hole has a reason, but where the exchange left trades out without a word (R54). */
const unexplained = (
  { unknown = 0 }: Readonly<Record<string, number>>,
  struck: readonly Struck[]
): readonly string[] =>
  unknown === 0 || struck.some(({ fault }) => fault.leavesOut === true)
    ? []
    : [`${unknown} trades were missing without a reason`]

type RunLimits = Pick<ChaosFlags, 'seed' | 'minutes' | 'strikes'>

interface Striking {
  readonly lab: RunTarget
  readonly scenario: Scenario
  readonly random: Random
  readonly timeline: Timeline
  readonly struck: Struck[]
  /** Drills that showed nothing. */
  readonly blind: string[]
}

interface Struck {
  readonly fault: Fault
  readonly fromMs: number
  /** It stayed for as long as it should: the end of the run did not cut it short. */
  readonly isWhole: boolean
}

const countsOf = (struck: readonly Struck[]): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {}
  for (const { fault } of struck) counts[fault.name] = (counts[fault.name] ?? 0) + 1
  return counts
}

/** One for each fault that struck, since its first strike. */
const tracesOf = (struck: readonly Struck[]): readonly Expected[] => {
  const firsts = new Map<string, Expected>()
  for (const { fault, fromMs, isWhole } of struck) {
    const { name, traces } = fault
    if (traces === undefined || !isWhole || firsts.has(name)) continue
    firsts.set(name, { fault: name, fromMs, traces })
  }
  return [...firsts.values()]
}

/** Each of them, also where another could not be undone: that is thrown when all were tried. */
const healAll = async (lab: RunTarget, { faults }: Scenario): Promise<void> => {
  const failed: unknown[] = []
  for (const fault of new Set(faults)) {
    await fault.heal(lab).catch((error: unknown) => failed.push(error))
  }
  if (failed.length === 0) return
  throw new AggregateError(failed, `not healed: ${failed.map(String).join()}`)
}

const strikes = async (striking: Striking, limits: RunLimits): Promise<void> => {
  const { scenario, random, struck } = striking
  const strikesMax = limits.strikes ?? scenario.strikes ?? Number.POSITIVE_INFINITY
  const deadline = Date.now() + limits.minutes * 60_000
  while (struck.length < strikesMax && Date.now() < deadline) {
    struck.push(await strikeOnce(random.pick(scenario.faults), striking, deadline))
    await delay(random.between(...scenario.restMs))
  }
}

const strikeOnce = async (
  fault: Fault,
  striking: Striking,
  deadline: number
): Promise<Struck> => {
  const { lab, random, timeline } = striking
  const holdMs = Math.round(random.between(...fault.holdMs))
  timeline.note(`strike ${fault.name}`, { holdMs })
  const fromMs = Date.now()
  await fault.strike(lab, random)
  const leftMs = Math.max(0, deadline - Date.now())
  await delay(Math.min(holdMs, leftMs))
  await drillOnce(fault, striking)
  await fault.heal(lab)
  timeline.note(`undone ${fault.name}`)
  return { fault, fromMs, isWhole: holdMs <= leftMs }
}

/** At the first strike of a fault; it stays until it is seen, or for as long as a drill waits. */
const drillOnce = async (
  { name, drill }: Fault,
  { lab, timeline, struck, blind }: Striking
): Promise<void> => {
  if (drill === undefined || struck.some(({ fault }) => fault.name === name)) return
  const problem = await lab.drill(drill)
  if (problem !== undefined) blind.push(problem)
  const shows = problem === undefined ? 'shows' : 'does not show'
  timeline.note(`the runbook's look at ${drill.alert} ${shows} it`)
}

/** Waits until so many rows have landed since the landers were started. */
const landed = async (lab: RunTarget, rows: number): Promise<void> => {
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
const quiet = async (lab: RunTarget, timeline: Timeline): Promise<readonly string[]> => {
  const problems: string[] = []
  const serve = lab.k2s.filter(({ name }) => name === 'serve')
  for (const k2 of [lab.ingest, ...lab.landers, ...serve]) {
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
