/**
 * Candles of pinned snapshots of the trades, of their table of minutes and of the gap ledger.
 *
 * 1. A query holds one lease of the table of minutes, then one of the trades, then one of the
 *    ledger, each released however it ends (R28): the trades are never older than what was made of
 *    them. What is known of ids is of the snapshot of the trades: the state of a candle is that of
 *    the trades it was made of (`candle-state.ts`); what the tail adds may still change.
 * 2. A candle is whole: the range chooses intervals by their start, from `fromUs`, before `toUs`,
 *    and never cuts one. Intervals without trades have no candle.
 * 3. With a start, or a day, the oldest candles are given, as many as asked for, else the newest;
 *    always in the order of time, then exchange and symbol.
 * 4. The time is searched in chunks of whole intervals that grow, and only files that can hold some
 *    of a chunk are read: a few candles of a long table cost a few files.
 * 5. A candle is of one exchange, whatever the symbol is called elsewhere.
 */
import * as Effect from 'effect/Effect'
import {
  axisOf,
  type Candle,
  type CandleAxis,
  type CandleInterval,
  candleWidths,
  type VolumeProfile
} from '../../market/candle.ts'
import {
  exchangesOf,
  knowledgeOf,
  type SeriesKnowledge,
  type Sequences
} from '../../market/candle-state.ts'
import { dayUs, type TradingZones, zoneOf } from '../../market/trading-day.ts'
import { candleOf } from './candle-of.ts'
import type { ViewLedger } from './candle-ledger.ts'
import { type CandleParts, filesWithin, readCandles, sourceOf } from './candle-parts.ts'
import { type CandleRange, type CandleSums, levelOf, profileSql } from './candles-sql.ts'
import type { HotMinutes } from './hot-minutes.ts'
import { readTailSeries, type TailSeries } from './candle-tail.ts'
import { inTurns } from './in-turns.ts'
import type { MinutesPlanner, QueryEngine, ScanPlanner } from './query-ports.ts'

interface CandlesFilter {
  readonly symbols: readonly string[]
  /** Upper case. */
  readonly exchange?: string
  readonly interval: CandleInterval
  /** (2), microseconds. */
  readonly fromUs?: number
  readonly toUs?: number
  /** Of the interval `1d`: this trading day of each exchange only; days since 1970-01-01. */
  readonly day?: number
  /** At most so many price levels of each candle, at least 2. */
  readonly levelsMax?: number
}

interface CandlesPage {
  readonly snapshotId: string | null
  readonly candles: readonly Candle[]
  readonly hasMore: boolean
  /** What could not be looked at, in words. */
  readonly missing: readonly string[]
}

export interface CandlesQuery<E> {
  /** (3) */
  readonly list: (filter: CandlesFilter, candlesMax: number) => Effect.Effect<CandlesPage, E>
  /** Of each symbol at each exchange as many, series by series. */
  readonly series: (
    filter: CandlesFilter,
    candlesMaxEach: number
  ) => Effect.Effect<SeriesPages, E>
}

interface SeriesPages extends Pick<CandlesPage, 'snapshotId' | 'missing'> {
  readonly pages: readonly Pick<CandlesPage, 'candles' | 'hasMore'>[]
}

interface Ports<TradesError, MinutesError, EngineError, LedgerError, StateError> {
  readonly trades: ScanPlanner<TradesError>
  readonly minutes: MinutesPlanner<MinutesError>
  readonly engine: QueryEngine<EngineError>
  readonly hotMinutes: HotMinutes
  readonly ledger: ViewLedger<LedgerError>
  /** What a snapshot of the trades says of ids; null: the table has none. */
  readonly sequencesAt: (snapshotId: string | null) => Effect.Effect<Sequences, StateError>
  readonly zones: TradingZones
}

/** Symbols that are read at a time: there are others who ask. */
const seriesAtOnce = 2

export const makeCandlesQuery = <T, M, E, L, S>(
  ports: Ports<T, M, E, L, S>
): CandlesQuery<T | M | E | L | S> => ({
  list: (filter, candlesMax) =>
    Effect.map(readSeries(ports, filter, candlesMax), ({ pages, ...page }) => {
      const found = pages.flatMap(({ candles }) => candles).sort(compareCandles)
      return {
        ...page,
        candles: isNewest(filter) ? found.slice(-candlesMax) : found.slice(0, candlesMax),
        hasMore: found.length > candlesMax || pages.some(({ hasMore }) => hasMore)
      }
    }),
  series: (filter, candlesMaxEach) => readSeries(ports, filter, candlesMaxEach)
})

const readSeries = <T, M, E, L, S>(
  ports: Ports<T, M, E, L, S>,
  filter: CandlesFilter,
  candlesMax: number
): Effect.Effect<SeriesPages, T | M | E | L | S> =>
  withLeases(ports, plannedOf(filter), (parts) =>
    Effect.gen(function* () {
      const { trades } = parts
      const sequences = yield* ports.sequencesAt(trades.snapshotId)
      const ledger = yield* ports.ledger(filter)
      const tail = yield* readTailSeries(ports.engine, trades.beyond.tail, filter.symbols)
      const pages = yield* Effect.forEach(
        seriesOf(sequences, tail, filter),
        (series) => {
          const known = knowledgeOf(sequences, series, ledger)
          const { zones } = ports
          const context = { parts, filter, candlesMax, series, known, zones }
          const newestUs = Math.max(known.newestUs, tail.newestOf(series))
          return seriesPage({ ...context, newestUs, tailFromUs: tail.oldestOf(series) })
        },
        { concurrency: seriesAtOnce }
      )
      return { snapshotId: trades.snapshotId, pages, missing: trades.beyond.missing }
    })
  )

type SourcePorts<T, M, E> = Pick<
  Ports<T, M, E, never, never>,
  'minutes' | 'trades' | 'engine' | 'hotMinutes'
>

/** (1) */
const withLeases = <T, M, E, A, E2>(
  { minutes, trades, ...ports }: SourcePorts<T, M, E>,
  filter: ReturnType<typeof plannedOf>,
  use: (parts: CandleParts<T, M, E>) => Effect.Effect<A, E2>
): Effect.Effect<A, T | M | E2> =>
  Effect.acquireUseRelease(
    minutes.acquire(filter),
    (ofMinutes) =>
      Effect.acquireUseRelease(
        trades.acquire(filter),
        (ofTrades) => use({ ...ports, minutes: ofMinutes, trades: ofTrades }),
        (lease) => Effect.sync(() => lease.release())
      ),
    (lease) => Effect.sync(() => lease.release())
  )

/** (3) */
const isNewest = ({ fromUs, day }: CandlesFilter): boolean =>
  fromUs === undefined && day === undefined

/** The last candle may end that much behind `toUs`: a day has 25 hours at most (2). */
const plannedOf = ({ symbols, exchange, interval, fromUs, toUs, day }: CandlesFilter) => ({
  ...(symbols.length === 1 ? { symbol: symbols[0]! } : {}),
  ...(exchange === undefined ? {} : { exchange }),
  ...(fromUs === undefined ? {} : { fromUs }),
  ...(toUs === undefined ? {} : { toUs: toUs + 2 * candleWidths[interval] }),
  // Wherever on Earth that day is.
  ...(day === undefined ? {} : { fromUs: (day - 1) * dayUs, toUs: (day + 2) * dayUs })
})

interface Series {
  readonly exchange: string
  readonly symbol: string
}

const seriesOf = (
  sequences: Sequences,
  tail: TailSeries,
  { symbols, exchange }: CandlesFilter
): readonly Series[] =>
  symbols.flatMap((symbol) =>
    [...new Set([...exchangesOf(sequences, symbol), ...tail.exchangesOf(symbol)])]
      .filter((it) => exchange === undefined || it === exchange)
      .map((it) => ({ exchange: it, symbol }))
  )

interface SeriesContext<T, M, E> {
  readonly parts: CandleParts<T, M, E>
  readonly filter: CandlesFilter
  readonly candlesMax: number
  readonly series: Series
  readonly known: SeriesKnowledge
  /** Of the tail as well. */
  readonly newestUs: number
  /** Oldest of the tail; Infinity where it has none. */
  readonly tailFromUs: number
  readonly zones: TradingZones
}

const seriesPage = <T, M, E>(context: SeriesContext<T, M, E>) =>
  Effect.gen(function* () {
    const { parts, filter, candlesMax, series, zones } = context
    const axis = axisOf(filter.interval, zoneOf(zones, series.exchange))
    const direction = isNewest(filter) ? 'DESC' : 'ASC'
    const found: CandleSums[] = []
    for (const chunk of chunksOf(context, axis)) {
      if (found.length > candlesMax) break
      const rowsMax = candlesMax + 1 - found.length
      const range = rangeOf(series, axis, chunk)
      found.push(...(yield* readCandles(parts, range, { rowsMax, direction })))
    }
    const kept = found.slice(0, candlesMax)
    if (direction === 'DESC') kept.reverse()
    const profiles = yield* profilesOf(context, axis, kept)
    const candles = yield* inTurns(kept, (sums) => {
      const candle = candleOf(sums, axis, context)
      return profiles === undefined ? candle : { ...candle, profile: profiles.get(sums.index)! }
    })
    return { candles, hasMore: found.length > candlesMax }
  })

/** Numbers of intervals, the second of them exclusive; infinite where there is no bound. */
type Chunk = readonly [from: number, to: number]

const chunkGrowth = 8
const chunksMax = 6

/** (4) */
const chunksOf = (
  { filter, newestUs, tailFromUs, parts, candlesMax }: SeriesContext<unknown, unknown, unknown>,
  axis: CandleAxis
): readonly Chunk[] => {
  const { fromUs, toUs, day } = filter
  if (day !== undefined) return [[day, day + 1]]
  const lowerUs = parts.trades.files.reduce(
    (us, file) => Math.min(us, file.timestampLowerUs),
    tailFromUs
  )
  const oldest = Number.isFinite(lowerUs) ? axis.indexOf(lowerUs) : -Infinity
  const from = Math.max(oldest, fromUs === undefined ? -Infinity : firstFrom(axis, fromUs))
  const newest = axis.indexOf(newestUs) + 1
  const to = Math.min(newest, toUs === undefined ? Infinity : firstFrom(axis, toUs))
  const chunks: Chunk[] = []
  let [low, high] = [from, to]
  for (let size = candlesMax + 1; low < high; size *= chunkGrowth) {
    const isLast = chunks.length + 1 >= chunksMax
    if (isNewest(filter)) {
      const next = isLast ? low : Math.max(low, high - size)
      chunks.push([next, high])
      high = next
    } else {
      const next = isLast ? high : Math.min(high, low + size)
      chunks.push([low, next])
      low = next
    }
  }
  return chunks
}

/** First interval that does not start before a time. */
const firstFrom = (axis: CandleAxis, us: number): number => {
  const index = axis.indexOf(us)
  return axis.startOf(index) < us ? index + 1 : index
}

const rangeOf = (series: Series, axis: CandleAxis, [from, to]: Chunk): CandleRange => ({
  ...series,
  axis,
  fromUs: from === -Infinity ? from : axis.startOf(from),
  toUs: axis.startOf(to)
})

const profilesOf = <T, M, E>(
  { parts: { trades, engine }, filter, series }: SeriesContext<T, M, E>,
  axis: CandleAxis,
  kept: readonly CandleSums[]
): Effect.Effect<ReadonlyMap<number, VolumeProfile> | undefined, T | E> =>
  Effect.gen(function* () {
    const { levelsMax } = filter
    if (levelsMax === undefined) return undefined
    const profiles = new Map<number, { step: bigint; levels: VolumeProfile['levels'][number][] }>()
    if (kept.length === 0) return profiles
    const range = rangeOf(series, axis, [kept[0]!.index, kept.at(-1)!.index + 1])
    const files = filesWithin(trades, range)
    const statement = profileSql(range, sourceOf(trades, files), levelsMax)
    for (const row of yield* trades.read(files, engine.run(statement))) {
      const { index, step, ...level } = levelOf(row)
      const profile = profiles.get(index) ?? { step, levels: [] }
      profile.levels.push(level)
      profiles.set(index, profile)
    }
    return profiles
  })

const compareCandles = (left: Candle, right: Candle): number =>
  left.startUs - right.startUs ||
  compare(left.exchange, right.exchange) ||
  compare(left.symbol, right.symbol)

const compare = (left: string, right: string): number => Number(left > right) - Number(left < right)
