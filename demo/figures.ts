/** The figures of a run, of its record alone. What was not seen has none. Pure. */
import * as Plan from './plan.ts'
import { type DemoRecord, type Level, levels, memoryOf } from './record.ts'

export interface Figure {
  readonly name: string
  /** Null: the run did not come to it. */
  readonly value: string | null
  readonly about: string
}

export const figuresOf = (record: DemoRecord): readonly Figure[] => {
  const { moments } = record
  const { floodMs, killedMs, floodEndMs, restartedMs, stableMs, healedMs } = moments
  const soft = reached(record, 'soft')
  const felt = outageFelt(record)
  return [
    figure('Flood detected', since(floodMs, soft), 'from its beginning to the first level'),
    figure('To aggressive', since(floodMs, reached(record, 'aggressive')), 'from its beginning'),
    ...(record.variant === 'kafka'
      ? [figure('Dead Kafka detected', since(killedMs, felt), 'its circuit open, or lag unknown')]
      : []),
    figure('Log away', since(killedMs, restartedMs), 'from the kill until it answered again'),
    figure('Stable', since(floodEndMs, stableMs), 'from the end of the flood to normal'),
    figure('Healed', since(stableMs, healedMs), 'from normal until nothing was missing'),
    ...healFigures(record),
    ...peaks(record)
  ]
}

const figure = (name: string, value: string | null, about: string): Figure => ({
  name,
  value,
  about
})

const since = (fromMs: number | undefined, toMs: number | undefined): string | null =>
  fromMs === undefined || toMs === undefined || toMs < fromMs
    ? null
    : `${((toMs - fromMs) / 1_000).toFixed(1)} s`

const reached = ({ transitions, moments }: DemoRecord, level: Level): number | undefined => {
  const { floodMs } = moments
  if (floodMs === undefined) return undefined
  const rank = levels.indexOf(level)
  return transitions.find(({ atMs, to }) => atMs >= floodMs && levels.indexOf(to) >= rank)?.atMs
}

/** While all goes to the spool anyway no circuit opens: then what is in the log is not known. */
const outageFelt = ({ samples, moments }: DemoRecord): number | undefined => {
  const { killedMs } = moments
  if (killedMs === undefined) return undefined
  return samples.find(
    ({ atMs, signals }) =>
      atMs >= killedMs &&
      signals.some(
        ({ name, value, isStale }) =>
          (name.startsWith('circuit') && value > 0) || (name.startsWith('lag') && isStale)
      )
  )?.atMs
}

const healFigures = ({ venue }: DemoRecord): readonly Figure[] => {
  if (venue === undefined) return []
  const { weightLimit, shed } = venue
  const atVenue = Math.round(Plan.venueSeconds(shed))
  return [
    figure('To be healed', count(shed), 'trades that were let go'),
    figure('The same at Binance', `${atVenue} s`, 'within its limit of 6,000 a minute'),
    figure('Weight announced here', `${count(weightLimit)}/min`, 'so that it takes about 45 s')
  ]
}

const peaks = ({ samples }: DemoRecord): readonly Figure[] => {
  const peak = (of: 'residentBytes' | 'spoolBytes' | 'spoolRecords') => {
    const seen = samples.flatMap(({ k2 }) => (k2 === null ? [] : [k2[of]]))
    return seen.length === 0 ? null : Math.max(...seen)
  }
  const bytes = (value: number | null) => (value === null ? null : mebibytes(value))
  const memory = samples.map(memoryOf).filter((value) => value !== null)
  const inUse = memory.length === 0 ? null : Math.max(...memory)
  const spooled = peak('spoolRecords')
  const spool = bytes(peak('spoolBytes'))
  return [
    figure('Memory in use, peak', bytes(inUse), 'all threads and DuckDB'),
    figure('Resident memory, peak', bytes(peak('residentBytes')), 'as the system counts it'),
    figure('Spool, peak', spool, spooled === null ? 'on disk' : `${count(spooled)} trades, on disk`)
  ]
}

const mebibytes = (value: number): string => `${(value / 1_024 ** 2).toFixed(1)} MiB`

export const count = (value: number): string => Math.round(value).toLocaleString('en-US')
