/**
 * Which faults a run has, and how often: each seed has a mixture of its own, since faults that are
 * all frequent hide what one of them does alone.
 *
 * Rates are per second of simulated time; chances are per operation.
 */
import type { Random } from '../random.ts'

export interface FaultPlan {
  readonly rates: Readonly<Record<FaultRate, number>>
  readonly chances: Readonly<Record<FaultChance, number>>
}

export type FaultRate = keyof typeof rates
export type FaultChance = keyof typeof chances

/** Highest rate of a seed that has the fault. */
const rates = {
  kill: 0.25,
  powerCut: 0.15,
  crash: 0.4,
  drain: 0.1,
  clockJump: 0.4,
  venueCloses: 0.3,
  brokerDown: 0.12,
  linkCut: 0.15,
  reassign: 0.3,
  killCatalog: 0.2,
  hoard: 0.5
} as const

const chances = {
  syncFails: 0.01,
  writeFails: 0.01,
  diskSlow: 0.01,
  killsHere: 0.0015,
  requestLost: 0.05,
  requestLate: 0.15,
  requestTwice: 0.08,
  answerLost: 0.08,
  answerTwice: 0.15,
  swapLost: 0.1,
  swapLate: 0.12,
  swapAnswerLost: 0.12,
  historyFails: 0.3,
  historyOdd: 0.3,
  historyLimited: 0.4
} as const

/** Share of the seeds that have a fault. */
const share = 0.4

export const faultPlan = (random: Random): FaultPlan => {
  const drawn = <K extends string>(most: Readonly<Record<K, number>>): Record<K, number> =>
    Object.fromEntries(
      Object.entries<number>(most).map(([name, highest]) => {
        const isIn = random.next() < share
        const amount = highest * (0.2 + 0.8 * random.next())
        return [name, isIn ? amount : 0]
      })
    ) as Record<K, number>
  return { rates: drawn(rates), chances: drawn(chances) }
}

export const noFaults: FaultPlan = {
  rates: mapped(rates),
  chances: mapped(chances)
}

function mapped<K extends string>(of: Readonly<Record<K, number>>): Record<K, number> {
  return Object.fromEntries(Object.keys(of).map((name) => [name, 0])) as Record<K, number>
}
