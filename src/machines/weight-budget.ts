/**
 * What may be asked of a venue by REST: request weights add up within windows of the venue's clock.
 * Pure: time comes in.
 *
 * 1. Of a window's limit a share is used at most, whoever used it: the venue tells what has been
 *    used by this address, and others ask it, too.
 * 2. What the venue tells holds over what was counted here, and what was counted holds while it
 *    tells nothing.
 * 3. While the venue refuses (429, 418), nothing is asked: until the time that it names, or else
 *    the end of the window.
 * 4. A request that weighs more than the share is allowed alone in its window: nobody waits for
 *    ever.
 */

export interface WeightLimit {
  readonly limit: number
  readonly intervalMs: number
}

export interface WeightAnnouncement extends WeightLimit {
  /** The venue's clock less this one's, ms. */
  readonly skewMs: number
}

export interface WeightBudget extends WeightAnnouncement {
  /** Number of the window that `used` is of. */
  readonly window: number
  readonly used: number
  /** (3) */
  readonly refusedUntilMs: number
}

/** The venue's limit for addresses that it tells none. */
export const weightLimitDefault: WeightLimit = { limit: 1_200, intervalMs: 60_000 }

export const openBudget = (
  { limit, intervalMs }: WeightLimit,
  { nowMs, skewMs }: { readonly nowMs: number; readonly skewMs: number }
): WeightBudget => ({
  limit,
  intervalMs,
  skewMs,
  window: windowAt({ intervalMs, skewMs }, nowMs),
  used: 0,
  refusedUntilMs: Number.NEGATIVE_INFINITY
})

/** The venue has announced its limit anew. */
export const limited = (
  budget: WeightBudget,
  { limit, intervalMs, skewMs }: WeightAnnouncement,
  nowMs: number
): WeightBudget => ({
  ...openBudget({ limit, intervalMs }, { nowMs, skewMs }),
  used: usedAt(budget, nowMs),
  refusedUntilMs: budget.refusedUntilMs
})

export interface WeightCharge {
  readonly atMs: number
  readonly weight: number
  /** As the venue told with its answer; null where it told nothing. */
  readonly usedWeight: number | null
}

export const charged = (
  budget: WeightBudget,
  { atMs, weight, usedWeight }: WeightCharge
): WeightBudget => ({
  ...budget,
  window: windowAt(budget, atMs),
  used: usedWeight ?? usedAt(budget, atMs) + weight
})

/** The venue takes nothing more; `retryAfterMs` as it says, null where it does not. */
export const refusedBudget = (
  budget: WeightBudget,
  { atMs, retryAfterMs }: { readonly atMs: number; readonly retryAfterMs: number | null }
): WeightBudget => ({
  ...budget,
  refusedUntilMs: Math.max(
    budget.refusedUntilMs,
    retryAfterMs === null
      ? windowEndMs(budget, atMs)
      : atMs + Math.min(retryAfterMs, refusedMsMax)
  )
})

/** (3) */
export const isRefused = ({ refusedUntilMs }: WeightBudget, nowMs: number): boolean =>
  refusedUntilMs > nowMs

/** How long to wait before a request; 0: not at all. `share` is of the limit, 0 to 1. */
export const waitForWeight = (
  budget: WeightBudget,
  { nowMs, weight, share }: { nowMs: number; weight: number; share: number }
): number => {
  const refusedMs = Math.max(0, budget.refusedUntilMs - nowMs)
  if (refusedMs > 0) return refusedMs
  const used = usedAt(budget, nowMs)
  // (4)
  if (used === 0 || used + weight <= budget.limit * share) return 0
  return windowEndMs(budget, nowMs) - nowMs
}

/** What is used of the present window. */
export const usedAt = (budget: WeightBudget, nowMs: number): number =>
  windowAt(budget, nowMs) === budget.window ? budget.used : 0

/** The venue bans for three days at most. */
const refusedMsMax = 3 * 86_400_000
/** The venue's clock is known no better than this: a window begins so much later here. */
const slackMs = 500

type WindowTimes = Pick<WeightBudget, 'intervalMs' | 'skewMs'>

const windowAt = ({ intervalMs, skewMs }: WindowTimes, nowMs: number): number =>
  Math.floor((nowMs + skewMs - slackMs) / intervalMs)

const windowEndMs = (times: WindowTimes, nowMs: number): number =>
  (windowAt(times, nowMs) + 1) * times.intervalMs - times.skewMs + slackMs
