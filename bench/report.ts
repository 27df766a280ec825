/** What the benchmarks report: values by run, their summary and bar, a table. Pure. */
import { type Bar, barText, verdictOf } from './bars.ts'
import { type HistogramJson, merged } from './latencies.ts'
import { summarise, type Summary } from './statistics.ts'

/** One measured quantity of a figure. */
interface Measure {
  readonly name: string
  readonly unit: string
  /** One per run, in the order of the runs. */
  readonly values: readonly number[]
  readonly bar?: Bar
}

export interface Outcome {
  readonly measures: readonly Measure[]
  /** What was found wrong while verifying; such a figure counts as failed. */
  readonly failures: readonly string[]
  /** What a reader of the numbers must know: how they were checked, what they are of. */
  readonly notes: readonly string[]
  /** Of all runs together. */
  readonly histograms?: Readonly<Record<string, HistogramJson>>
  readonly sampling?: Sampling
}

/** Of each measure, in each run. */
interface Sampling {
  readonly requests: number
  readonly warmUpRequests: number
}

/** How busy the machine was with other work before a figure began. */
export interface OutsideLoad {
  /** Over 1, 5 and 15 minutes: it includes earlier figures. */
  readonly loadAverage: readonly number[]
  /** Share of all cores that was busy while K2 was not running. */
  readonly busyShare: number
  readonly waitedSeconds: number
  readonly isQuiet: boolean
}

export interface Figure extends Outcome {
  readonly id: string
  readonly title: string
  readonly startedAt: string
  readonly outsideLoad: OutsideLoad
  /** Share of all cores that other work took before each of the runs that waited for quiet. */
  readonly busyShares: readonly number[]
}

/** Collects the values of all runs; measures keep the order in which they first came. */
export class Measures {
  readonly #measures = new Map<string, Collected>()
  readonly failures: string[] = []
  readonly #notes = new Set<string>()
  readonly #histograms = new Map<string, HistogramJson>()
  sampling: Sampling | undefined

  add(name: string, unit: string, value: number, bar?: Bar): void {
    const measure = this.#measures.get(name) ?? { unit, values: [], ...(bar && { bar }) }
    measure.values.push(value)
    this.#measures.set(name, measure)
  }

  histogram(name: string, histogram: HistogramJson): void {
    const before = this.#histograms.get(name)
    this.#histograms.set(name, before === undefined ? histogram : merged(before, histogram))
  }

  /** The same note of several runs stands once. */
  note(text: string): void {
    this.#notes.add(text)
  }

  /** Value of the newest run. @throws RangeError if there is none */
  last(name: string): number {
    const value = this.#measures.get(name)?.values.at(-1)
    if (value === undefined) throw new RangeError(`${name} was not measured`)
    return value
  }

  get outcome(): Outcome {
    const measures = [...this.#measures].map(([name, measure]) => ({ name, ...measure }))
    return {
      measures,
      failures: this.failures,
      notes: [...this.#notes],
      ...(this.#histograms.size > 0 && { histograms: Object.fromEntries(this.#histograms) }),
      ...(this.sampling && { sampling: this.sampling })
    }
  }
}

interface Collected {
  readonly unit: string
  readonly values: number[]
  readonly bar?: Bar
}

export const isFailed = ({ failures }: Outcome): boolean => failures.length > 0

/** A figure as JSON: failed ones keep their values for people, and say that they failed. */
export const figureJson = (figure: Figure) => ({
  id: figure.id,
  title: figure.title,
  status: isFailed(figure) ? ('failed' as const) : ('ok' as const),
  failures: figure.failures,
  notes: figure.notes,
  startedAt: figure.startedAt,
  outsideLoad: figure.outsideLoad,
  busyShares: figure.busyShares,
  ...(figure.sampling && { sampling: figure.sampling }),
  ...(figure.histograms && { histograms: figure.histograms }),
  measures: figure.measures.map(({ name, unit, values, bar }) => ({
    name,
    unit,
    ...rounded(summarise(values)),
    values: values.map(significant),
    ...(bar && { bar: { ...bar, verdict: verdictOf(bar, summarise(values).median) } })
  }))
})

const columns = ['figure', 'measure', 'median', 'min', 'max', 'n', 'unit', 'bar', ''] as const

/** Lines of a table; failed figures show FAILED and why, never a number. */
export const tableLines = (figures: readonly Figure[]): readonly string[] => {
  const rows = figures.flatMap((figure) =>
    isFailed(figure)
      ? figure.failures.map((failure) => [figure.id, `FAILED: ${failure}`])
      : figure.measures.map((measure) => measureRow(figure.id, measure))
  )
  const widths = columns.map((column, index) =>
    Math.max(column.length, ...rows.map((row) => (isNote(row) ? 0 : row[index]!.length)))
  )
  const line = (row: readonly string[]) =>
    isNote(row)
      ? `${row[0]!.padEnd(widths[0]!)}  ${row[1]!}`
      : row
          .map((cell, index) =>
            index >= 2 && index <= 5 ? cell.padStart(widths[index]!) : cell.padEnd(widths[index]!)
          )
          .join('  ')
          .trimEnd()
  return [line(columns), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)]
}

/** Lines below the table. */
export const noteLines = (figures: readonly Figure[]): readonly string[] =>
  figures.flatMap(({ id, notes }) => notes.map((note) => `${id}: ${note}`))

const isNote = (row: readonly string[]): boolean => row[1]!.startsWith('FAILED')

const measureRow = (id: string, { name, unit, values, bar }: Measure): readonly string[] => {
  const { median, min, max, count } = summarise(values)
  const judged = bar === undefined ? ['', ''] : [barText(bar), verdictOf(bar, median)]
  return [id, name, readable(median), readable(min), readable(max), String(count), unit, ...judged]
}

const rounded = ({ median, min, max, count }: Summary) => ({
  median: significant(median),
  min: significant(min),
  max: significant(max),
  n: count
})

/** Four digits: no measurement here means more. */
const significant = (value: number): number =>
  Math.abs(value) >= 10_000 ? Math.round(value) : Number(value.toPrecision(4))

const readable = (value: number): string =>
  significant(value).toLocaleString('en-US', { maximumFractionDigits: 4 })
