/**
 * What a trade was measured to take, from what `npm run bench` left in `bench/results`.
 *
 * 1. Of a quantity that several runs have measured, the newest that is no failure counts.
 * 2. Nothing stands in for what was not measured: it is named, with the command that measures it.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ArgumentsRejected } from '../command-line.ts'
import type { TradeCosts } from './cost-model.ts'

/** In the repository; an installed K2 has none, and is given a folder or the figures themselves. */
export const shippedResults = resolve(import.meta.dirname, '../../../bench/results')

interface Wanted {
  /** What the model takes. */
  readonly title: string
  readonly figure: string
  readonly measure: string
  readonly unit: string
  /** As the model wants it. */
  readonly convert: (value: number) => number
  /** The flag that gives it instead. */
  readonly flag: string
}

const perCore = (microseconds: number): number => 1e6 / microseconds
const same = (value: number): number => value

export const wanted: Readonly<Record<keyof TradeCosts, Wanted>> = {
  ratePerCore: {
    title: 'messages/s per core of K2',
    figure: 'kafka',
    measure: 'CPU per trade: K2, all of it',
    unit: 'µs',
    convert: perCore,
    flag: '--rate-per-core'
  },
  brokerRatePerCore: {
    title: 'messages/s per core of a broker',
    figure: 'kafka',
    measure: 'CPU per trade: broker',
    unit: 'µs',
    convert: perCore,
    flag: '--broker-rate-per-core'
  },
  logBytes: {
    title: 'bytes in the log',
    figure: 'sizes',
    measure: 'bytes per trade: Avro in batches, compressed by lz4 as for Kafka',
    unit: 'B',
    convert: same,
    flag: '--log-bytes-per-trade'
  },
  tableBytes: {
    title: 'bytes in the table',
    figure: 'sizes',
    measure: 'bytes per trade: Parquet of the table',
    unit: 'B',
    convert: same,
    flag: '--bytes-per-trade'
  },
  rowsRewritten: {
    title: 'rows rewritten per row',
    figure: 'maintenance',
    measure: 'rows rewritten per row',
    unit: '×',
    convert: same,
    flag: '--rows-rewritten'
  }
}

interface Input {
  readonly value: number
  /** Absent: the caller has given it. */
  readonly measured?: Origin
}

interface Origin {
  readonly figure: string
  readonly measure: string
  readonly value: number
  readonly unit: string
  /** Of the run. */
  readonly file: string
  readonly date: string
  readonly commit: string
  readonly cpu: string
  readonly command: string
}

export type Inputs = Readonly<Record<keyof TradeCosts, Input>>

export const tradeCostsOf = (inputs: Inputs): TradeCosts => ({
  ratePerCore: inputs.ratePerCore.value,
  brokerRatePerCore: inputs.brokerRatePerCore.value,
  logBytes: inputs.logBytes.value,
  tableBytes: inputs.tableBytes.value,
  rowsRewritten: inputs.rowsRewritten.value
})

/** @throws ArgumentsRejected naming what is neither given nor measured */
export const readInputs = (folder: string, given: Partial<TradeCosts>): Inputs => {
  const keys = Object.keys(wanted) as (keyof TradeCosts)[]
  const lacking = keys.filter((key) => given[key] === undefined)
  const origins = lacking.length === 0 ? [] : readOrigins(folder)
  const found = keys.map((key): [keyof TradeCosts, Input | undefined] => {
    const value = given[key]
    return [key, value === undefined ? inputOf(wanted[key], origins) : { value }]
  })
  const missing = found.flatMap(([key, input]) => (input === undefined ? [wanted[key]] : []))
  if (missing.length > 0) throw new ArgumentsRejected(missingText(folder, missing))
  return Object.fromEntries(found) as Inputs
}

const inputOf = (
  { figure, measure, convert }: Wanted,
  origins: readonly Origin[]
): Input | undefined => {
  const [newest] = origins
    .filter((it) => it.figure === figure && it.measure === measure && it.value > 0)
    .toSorted((left, right) => (left.date < right.date ? 1 : -1)) // (1)
  return newest && { value: convert(newest.value), measured: newest }
}

/** (2) */
const missingText = (folder: string, missing: readonly Wanted[]): string => {
  const lines = missing.map(
    ({ title, figure, measure, flag }) =>
      `  ${title} (figure ${figure}, "${measure}"); ${flag} gives it instead`
  )
  const figures = [...new Set(missing.map(({ figure }) => figure))].join(',')
  return (
    `not measured in ${folder}:\n${lines.join('\n')}\n` +
    `npm run bench -- --only ${figures} --out bench/results/cost.json (in the repository) ` +
    'measures it; --results names a folder of such files'
  )
}

const readOrigins = (folder: string): readonly Origin[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith('.json'))
        .toSorted()
        .flatMap((name) => originsOf(folder, name))
    : []

/** @throws ArgumentsRejected for a file that is no report of the benchmarks */
const originsOf = (folder: string, name: string): readonly Origin[] => {
  try {
    const report = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Partial<Report>
    const { environment, command, figures = [] } = report
    // A result that cannot be made again is no evidence.
    if (environment === undefined || command === undefined) return []
    const { commit, cpu } = environment
    return figures
      .filter(({ status }) => status === 'ok')
      .flatMap(({ id, startedAt, measures }) =>
        measures.map(({ name: measure, median, unit }) => ({
          figure: id,
          measure,
          value: median,
          unit,
          file: name,
          date: startedAt,
          commit,
          cpu,
          command
        }))
      )
  } catch (error) {
    throw new ArgumentsRejected(
      `--results: ${join(folder, name)} is no result of npm run bench: ${(error as Error).message}`
    )
  }
}

/** As `npm run bench -- --out` writes it. */
interface Report {
  readonly environment: { readonly commit: string; readonly cpu: string }
  readonly command: string
  readonly figures: ReadonlyArray<{
    readonly id: string
    readonly status: 'ok' | 'failed'
    readonly startedAt: string
    readonly measures: ReadonlyArray<{
      readonly name: string
      readonly unit: string
      readonly median: number
    }>
  }>
}
