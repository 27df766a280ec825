/**
 * Where the candles of one symbol at one exchange are read from: minutes from their table as far as
 * it covers the trades, the rest from the trades themselves (R21).
 *
 * 1. A minute is taken from the table of candles unless a file that this table does not cover, or
 *    the tail, has a trade in it: such a minute is made of all its trades, never added to.
 * 2. Intervals below a minute, and time zones whose days do not begin with a minute, are made of
 *    trades.
 * 3. Of files only those are read that can hold a trade of what is asked for.
 */
import * as Effect from 'effect/Effect'
import { type CandleAxis, minuteUs } from '../../market/candle.ts'
import {
  type CandleRange,
  type CandleSums,
  candlesSql,
  candleSums,
  minutesSql,
  type MinuteSource,
  type RowSource
} from './candles-sql.ts'
import type { MinutesLease, QueryEngine, ScanFile, ScanLease } from './query-ports.ts'

export interface CandleParts<TradesError, MinutesError, EngineError> {
  readonly trades: ScanLease<TradesError>
  readonly minutes: MinutesLease<MinutesError>
  readonly engine: QueryEngine<EngineError>
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
    const rowSource = sourceOf(trades, files)
    const minuteSource: MinuteSource = { ...sourceOf(minutes, kept), stale }
    const rows = minutes.read(
      kept,
      engine.run(candlesSql({ range, trades: rowSource, minutes: minuteSource, ...wanted }))
    )
    return (yield* trades.read(files, rows)).map(candleSums)
  })

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
