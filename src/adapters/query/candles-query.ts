/**
 * Candles from the trades of one pinned snapshot, aggregated by the query engine.
 *
 * 1. A query holds one lease of the trades, and after that one of the ledger, each released however
 *    it ends (R28). What is known of ids is of the snapshot of the trades: the state of a candle is
 *    that of the trades it was made of (`candle-state.ts`).
 * 2. A candle is whole: the range chooses intervals by their start, from `fromUs`, before `toUs`,
 *    and never cuts one. Intervals without trades have no candle.
 * 3. With a start the oldest candles are given, as many as asked for, else the newest; always in
 *    the order of time, then exchange and symbol.
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
  twapOf,
  vwapOf,
  type VolumeProfile
} from '../../market/candle.ts'
import {
  exchangesOf,
  knowledgeOf,
  type LedgerView,
  type SeriesKnowledge,
  type Sequences
} from '../../market/candle-state.ts'
import { type Gap, GapFold } from '../../market/gap-events.ts'
import {
  type CandleSums,
  candlesSql,
  candleSums,
  levelOf,
  profileSql,
  type Trades
} from './candles-sql.ts'
import { foldLedger } from './ledger-fold.ts'
import type { QueryEngine, ScanLease, ScanPlanner } from './query-ports.ts'

export interface CandlesFilter {
  readonly symbols: readonly string[]
  /** Upper case. */
  readonly exchange?: string
  readonly interval: CandleInterval
  /** (2), microseconds. */
  readonly fromUs?: number
  readonly toUs?: number
  /** At most so many price levels of each candle, at least 2. */
  readonly levelsMax?: number
}

interface CandlesPage {
  readonly snapshotId: string | null
  readonly candles: readonly Candle[]
  readonly hasMore: boolean
}

export interface CandlesQuery<E> {
  /** (3) */
  readonly list: (filter: CandlesFilter, candlesMax: number) => Effect.Effect<CandlesPage, E>
}

interface Ports<TradesError, GapsError, EngineError, StateError> {
  readonly trades: ScanPlanner<TradesError>
  readonly gaps: ScanPlanner<GapsError>
  readonly engine: QueryEngine<EngineError>
  /** What a snapshot of the trades says of ids; null: the table has none. */
  readonly sequencesAt: (snapshotId: string | null) => Effect.Effect<Sequences, StateError>
}

export const makeCandlesQuery = <T, G, E, S>(
  ports: Ports<T, G, E, S>
): CandlesQuery<T | G | E | S> => ({
  list: (filter, candlesMax) =>
    Effect.acquireUseRelease(
      ports.trades.acquire(plannedOf(filter)),
      (lease) =>
        Effect.gen(function* () {
          const sequences = yield* ports.sequencesAt(lease.snapshotId)
          const ledger = yield* ledgerOf(ports, filter)
          const found: Candle[] = []
          let hasMore = false
          for (const series of seriesOf(sequences, filter)) {
            const known = knowledgeOf(sequences, series, ledger)
            const context = { lease, engine: ports.engine, filter, candlesMax, series, known }
            const page = yield* seriesPage(context)
            found.push(...page.candles)
            hasMore ||= page.hasMore
          }
          found.sort(compareCandles)
          hasMore ||= found.length > candlesMax
          const kept =
            filter.fromUs === undefined ? found.slice(-candlesMax) : found.slice(0, candlesMax)
          return { snapshotId: lease.snapshotId, candles: kept, hasMore }
        }),
      (lease) => Effect.sync(() => lease.release()) // (1)
    )
})

/** The last candle may end that much behind `toUs`: a day has 25 hours at most (2). */
const plannedOf = ({ symbols, exchange, interval, fromUs, toUs }: CandlesFilter) => ({
  ...(symbols.length === 1 ? { symbol: symbols[0]! } : {}),
  ...(exchange === undefined ? {} : { exchange }),
  ...(fromUs === undefined ? {} : { fromUs }),
  ...(toUs === undefined ? {} : { toUs: toUs + 2 * candleWidths[interval] })
})

const ledgerOf = <T, G, E, S>(
  { gaps, engine }: Ports<T, G, E, S>,
  { symbols, exchange }: CandlesFilter
): Effect.Effect<LedgerView, G | E> => {
  const filter = {
    ...(symbols.length === 1 ? { symbol: symbols[0]! } : {}),
    ...(exchange === undefined ? {} : { exchange })
  }
  return Effect.acquireUseRelease(
    gaps.acquire(filter),
    (lease) => {
      const givenUp: Gap[] = []
      const fold = new GapFold((gap) => {
        const { closedReason: reason } = gap
        if (reason === 'rejected' || reason === 'never_issued') givenUp.push(gap)
      })
      return Effect.map(foldLedger(engine, lease, filter, fold), () => ({
        open: fold.open,
        givenUp
      }))
    },
    (lease) => Effect.sync(() => lease.release())
  )
}

interface Series {
  readonly exchange: string
  readonly symbol: string
}

const seriesOf = (
  sequences: Sequences,
  { symbols, exchange }: CandlesFilter
): readonly Series[] =>
  symbols.flatMap((symbol) =>
    exchangesOf(sequences, symbol)
      .filter((it) => exchange === undefined || it === exchange)
      .map((it) => ({ exchange: it, symbol }))
  )

interface SeriesContext<PlanError, EngineError> {
  readonly lease: ScanLease<PlanError>
  readonly engine: QueryEngine<EngineError>
  readonly filter: CandlesFilter
  readonly candlesMax: number
  readonly series: Series
  readonly known: SeriesKnowledge
}

const seriesPage = <P, E>(context: SeriesContext<P, E>) =>
  Effect.gen(function* () {
    const { filter, candlesMax, known, series } = context
    const axis = axisOf(filter.interval, series.exchange)
    const isAscending = filter.fromUs !== undefined
    const found: CandleSums[] = []
    for (const [from, to] of chunksOf(context, axis)) {
      if (found.length > candlesMax) break
      const trades = tradesOf(context, axis, [from, to])
      if (trades.paths.length === 0) continue
      const rowsMax = candlesMax + 1 - found.length
      const rows = yield* run(
        context,
        trades,
        candlesSql(trades, { rowsMax, direction: isAscending ? 'ASC' : 'DESC' })
      )
      found.push(...rows.map(candleSums))
    }
    const kept = found.slice(0, candlesMax)
    if (!isAscending) kept.reverse()
    const profiles = yield* profilesOf(context, axis, kept)
    const candles = kept.map((sums) => ({
      ...candleOf(sums, { axis, known, series }),
      ...(profiles === undefined ? {} : { profile: profiles.get(sums.index)! })
    }))
    return { candles, hasMore: found.length > candlesMax }
  })

/** Intervals, the second of them exclusive; infinite where there is no bound. */
type Range = readonly [from: number, to: number]

const chunkGrowth = 8
const chunksMax = 6

/** (4) */
const chunksOf = (
  { filter: { fromUs, toUs }, known, lease, candlesMax }: SeriesContext<unknown, unknown>,
  axis: CandleAxis
): readonly Range[] => {
  const lowerUs = lease.files.reduce((us, file) => Math.min(us, file.timestampLowerUs), Infinity)
  const oldest = Number.isFinite(lowerUs) ? axis.indexOf(lowerUs) : -Infinity
  const from = Math.max(oldest, fromUs === undefined ? -Infinity : firstFrom(axis, fromUs))
  const newest = axis.indexOf(known.newestUs) + 1
  const to = Math.min(newest, toUs === undefined ? Infinity : firstFrom(axis, toUs))
  const chunks: Range[] = []
  let [low, high] = [from, to]
  for (let size = candlesMax + 1; low < high; size *= chunkGrowth) {
    const isLast = chunks.length + 1 >= chunksMax
    if (fromUs === undefined) {
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

const tradesOf = (
  { lease, series }: SeriesContext<unknown, unknown>,
  axis: CandleAxis,
  [from, to]: Range
): Trades => {
  const fromUs = from === -Infinity ? from : axis.startOf(from)
  const toUs = axis.startOf(to)
  const paths = lease.files
    .filter((file) => file.timestampUpperUs >= fromUs && file.timestampLowerUs < toUs)
    .map(({ path }) => path)
  return { source: lease.source, axis, paths, ...series, fromUs, toUs }
}

const run = <P, E>(
  { lease, engine }: SeriesContext<P, E>,
  { paths }: Trades,
  statement: Parameters<QueryEngine<E>['run']>[0]
) => {
  const wanted = new Set(paths)
  return lease.read(lease.files.filter(({ path }) => wanted.has(path)), engine.run(statement))
}

const profilesOf = <P, E>(
  context: SeriesContext<P, E>,
  axis: CandleAxis,
  kept: readonly CandleSums[]
): Effect.Effect<ReadonlyMap<number, VolumeProfile> | undefined, P | E> =>
  Effect.gen(function* () {
    const { levelsMax } = context.filter
    if (levelsMax === undefined) return undefined
    const profiles = new Map<number, { step: bigint; levels: VolumeProfile['levels'][number][] }>()
    if (kept.length === 0) return profiles
    const trades = tradesOf(context, axis, [kept[0]!.index, kept.at(-1)!.index + 1])
    for (const row of yield* run(context, trades, profileSql(trades, levelsMax))) {
      const { index, step, ...level } = levelOf(row)
      const profile = profiles.get(index) ?? { step, levels: [] }
      profile.levels.push(level)
      profiles.set(index, profile)
    }
    return profiles
  })

const candleOf = (
  { index, weighted, firstUs, lastUs, ...sums }: CandleSums,
  {
    axis,
    known: { newestUs, stateOf },
    series
  }: { readonly axis: CandleAxis } & Pick<SeriesContext<unknown, unknown>, 'known' | 'series'>
): Candle => {
  const [startUs, endUs] = [axis.startOf(index), axis.startOf(index + 1)]
  const untilUs = newestUs < endUs ? lastUs : endUs
  return {
    ...series,
    startUs,
    endUs,
    ...sums,
    vwap: vwapOf(sums.quoteVolume, sums.volume),
    twap: twapOf({ weighted, firstUs, lastUs, untilUs, close: sums.close }),
    state: stateOf(startUs, endUs)
  }
}

const compareCandles = (left: Candle, right: Candle): number =>
  left.startUs - right.startUs ||
  compare(left.exchange, right.exchange) ||
  compare(left.symbol, right.symbol)

const compare = (left: string, right: string): number => Number(left > right) - Number(left < right)
