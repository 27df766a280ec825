/**
 * How a metric is declared: once, as data. What is declared is the only thing that can be recorded
 * (`recorder.ts`), and `docs/metrics.md` is made of it.
 *
 * 1. A label has a closed set of values, or names of a set that is bounded: symbols are never one.
 * 2. Beyond its bound, a name is recorded as `other`.
 */

/** Names that configuration or code brings: at most `namesMax` of them are told apart. */
export interface NameSet {
  readonly what: string
  readonly namesMax: number
}

/** Of a metric, by name; `Labels` itself stands for none. */
export type Labels = Readonly<Record<string, readonly string[] | NameSet>>

/** What one line of a metric says of itself, as the caller spells it. */
export type LabelValues<L extends Labels> = {
  readonly [Name in keyof L]: L[Name] extends ReadonlyArray<infer Value> ? Value : string
}

type Unit =
  | '1'
  | 'bytes'
  | 'seconds'
  | 'records'
  | 'rows'
  | 'trades'
  | 'frames'
  | 'spans'
  | 'files'
  | 'ids'
  | 'requests'
  | 'events'
  | 'weight'

export interface Declaration<Kind extends MetricKind, L extends Labels> {
  readonly kind: Kind
  readonly name: `k2_${string}`
  readonly help: string
  readonly unit: Unit
  readonly labels: L
  /** Upper bounds, of a histogram. */
  readonly buckets: readonly number[]
}

export type MetricKind = 'counter' | 'gauge' | 'histogram'

interface Facts<L extends Labels> {
  readonly help: string
  readonly unit: Unit
  readonly labels?: L
}

export const counter = <const L extends Labels = Labels>(
  name: `k2_${string}_total`,
  facts: Facts<L>
): Declaration<'counter', L> => declared('counter', name, facts)

export const gauge = <const L extends Labels = Labels>(
  name: `k2_${string}`,
  facts: Facts<L>
): Declaration<'gauge', L> => declared('gauge', name, facts)

export const histogram = <const L extends Labels = Labels>(
  name: `k2_${string}`,
  { buckets, ...facts }: Facts<L> & { readonly buckets: readonly number[] }
): Declaration<'histogram', L> => ({ ...declared('histogram', name, facts), buckets })

const declared = <Kind extends MetricKind, L extends Labels>(
  kind: Kind,
  name: `k2_${string}`,
  { help, unit, labels = {} as L }: Facts<L>
): Declaration<Kind, L> => ({ kind, name, help, unit, labels, buckets: [] })
