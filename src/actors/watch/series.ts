/**
 * The numbers of the timeline, one of each a second.
 *
 * 1. Everything is read of what actors count anyway; what is not known is null.
 * 2. Records a second are of the checks of conservation, by the time between two of them.
 */
import type { WatchSeries } from '../../adapters/http/watch-schemas.ts'
import { quotesLevelOf } from '../../machines/degradation-rules.ts'
import { type Level, levels } from '../../machines/ingest-policy.ts'
import type { Signal } from '../../machines/pressure-marks.ts'
import type { ActorFacts } from '../status-facts.ts'
import type { Shared } from '../shared.ts'
import { makeTermRate, type Term } from './record-rates.ts'

export const seriesOf: readonly WatchSeries[] = [
  { name: 'received', label: 'Received', unit: 'records/s' },
  { name: 'published', label: 'Published', unit: 'records/s' },
  { name: 'landed', label: 'Landed', unit: 'records/s' },
  { name: 'shed', label: 'Shed', unit: 'records/s' },
  { name: 'lag', label: 'Lag', unit: 'records' },
  { name: 'memory', label: 'Memory, of its limit', unit: 'share' },
  { name: 'memory_bytes', label: 'Memory', unit: 'bytes' },
  { name: 'spool_bytes', label: 'Spool', unit: 'bytes' },
  { name: 'in_flight_bytes', label: 'In flight', unit: 'bytes' },
  { name: 'level', label: 'Level', unit: 'level' },
  { name: 'quotes_level', label: 'Level of quotes', unit: 'level' },
  { name: 'loop_delay', label: 'Event loop delay, p99', unit: 'seconds' },
  { name: 'gaps_open', label: 'Open gaps', unit: 'gaps' },
  { name: 'gap_ids_missing', label: 'Trades missing', unit: 'records' },
  { name: 'requests', label: 'Requests', unit: 'requests/s' },
  { name: 'query_p99', label: 'Queries, p99 of 10 s', unit: 'seconds' }
]

export interface SeriesSources {
  readonly shared: Shared
  /** Of an actor, by its path. */
  readonly factsOf: (path: string) => ActorFacts
}

/** Each call is the next second. */
export const makeSeries = ({ shared, factsOf }: SeriesSources): (() => readonly Value[]) => {
  const records = makeRecordRates(shared)
  const requests = makeRate()
  return () => {
    const { received, published, landed, shed } = records()
    const ledger = factsOf('root/landing/gaps').counters
    const memory = readingsOf(shared, 'memory')[0]
    const { context } = shared.degradation
    const quotesLevel = context?.policy == null ? null : quotesLevelOf(context)
    return [
      received,
      published,
      landed,
      shed,
      sumOf(readingsOf(shared, 'lag')),
      memory?.value == null || memory.limit === null ? null : memory.value / memory.limit,
      memory?.value ?? null,
      shared.spool.current?.usage().bytes ?? null,
      inFlightBytes(shared),
      rankOf(shared.policy.current?.level),
      rankOf(quotesLevel ?? undefined),
      readingsOf(shared, 'loop_delay')[0]?.value ?? null,
      ledger?.['openHoles'] ?? null,
      ledger?.['openTrades'] ?? null,
      requests(shared.watch.requests.requests, shared.host.steadyMs()),
      shared.watch.requests.p99Seconds(shared.nowMs())
    ].map(rounded)
  }
}

type Value = number | null

/** Enough for a chart. */
const rounded = (value: Value): Value => (value === null ? null : Number(value.toPrecision(6)))

const rankOf = (level: Level | undefined): Value =>
  level === undefined ? null : levels.indexOf(level)

const readingsOf = ({ degradation: { context } }: Shared, signal: Signal) =>
  (context?.readings ?? []).filter((reading) => reading.signal === signal)

const sumOf = (readings: ReadonlyArray<{ readonly value: Value }>): Value => {
  const known = readings.flatMap(({ value }) => value ?? [])
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0)
}

const inFlightBytes = ({ captured }: Shared): Value =>
  sumOf(captured.map(({ publisher }) => ({ value: publisher.current?.pendingBytes ?? null })))

/** Of a count that grows; null where it is not known, or was not before. */
const makeRate = () => {
  let before: { readonly count: number; readonly atMs: number } | undefined
  let rate: Value = null
  return (count: Value, atMs: number): Value => {
    if (before !== undefined && count !== null && atMs <= before.atMs) return rate
    rate =
      before === undefined || count === null
        ? null
        : Math.max(0, ((count - before.count) * 1_000) / (atMs - before.atMs))
    before = count === null ? undefined : { count, atMs }
    return rate
  }
}

/** (2) */
const makeRecordRates = ({ conservation }: Shared) => {
  const rates = {
    received: makeTermRate(terms.received),
    published: makeTermRate(terms.published),
    landed: makeTermRate(terms.landed),
    shed: makeTermRate(terms.shed)
  }
  return () => {
    const { equations } = conservation.current
    const atMs = conservation.lastMs ?? 0
    return {
      received: rates.received(equations, atMs),
      published: rates.published(equations, atMs),
      landed: rates.landed(equations, atMs),
      shed: rates.shed(equations, atMs)
    }
  }
}

const terms: Readonly<Record<'received' | 'published' | 'landed' | 'shed', Term>> = {
  received: ({ name, left }) => (name === 'feed' ? left['received'] : undefined),
  // Of each symbol, too: those are parts of it.
  published: ({ name, symbol, right }) =>
    name === 'publisher' && symbol === null ? right['acknowledged'] : undefined,
  landed: ({ name, right }) => (name === 'landing' ? right['landed'] : undefined),
  shed: ({ name, right }) => (name === 'feed' ? right['shed'] : undefined)
}
