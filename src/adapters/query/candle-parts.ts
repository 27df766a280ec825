/**
 * Where the candles of one symbol at one exchange are read from: minutes from their table as far as
 * it covers the trades, the rest from the trades themselves (R21).
 *
 * 1. A minute is taken from the table of candles unless a file that this table does not cover, or
 *    the tail, has a trade in it: such a minute is made of all its trades, never added to.
 * 2. Intervals below a minute, and time zones whose days do not begin with a minute, are made of
 *    trades.
 * 3. Of files only those are read that can hold a trade of what is asked for.
 * 4. Minutes that are in memory are taken from there, and only what (1) asks for is read.
 */
import * as Effect from 'effect/Effect'
import { type CandleAxis, minuteUs } from '../../market/candle.ts'
import { addCost } from '../telemetry/query-cost.ts'
import {
  type CandleRange,
  type CandleSums,
  candlesSql,
  candleSums,
  minutesSql,
  type MinuteSource,
  type RowSource
} from './candles-sql.ts'
import { type HotMinutes, minuteAxis } from './hot-minutes.ts'
import { rolledMinutes } from './minute-roll.ts'
import type { MinutesLease, QueryEngine, ScanFile, ScanLease } from './query-ports.ts'

export interface CandleParts<TradesError, MinutesError, EngineError> {
  readonly trades: ScanLease<TradesError>
  readonly minutes: MinutesLease<MinutesError>
  readonly engine: QueryEngine<EngineError>
  readonly hotMinutes: HotMinutes
}

export interface Wanted {
  readonly rowsMax: number
  readonly direction: 'ASC' | 'DESC'
}

export const readCandles = <T, M, E>(
  parts: CandleParts<T, M, E>,
  range: CandleRange,
  wanted: Wanted
): Effect.Effect<readonly CandleSums[], T | M | E> =>
  Effect.gen(function* () {
    const { trades, minutes, engine } = parts
    const covered = usesMinutes(range.axis)
      ? minutes.coveredIn(trades.snapshotId)
      : -Infinity
    const all = filesWithin(trades, range)
    if (covered === -Infinity) return yield* readTrades(parts, range, { ...wanted, files: all })
    const stale = yield* staleMinutes(parts, range, all.filter(newerThan(covered)))
    const files = stale.length === 0 ? [] : filesOfMinutes(all, stale)
    const kept = filesWithin(minutes, range)
    if (files.length === 0 && kept.length === 0 && stale.length === 0) return []
    const hot = yield* minutesInMemory(parts, range, kept)
    if (hot !== undefined) {
      const made = yield* readStale(parts, range, { files, stale })
      return wantedOf(rolledMinutes(withStale(hot, made, stale), range.axis), wanted)
    }
    const rowSource = sourceOf(trades, files)
    const minuteSource: MinuteSource = { ...sourceOf(minutes, kept), stale }
    const rows = minutes.read(
      kept,
      engine.run(candlesSql({ range, trades: rowSource, minutes: minuteSource, ...wanted }))
    )
    return (yield* trades.read(files, rows)).map(candleSums)
  })

/** More is not worth to be gone through here. */
const hotFilesMax = 8

/** (4) Of the range, in the order of time. */
const minutesInMemory = <T, M, E>(
  { minutes, engine, hotMinutes }: CandleParts<T, M, E>,
  range: CandleRange,
  kept: readonly ScanFile[]
): Effect.Effect<readonly CandleSums[] | undefined, M | E> => {
  if (kept.length > hotFilesMax) return Effect.succeed(undefined)
  return hotMinutes.find({ minutes, engine }, kept, range).pipe(
    Effect.map((found) => found?.filter(startsIn(range)).sort(byIndex)),
    Effect.tap((found) =>
      found === undefined ? Effect.void : addCost({ filesInMemory: kept.length })
    )
  )
}

const startsIn =
  ({ fromUs, toUs }: CandleRange) =>
  ({ index }: CandleSums): boolean => {
    const startUs = minuteAxis.startOf(index)
    return startUs >= fromUs && startUs < toUs
  }

const byIndex = (left: CandleSums, right: CandleSums): number => left.index - right.index

/** (1) */
const readStale = <T, M, E>(
  parts: CandleParts<T, M, E>,
  range: CandleRange,
  { files, stale }: { readonly files: readonly ScanFile[]; readonly stale: readonly number[] }
): Effect.Effect<readonly CandleSums[], T | E> => {
  if (stale.length === 0) return Effect.succeed([])
  const { trades, engine } = parts
  const run = engine.run(
    candlesSql({
      range: { ...range, axis: minuteAxis },
      trades: sourceOf(trades, files),
      minutes: { source: '', paths: [], stale },
      rowsMax: stale.length,
      direction: 'ASC'
    })
  )
  return Effect.map(trades.read(files, run), (rows) => rows.map(candleSums))
}

const withStale = (
  hot: readonly CandleSums[],
  made: readonly CandleSums[],
  stale: readonly number[]
): readonly CandleSums[] => {
  if (stale.length === 0) return hot
  const isStale = new Set(stale)
  const sound = hot.filter(({ index }) => !isStale.has(minuteAxis.startOf(index)))
  return [...sound, ...made].sort(byIndex)
}

const wantedOf = (
  candles: readonly CandleSums[],
  { rowsMax, direction }: Wanted
): readonly CandleSums[] =>
  direction === 'ASC' ? candles.slice(0, rowsMax) : candles.slice(-rowsMax).reverse()

/** (2) */
const usesMinutes = ({ widthUs, offsets }: CandleAxis): boolean =>
  widthUs >= minuteUs && offsets.every(({ offsetUs }) => offsetUs % minuteUs === 0)

const readTrades = <T, M, E>(
  { trades, engine }: CandleParts<T, M, E>,
  range: CandleRange,
  { files, ...wanted }: Wanted & { readonly files: readonly ScanFile[] }
): Effect.Effect<readonly CandleSums[], T | E> => {
  const source = sourceOf(trades, files)
  if (isEmpty(source)) return Effect.succeed([])
  const run = engine.run(candlesSql({ range, trades: source, ...wanted }))
  return Effect.map(trades.read(files, run), (rows) => rows.map(candleSums))
}

/** (1) */
const staleMinutes = <T, M, E>(
  { trades, engine }: CandleParts<T, M, E>,
  range: CandleRange,
  files: readonly ScanFile[]
): Effect.Effect<readonly number[], T | E> => {
  const source = sourceOf(trades, files)
  if (isEmpty(source)) return Effect.succeed([])
  return Effect.map(
    trades.read(files, engine.run(minutesSql(range, source))),
    (rows) => rows.map(([minute]) => Number(minute))
  )
}

const newerThan =
  (covered: number) =>
  ({ sequenceNumber = Infinity }: ScanFile): boolean =>
    sequenceNumber > covered

/** (3) */
export const filesWithin = (
  { files }: Pick<ScanLease<never>, 'files'>,
  { fromUs, toUs }: Pick<CandleRange, 'fromUs' | 'toUs'>
): readonly ScanFile[] =>
  files.filter((file) => file.timestampUpperUs >= fromUs && file.timestampLowerUs < toUs)

const filesOfMinutes = (
  files: readonly ScanFile[],
  minutes: readonly number[]
): readonly ScanFile[] => {
  const sorted = minutes.toSorted((left, right) => left - right)
  return files.filter(({ timestampLowerUs, timestampUpperUs }) => {
    // The first minute that does not end before the file begins.
    const first = sorted.find((minute) => minute + minuteUs > timestampLowerUs)
    return first !== undefined && first <= timestampUpperUs
  })
}

export const sourceOf = (
  { source, beyond }: Pick<ScanLease<never>, 'source' | 'beyond'>,
  files: readonly ScanFile[]
): RowSource => ({ source, paths: files.map(({ path }) => path), tail: beyond.tail })

const isEmpty = ({ paths, tail }: RowSource): boolean => paths.length === 0 && tail === undefined
