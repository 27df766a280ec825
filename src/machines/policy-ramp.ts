/**
 * Shares that come back step by step, so that recovery is no second overload. Pure.
 *
 * 1. What is taken away is taken away at once.
 * 2. What comes back does so by `steps` of the difference, each for `stepMs`; the last step is 1.
 * 3. A change meanwhile goes on from what is taken then.
 */
import type { TakenByTier } from './ingest-policy.ts'

export interface Ramp {
  readonly steps: readonly number[]
  readonly stepMs: number
}

/** On its way from one to the other since then. */
export interface Shares {
  readonly from: TakenByTier
  readonly to: TakenByTier
  readonly sinceMs: number
}

export const sharesOf = (taken: TakenByTier): Shares => ({ from: taken, to: taken, sinceMs: 0 })

const tiers = [1, 2, 3] as const

export const takenAt = ({ from, to, sinceMs }: Shares, atMs: number, ramp: Ramp): TakenByTier => {
  const step = Math.floor((atMs - sinceMs) / ramp.stepMs)
  const share = ramp.steps[step] ?? 1
  const at = (tier: (typeof tiers)[number]): number =>
    to[tier] <= from[tier] ? to[tier] : from[tier] + (to[tier] - from[tier]) * share // (1), (2)
  return { 1: at(1), 2: at(2), 3: at(3) }
}

/** (3) */
export const sharesAfter = (
  shares: Shares,
  to: TakenByTier,
  atMs: number,
  ramp: Ramp
): Shares =>
  tiers.every((tier) => to[tier] === shares.to[tier])
    ? shares
    : { from: takenAt(shares, atMs, ramp), to, sinceMs: atMs }
