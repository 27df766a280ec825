/** What `/v1/system/conservation` shows: equations with their terms, as of this moment. */
import {
  type Broken,
  differenceOf,
  type Equation,
  imbalanceOf,
  keyOf,
  sumOf
} from '../../machines/conservation.ts'
import type { ConservationFilter } from '../../adapters/http/api-deps.ts'
import type { Shared } from '../shared.ts'
import { checkConservation } from './conservation-actor.ts'

/**
 * All numbers are records. `left` and `right` are the sides of an equation by term, and
 * `difference` is left less right: more than 0, so many have disappeared on the way.
 */
export const conservationView = (shared: Shared, filter: ConservationFilter): unknown => {
  checkConservation(shared)
  const { current, lastMs } = shared.conservation
  const { broken } = current
  const absent = new Map(broken)
  for (const equation of current.equations) absent.delete(keyOf(equation))
  const shown = [
    ...current.equations.map((equation) => ({
      equation,
      sinceMs: broken.get(keyOf(equation))?.sinceMs ?? null
    })),
    // Its actor is away, and it did not hold when it was seen last.
    ...absent.values()
  ]
  return {
    holds: broken.size === 0,
    checked_at: isoOf(lastMs),
    broken: broken.size,
    broken_since: isoOf(oldestOf(broken.values())),
    unit: 'records',
    totals: totalsOf(shown),
    equations: shown.filter((it) => isAsked(it, filter)).map(equationView)
  }
}

interface Shown {
  readonly equation: Equation
  readonly sinceMs: number | null
}

const isAsked = ({ equation, sinceMs }: Shown, { state, symbol }: ConservationFilter): boolean =>
  (state === 'all' || sinceMs !== null) && (symbol === undefined || equation.symbol === symbol)

const equationView = ({ equation, sinceMs }: Shown) => {
  const { name, exchange, dataType, symbol, tier, partition, relation } = equation
  const { left, right, beside } = equation
  return {
    equation: name,
    exchange,
    data_type: dataType,
    symbol,
    tier,
    partition,
    left,
    right,
    relation,
    left_records: sumOf(left),
    right_records: sumOf(right),
    difference: differenceOf(equation),
    beside,
    holds: imbalanceOf(equation) === 0,
    broken_since: isoOf(sinceMs)
  }
}

interface Total {
  readonly equation: string
  readonly exchange: string
  readonly data_type: string
  equations: number
  broken: number
  readonly left: Record<string, number>
  readonly right: Record<string, number>
  /** Of all that fail, without their signs. */
  imbalance: number
}

/** What is told of symbols as well as of the data type as a whole is added up once. */
const totalsOf = (shown: readonly Shown[]): readonly Total[] => {
  const totals = new Map<string, Total>()
  for (const { equation, sinceMs } of shown) {
    const { name, exchange, dataType, symbol } = equation
    const key = `${name} ${exchange} ${dataType}`
    const total = totals.get(key) ?? {
      equation: name,
      exchange,
      data_type: dataType,
      equations: 0,
      broken: 0,
      left: {},
      right: {},
      imbalance: 0
    }
    totals.set(key, total)
    total.equations += 1
    total.broken += sinceMs === null ? 0 : 1
    total.imbalance += Math.abs(imbalanceOf(equation))
    if (name === 'publisher' && symbol !== null) continue
    add(total.left, equation.left)
    add(total.right, equation.right)
  }
  return [...totals.values()]
}

const add = (sums: Record<string, number>, terms: Equation['left']): void => {
  for (const [term, records] of Object.entries(terms)) sums[term] = (sums[term] ?? 0) + records
}

const oldestOf = (all: Iterable<Broken>): number | null => {
  let oldest: number | null = null
  for (const { sinceMs } of all) oldest = oldest === null ? sinceMs : Math.min(oldest, sinceMs)
  return oldest
}

const isoOf = (ms: number | null): string | null =>
  ms === null ? null : new Date(ms).toISOString()
