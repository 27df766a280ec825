/**
 * The equations as metrics, by tier: symbols are never a label. Of one equation the terms of all
 * its symbols or partitions are added up, and its imbalances without their signs, so that none
 * hides another.
 */
import type { Metrics } from '../../adapters/telemetry/metrics.ts'
import {
  type Conservation,
  type Equation,
  imbalanceOf,
  type Terms
} from '../../machines/conservation.ts'

type ConservationMetrics = Pick<
  Metrics,
  'conservationRecords' | 'conservationImbalance' | 'conservationBroken'
>

interface Sum {
  readonly labels: ReturnType<typeof labelsOf>
  readonly terms: Map<string, number>
  imbalance: number
}

export const measureConservation = (
  metrics: ConservationMetrics,
  { equations, broken }: Conservation
): void => {
  metrics.conservationBroken.set(broken.size)
  // What is not there any more has no value, rather than its last one.
  metrics.conservationRecords.reset()
  metrics.conservationImbalance.reset()
  const sums = new Map<string, Sum>()
  for (const equation of equations) add(sums, equation)
  const present = new Set(equations)
  for (const { equation } of broken.values()) if (!present.has(equation)) add(sums, equation)
  for (const { labels, terms, imbalance } of sums.values()) {
    metrics.conservationImbalance.set(labels, imbalance)
    for (const [term, records] of terms) {
      metrics.conservationRecords.set({ ...labels, term }, records)
    }
  }
}

const add = (sums: Map<string, Sum>, equation: Equation): void => {
  const key = `${equation.name} ${equation.dataType} ${equation.tier}`
  let sum = sums.get(key)
  if (sum === undefined) {
    sum = { labels: labelsOf(equation), terms: new Map(), imbalance: 0 }
    sums.set(key, sum)
  }
  sum.imbalance += Math.abs(imbalanceOf(equation))
  addTerms(sum.terms, equation.left)
  addTerms(sum.terms, equation.right)
  addTerms(sum.terms, equation.beside)
}

const addTerms = (sums: Map<string, number>, terms: Terms): void => {
  for (const term in terms) sums.set(term, (sums.get(term) ?? 0) + terms[term]!)
}

const labelsOf = ({ name, exchange, dataType, tier }: Equation) => ({
  equation: name,
  exchange,
  data_type: dataType,
  tier: tier === null ? ('all' as const) : (`${tier}` as const)
})
