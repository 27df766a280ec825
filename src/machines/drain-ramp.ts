/**
 * How fast a spool may be emptied into the event log that was filled to relieve those behind it
 * (R20): not at all while landing is behind, then slowly, and faster as long as that does no harm.
 * Pure.
 *
 * 1. Only a spool that was filled on purpose is held: after an outage of the log nothing is.
 * 2. It is held while what is overdue is above the mark, and while that is not known and the level
 *    still asks for the spool.
 * 3. It is released at a tenth of the rate at which records land, faster from step to step, at half
 *    the rate where more has become overdue, and never slower than `perSecondMin`.
 * 4. It is free again once it is empty and the level does not ask for it.
 */

export type DrainRamp =
  | { readonly phase: 'free' }
  | { readonly phase: 'held' }
  | {
      readonly phase: 'released'
      readonly perSecond: number
      /** What was overdue at the last step; null where it was not known. */
      readonly lagOverdue: number | null
    }

/** How far landing is behind, in records; undefined where that is not known. */
export interface DrainLag {
  readonly lagOverdue: number
  /** Above it the spool is held. */
  readonly lagLeave: number
  /** As measured; null while nothing has been. */
  readonly landedPerSecond: number | null
}

/** One step, a second or so after the last. */
export interface DrainStep {
  /** The level asks for the spool. */
  readonly isSpilling: boolean
  readonly isEmpty: boolean
  readonly lag: DrainLag | undefined
}

const startShare = 0.1
const growth = 1.25
/** Beyond what lands it only moves the backlog from one place to another. */
const landedShareMax = 2
export const perSecondMin = 500

export const freeDrain: DrainRamp = { phase: 'free' }
const heldDrain: DrainRamp = { phase: 'held' }

export const nextDrain = (ramp: DrainRamp, step: DrainStep): DrainRamp => {
  const { isSpilling, isEmpty, lag } = step
  if (!isSpilling && (isEmpty || ramp.phase === 'free')) return freeDrain
  const isBehind = lag === undefined ? isSpilling : lag.lagOverdue > lag.lagLeave
  if (isBehind || ramp.phase === 'free') return heldDrain
  const lagOverdue = lag?.lagOverdue ?? null
  const landed = lag?.landedPerSecond ?? 0
  if (ramp.phase === 'held') {
    return { phase: 'released', perSecond: bounded(landed * startShare, landed), lagOverdue }
  }
  const hasRisen =
    lagOverdue !== null && ramp.lagOverdue !== null && lagOverdue > ramp.lagOverdue
  const perSecond = hasRisen ? ramp.perSecond / 2 : ramp.perSecond * growth
  return { phase: 'released', perSecond: bounded(perSecond, landed), lagOverdue }
}

const bounded = (perSecond: number, landed: number): number => {
  const max = landed === 0 ? Number.POSITIVE_INFINITY : landed * landedShareMax
  return Math.max(perSecondMin, Math.min(perSecond, max))
}
