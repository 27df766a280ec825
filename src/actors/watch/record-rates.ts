/**
 * Records a second, of what the equations of conservation count, by the time between two checks.
 *
 * An equation that is new has counted before it was seen: a table's rows stand in it from the
 * start. Its growth counts from the second look on.
 */
import type { Equation } from '../../machines/conservation.ts'

export type Rate = number | null

/** What an equation counts; undefined where it counts something else. */
export type Term = (equation: Equation) => number | undefined

/** Of one term; each call is a look at the equations of a check at that time. */
export const makeTermRate = (term: Term) => {
  let before: ReadonlyMap<string, number> = new Map()
  let beforeMs: number | undefined
  let rate: Rate = null
  return (equations: readonly Equation[], atMs: number): Rate => {
    if (beforeMs !== undefined && atMs <= beforeMs) return rate
    const now = countsOf(equations, term)
    rate = beforeMs === undefined ? null : growthOf(before, now, atMs - beforeMs)
    before = now
    beforeMs = atMs
    return rate
  }
}

const countsOf = (equations: readonly Equation[], term: Term): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const equation of equations) {
    if (equation.dataType !== 'trades' && equation.dataType !== 'quotes') continue
    const count = term(equation)
    if (count !== undefined) counts.set(keyOf(equation), count)
  }
  return counts
}

const keyOf = ({ name, exchange, dataType, symbol, partition }: Equation): string =>
  JSON.stringify([name, exchange, dataType, symbol, partition])

const growthOf = (
  before: ReadonlyMap<string, number>,
  now: ReadonlyMap<string, number>,
  ms: number
): Rate => {
  let growth: Rate = null
  for (const [key, count] of now) {
    const known = before.get(key)
    // What has begun anew, as with a restarted actor, has not shrunk.
    if (known !== undefined) growth = (growth ?? 0) + Math.max(0, count - known)
  }
  return growth === null ? null : (growth * 1_000) / ms
}
