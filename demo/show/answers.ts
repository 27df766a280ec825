/** What K2 answers, as the judges of steps read it. */
import type { Answer, Earlier } from './step.ts'

export interface Trade {
  readonly symbol: string
  readonly timestamp: string
  readonly ingestion_timestamp: string
  readonly source_sequence: number
}

export interface Snapshot {
  readonly snapshot_id: string
  readonly timestamp: string
  readonly summary: Readonly<Record<string, string>>
}

interface Counts {
  readonly trades: number
  readonly ids: number
  readonly span: number
}

interface Envelope<A> {
  readonly data: A
  readonly meta: Readonly<Record<string, unknown>>
}

/** @throws if it is no answer of the API */
export const envelopeOf = <A>({ json, command, text }: Answer): Envelope<A> => {
  const { data, meta } = (json ?? {}) as Partial<Envelope<A>>
  if (data === undefined) throw new Error(`${command} answered with ${text.slice(0, 200)}`)
  return { data, meta: meta ?? {} }
}

const rowsOf = (answer: Answer): readonly unknown[] => {
  const { data } = envelopeOf<unknown>(answer)
  if (!Array.isArray(data)) throw new Error(`${answer.command} answered with no rows`)
  return data
}

export const tradesOf = (answer: Answer): readonly Trade[] => rowsOf(answer) as Trade[]

export const snapshotsOf = (answer: Answer): readonly Snapshot[] => rowsOf(answer) as Snapshot[]

/** Rows of SQL, a symbol each. */
export const countsOf = (answer: Answer): readonly Counts[] => rowsOf(answer) as Counts[]

/** @throws if that step was not executed, or to no avail */
export const earlierOf = (earlier: Earlier, id: string): Answer => {
  const found = earlier.get(id)
  if (found === undefined) throw new Error(`it needs the answer of the step "${id}" before it`)
  return found
}

export const medianOf = (values: readonly number[]): number => {
  const sorted = values.toSorted((one, other) => one - other)
  const middle = Math.floor(sorted.length / 2)
  if (sorted.length === 0) return Number.NaN
  return sorted.length % 2 === 1
    ? sorted[middle]!
    : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Sum of a metric over its series with these labels, in the text of `/metrics`. */
export const metricOf = (text: string, name: string, labels = /(?:)/): number => {
  let sum = Number.NaN
  for (const [, found, of = '', value] of text.matchAll(seriesPattern))
    if (found === name && labels.test(of)) sum = (Number.isNaN(sum) ? 0 : sum) + Number(value)
  return sum
}

const seriesPattern = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/gm

export interface Weight {
  readonly rows: number
  /** Of a trade: in the log, and in the table. */
  readonly loggedBytes: number
  readonly storedBytes: number
}

/** Counted from `/metrics`: of trades alone. */
export const weightOf = (text: string): Weight => {
  const topic = /topic="market\.\w+\.trades\./
  const table = /table="(?:market\.)?trades"/
  const rows = metricOf(text, 'k2_iceberg_table_rows', table)
  return {
    rows,
    loggedBytes:
      metricOf(text, 'k2_published_bytes_total', topic) /
      metricOf(text, 'k2_published_records_total', topic),
    storedBytes: metricOf(text, 'k2_iceberg_table_size_bytes', table) / rows
  }
}
