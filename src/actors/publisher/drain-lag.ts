/**
 * How far landing is behind with a data type, for whoever empties the spool into its log (R20).
 * Records in the spool are no part of it: they would hold themselves.
 */
import type { DrainLag } from '../../machines/drain-ramp.ts'
import type { Pipeline } from '../pipeline.ts'
import type { Shared } from '../shared.ts'

/** Longer than between two commits. */
const windowMs = 15_000

/** Among the marks of the four levels. */
const spillMark = 2

interface Sample {
  readonly atMs: number
  readonly landed: number
}

/** Asked once a second. */
export const drainLagOf = (
  { config, lag, nowMs }: Pick<Shared, 'config' | 'lag' | 'nowMs'>,
  { topic, landing }: Pick<Pipeline, 'topic' | 'landing'>
): (() => DrainLag | undefined) => {
  // The mark at which the level that spills is left.
  const lagLeave = config.lagLeave[spillMark] ?? Number.POSITIVE_INFINITY
  let samples: readonly Sample[] = []
  return () => {
    const landed = landing.current?.totals.landed
    const atMs = nowMs()
    if (landed !== undefined) {
      const recent = samples.filter((sample) => atMs - sample.atMs <= windowMs)
      samples = [...recent, { atMs, landed }]
    }
    const lagOverdue = lag.current?.overdueOf(topic)?.records
    if (lagOverdue === undefined) return undefined
    return { lagOverdue, lagLeave, landedPerSecond: rateOf(samples) }
  }
}

const rateOf = (samples: readonly Sample[]): number | null => {
  const [first] = samples
  const last = samples.at(-1)
  if (first === undefined || last === undefined || last.atMs <= first.atMs) return null
  return (Math.max(0, last.landed - first.landed) * 1_000) / (last.atMs - first.atMs)
}
