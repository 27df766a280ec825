/**
 * Records metrics as they are declared, in prom-client.
 *
 * 1. Recording never throws. What cannot be recorded as it is, is counted as refused, by metric and
 *    reason: a value that is no number, or makes a counter fall, is left out; a label that is none
 *    of its set, or one name too many, becomes `other`.
 * 2. A metric has at most `seriesMax` series, whatever its callers bring.
 * 3. Labels that were met before cost one look-up: they are judged once.
 */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Declaration, Labels, LabelValues, MetricKind, NameSet } from './declaration.ts'

type With<L extends Labels, Rest extends readonly unknown[]> = string extends keyof L
  ? Rest
  : [labels: LabelValues<L>, ...rest: Rest]

interface CounterRecorder<L extends Labels> {
  readonly inc: (...args: With<L, [by?: number]>) => void
  /** Of what is counted elsewhere: a total that is less begins anew, as after a restart. */
  readonly advanceTo: (...args: With<L, [total: number]>) => void
}

interface GaugeRecorder<L extends Labels> {
  readonly set: (...args: With<L, [value: number]>) => void
  readonly inc: (...args: With<L, [by?: number]>) => void
  readonly dec: (...args: With<L, [by?: number]>) => void
  /** What is not known any more has no value. */
  readonly remove: (...args: With<L, []>) => void
  /** Removes all. */
  readonly reset: () => void
}

interface HistogramRecorder<L extends Labels> {
  readonly observe: (...args: With<L, [value: number]>) => void
}

export type Recorder<D> =
  D extends Declaration<'counter', infer L>
    ? CounterRecorder<L>
    : D extends Declaration<'gauge', infer L>
      ? GaugeRecorder<L>
      : D extends Declaration<'histogram', infer L>
        ? HistogramRecorder<L>
        : never

type RefusalReason = 'value' | 'label' | 'names' | 'series'

export interface RecorderContext {
  readonly registry: Registry
  /** Names met so far, of each set. */
  readonly names: Map<NameSet, Set<string>>
  readonly refuse: (metric: string, reason: RefusalReason) => void
}

const seriesMax = 2_000
const otherName = 'other'

type Made = Declaration<MetricKind, Labels>
type Plain = Readonly<Record<string, string>>

/** Judges labels, once each (3). */
class Series {
  readonly #known = new Map<string, Plain>()
  readonly #declared: Made
  readonly #names: readonly string[]
  readonly #context: RecorderContext
  readonly #beyond: Plain

  constructor(declared: Made, context: RecorderContext) {
    this.#declared = declared
    this.#names = Object.keys(declared.labels)
    this.#context = context
    this.#beyond = Object.fromEntries(this.#names.map((name) => [name, otherName]))
  }

  /** Labels and the rest of a call's arguments. */
  split(args: readonly unknown[]): readonly [labels: Plain, value: number | undefined] {
    if (this.#names.length === 0) return [noLabels, args[0] as number | undefined]
    return [this.#labelsOf(args[0] as Plain | undefined), args[1] as number | undefined]
  }

  refuse(reason: RefusalReason): void {
    this.#context.refuse(this.#declared.name, reason)
  }

  #labelsOf(given: Plain = noLabels): Plain {
    const known = this.#known.get(this.#keyOf(given))
    if (known !== undefined) return known
    const judged: Record<string, string> = {}
    for (const name of this.#names) judged[name] = this.#judged(name, given[name])
    const key = this.#keyOf(judged)
    const same = this.#known.get(key)
    if (same !== undefined) return same
    if (this.#known.size >= seriesMax) {
      this.refuse('series') // (2)
      return this.#beyond
    }
    this.#known.set(key, judged)
    return judged
  }

  #keyOf(labels: Plain): string {
    let key = ''
    for (const name of this.#names) key += `${labels[name]}\u0000`
    return key
  }

  #judged(name: string, value: string | undefined): string {
    const set = this.#declared.labels[name]!
    if (isClosed(set)) {
      if (value !== undefined && set.includes(value)) return value
      this.refuse('label')
      return otherName
    }
    if (typeof value !== 'string') {
      this.refuse('label')
      return otherName
    }
    let names = this.#context.names.get(set)
    if (names === undefined) this.#context.names.set(set, (names = new Set()))
    if (names.has(value)) return value
    if (names.size < set.namesMax) {
      names.add(value)
      return value
    }
    if (value !== otherName) this.refuse('names')
    return otherName
  }
}

const noLabels: Plain = {}

const isClosed = (set: readonly string[] | NameSet): set is readonly string[] => Array.isArray(set)

export const recorderOf = <D extends Declaration<MetricKind, Labels>>(
  declared: D,
  context: RecorderContext
): Recorder<D> => makers[declared.kind](declared, context) as Recorder<D>

const configOf = ({ name, help, labels }: Made, { registry }: RecorderContext) => ({
  name,
  help,
  labelNames: Object.keys(labels),
  registers: [registry]
})

const makers = {
  counter: (declared: Made, context: RecorderContext) => {
    const metric = new Counter(configOf(declared, context))
    const series = new Series(declared, context)
    const totals = new Map<Plain, number>()
    return {
      inc: (...args: unknown[]) => {
        const [labels, by = 1] = series.split(args)
        if (isCount(by)) metric.inc(labels, by)
        else series.refuse('value')
      },
      advanceTo: (...args: unknown[]) => {
        const [labels, total] = series.split(args)
        if (!isCount(total)) return series.refuse('value')
        const last = totals.get(labels) ?? 0
        if (total < last) metric.remove(labels)
        metric.inc(labels, total < last ? total : total - last)
        totals.set(labels, total)
      }
    }
  },
  gauge: (declared: Made, context: RecorderContext) => {
    const metric = new Gauge(configOf(declared, context))
    const series = new Series(declared, context)
    const moved = (sign: 1 | -1) => (...args: unknown[]) => {
      const [labels, by = 1] = series.split(args)
      if (Number.isFinite(by)) metric.inc(labels, sign * by)
      else series.refuse('value')
    }
    return {
      set: (...args: unknown[]) => {
        const [labels, value] = series.split(args)
        if (isNumber(value)) metric.set(labels, value)
        else series.refuse('value')
      },
      inc: moved(1),
      dec: moved(-1),
      remove: (...args: unknown[]) => metric.remove(series.split(args)[0]),
      reset: () => metric.reset()
    }
  },
  histogram: (declared: Made, context: RecorderContext) => {
    const buckets = [...declared.buckets]
    const metric = new Histogram({ ...configOf(declared, context), buckets })
    const series = new Series(declared, context)
    return {
      observe: (...args: unknown[]) => {
        const [labels, value] = series.split(args)
        if (isNumber(value)) metric.observe(labels, value)
        else series.refuse('value')
      }
    }
  }
}

const isNumber = (value: number | undefined): value is number => Number.isFinite(value)

const isCount = (value: number | undefined): value is number => isNumber(value) && value >= 0
