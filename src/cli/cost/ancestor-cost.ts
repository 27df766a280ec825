/**
 * What the Python platform that K2 follows said it costs, against what its own sums say: its
 * headline of $0.85 per million messages is a hundred times what its monthly total comes to. Pure.
 */
import { perMillion } from './cost-model.ts'

interface Claim {
  /** Messages per second. */
  readonly rate: number
  /** Its total, dollars. */
  readonly monthly: number
  /** What it says a million messages costs, dollars. */
  readonly claimed: number
}

/** From its cost model, as it stands there; it takes a month as 30 days. */
export const ancestorClaims: readonly Claim[] = [
  { rate: 10_000, monthly: 617, claimed: 2.2 },
  { rate: 1_000_000, monthly: 22_060, claimed: 0.85 },
  { rate: 10_000_000, monthly: 165_600, claimed: 0.63 }
]

const monthSeconds = 30 * 86_400

export const ancestorSums = ({ rate, monthly, claimed }: Claim) => {
  const messages = rate * monthSeconds
  const actual = perMillion(monthly, messages)
  return { millions: messages / 1e6, actual, timesTooHigh: claimed / actual }
}
