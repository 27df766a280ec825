/**
 * When a crashed child starts again, and how often it may: policy as checked data.
 *
 * Invariants:
 *  1. A delay is never 0: a restart is always delayed, so a child that crashes on start cannot
 *     spin.
 *  2. A delay never exceeds `msMax`, jitter included, and never falls below `msMin / 2`.
 *  3. A wait for a dependency grows like a backoff, and never beyond `dependencyWaitMsMax`: what
 *     comes back is noticed soon (R14).
 *  4. The same seed gives the same delays: randomness is a number in the context, drawn by whoever
 *     created the root, never `Math.random`.
 */

/** Exponential backoff. `upMsMin` is the healthy time after which earlier crashes are forgotten. */
export interface BackoffPolicy {
  readonly msMin: number
  readonly msMax: number
  readonly factor: number
  /** Part of the delay that is random, 0..0.5: 0.2 means between 80 % and 100 % of the step. */
  readonly jitterRatio: number
  readonly upMsMin: number
}

/** More than `restartsMax` crashes within `windowMs` are too many: of one child, or of siblings. */
export interface RestartLimit {
  readonly restartsMax: number
  readonly windowMs: number
}

export const backoffDefault: BackoffPolicy = {
  msMin: 200,
  msMax: 10_000,
  factor: 2,
  jitterRatio: 0.2,
  upMsMin: 10_000
}

/** Generous: with the default backoff a child that only crashes reaches it after some minutes. */
export const restartLimitDefault: RestartLimit = { restartsMax: 30, windowMs: 300_000 }

/**
 * Of a supervisor as a child: whoever made it give up has had restarts of its own, and limits
 * multiply across levels.
 */
export const groupLimitDefault: RestartLimit = { restartsMax: 3, windowMs: 3_600_000 }

/**
 * Of all children of one supervisor together. Beyond what one child may do by itself: it is met
 * where several fail at once.
 */
export const intensityDefault: RestartLimit = { restartsMax: 60, windowMs: 300_000 }

/** Longest wait between two attempts at a dependency. */
export const dependencyWaitMsMax = 10_000

/** Each pending crash of the window is one timer, so the window's size is bounded. */
const restartsMaxMax = 1_000

/**
 * Delay before restart number `attempt` (1 is the first after a healthy time), in milliseconds.
 * @param seed state of the generator, as advanced by `nextSeed`
 */
export const backoffMs = (policy: BackoffPolicy, attempt: number, seed: number): number => {
  // The exponent is capped: 2 ** 1024 is Infinity, and Infinity * 0 would be NaN.
  const step = policy.msMin * policy.factor ** Math.min(Math.max(attempt - 1, 0), 64)
  const capped = Math.min(step, policy.msMax)
  return Math.max(1, Math.round(capped * (1 - policy.jitterRatio * unitOf(seed))))
}

/** Delay before the next attempt at a dependency that was unavailable. */
export const waitMs = (policy: BackoffPolicy, attempt: number, seed: number): number =>
  Math.min(dependencyWaitMsMax, backoffMs(policy, attempt, seed))

/** Advances the generator (an additive sequence; `unitOf` does the mixing, as in mulberry32). */
export const nextSeed = (seed: number): number => (seed + 0x6d2b79f5) | 0

/** A seed of its own for each named child, so that siblings do not restart in step. */
export const seedFor = (seed: number, name: string): number => {
  let hash = seed | 0
  for (let index = 0; index < name.length; index++) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193)
  }
  return hash | 0
}

/** What contradicts itself in a policy, by field name; empty when it is sound. */
export const backoffFaults = (policy: BackoffPolicy): ReadonlyArray<string> => {
  const faults: Array<string> = []
  if (!(policy.msMin >= 1)) faults.push('backoff.msMin must be at least 1')
  if (!(policy.msMax >= policy.msMin)) faults.push('backoff.msMax must be at least backoff.msMin')
  if (!(policy.msMax <= 3_600_000)) faults.push('backoff.msMax must be at most one hour')
  if (!(policy.factor >= 1 && policy.factor <= 100)) faults.push('backoff.factor must be 1..100')
  if (!(policy.jitterRatio >= 0 && policy.jitterRatio <= 0.5)) {
    faults.push('backoff.jitterRatio must be 0..0.5')
  }
  if (!(policy.upMsMin >= 1)) faults.push('backoff.upMsMin must be at least 1')
  return faults
}

/** @param field name of the limit in its owner's options */
export const limitFaults = (field: string, limit: RestartLimit): ReadonlyArray<string> => {
  const faults: Array<string> = []
  if (!(Number.isInteger(limit.restartsMax) && limit.restartsMax >= 0)) {
    faults.push(`${field}.restartsMax must be a whole number, 0 or more`)
  }
  if (limit.restartsMax > restartsMaxMax) {
    faults.push(`${field}.restartsMax must be at most ${restartsMaxMax}`)
  }
  if (!(limit.windowMs >= 1 && limit.windowMs <= 86_400_000)) {
    faults.push(`${field}.windowMs must be 1 ms to one day`)
  }
  return faults
}

/** 0 ≤ result < 1; the mixing step of mulberry32. */
const unitOf = (seed: number): number => {
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
}
