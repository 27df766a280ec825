/**
 * Whether nothing has disappeared: equations of records, and since when one of them fails (R16).
 * Pure: who checks brings equations whose terms were all read in one turn, and the time.
 *
 * 1. An equation has one identity for ever; its terms are those of the newest check that had it.
 * 2. One that fails begins once, and mends once. It fails from the first check that saw it until
 *    one that sees it hold: what is not looked at in between, since its actor is away, has not
 *    mended.
 * 3. What is remembered is bounded by the equations there are: symbols of the configuration and
 *    partitions of the topics.
 */
import type { DataType } from '../market/data-type.ts'
import type { Tier } from '../market/tier.ts'

export const equationNames = [
  /** What a feed received is accepted, or it is known why not. */
  'feed',
  /** What a feed handed over has come to the publisher. */
  'handover',
  /** What the publisher has taken is somewhere. */
  'publisher',
  /** The spool has at least what the publisher believes to be in it. */
  'spool',
  /** The event log has at least what the publisher believes to be in it. */
  'append',
  /** What was consumed from a partition has landed, or it is known why not. */
  'landing',
  /** What counts as landed has come into the table as rows. */
  'table'
] as const

type EquationName = (typeof equationNames)[number]

/** Records by where they are. */
export type Terms = Readonly<Record<string, number>>

export interface Equation {
  readonly name: EquationName
  readonly exchange: string
  readonly dataType: DataType
  /** Null where it is of more than one symbol. */
  readonly symbol: string | null
  readonly tier: Tier | null
  /** Null where it is not of one partition. */
  readonly partition: number | null
  readonly left: Terms
  readonly right: Terms
  /** Whether the left side may be more. */
  readonly relation: 'equal' | 'at_least'
  /** Records that are on neither side, for whoever reads it. */
  readonly beside: Terms
}

export const sumOf = (terms: Terms): number => {
  let sum = 0
  for (const term in terms) sum += terms[term]!
  return sum
}

/** Records that the right side has not: more than 0, they have disappeared on the way. */
export const differenceOf = ({ left, right }: Pick<Equation, 'left' | 'right'>): number =>
  sumOf(left) - sumOf(right)

/** Records by which it fails; 0: it holds. */
export const imbalanceOf = (equation: Pick<Equation, 'left' | 'right' | 'relation'>): number => {
  const difference = differenceOf(equation)
  return equation.relation === 'at_least' && difference > 0 ? 0 : difference
}

export const keyOf = ({ name, dataType, symbol, partition }: Equation): string =>
  `${name} ${dataType} ${symbol ?? ''} ${partition ?? ''}`

export interface Broken {
  readonly equation: Equation
  readonly sinceMs: number
}

export interface Conservation {
  /** Of the newest check. */
  readonly equations: readonly Equation[]
  /** By key: those that fail. */
  readonly broken: ReadonlyMap<string, Broken>
}

export interface Checked extends Conservation {
  /** What has begun to fail, and what holds again, by this check. */
  readonly began: readonly Broken[]
  readonly mended: readonly Broken[]
}

export const nothingChecked: Conservation = { equations: [], broken: new Map() }

export const check = (
  { broken: before }: Conservation,
  equations: readonly Equation[],
  atMs: number
): Checked => {
  const broken = new Map(before)
  const began: Broken[] = []
  const mended: Broken[] = []
  for (const equation of equations) {
    const isBroken = imbalanceOf(equation) !== 0
    if (!isBroken && before.size === 0) continue
    const key = keyOf(equation)
    const known = before.get(key)
    if (isBroken) {
      const now = { equation, sinceMs: known?.sinceMs ?? atMs }
      broken.set(key, now)
      if (known === undefined) began.push(now)
    } else if (known !== undefined) {
      broken.delete(key)
      mended.push({ equation, sinceMs: known.sinceMs })
    }
  }
  return { equations, broken, began, mended }
}
