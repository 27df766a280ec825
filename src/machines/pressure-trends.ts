/**
 * What a signal raises the level to, seen over its last samples (R13, R25). Pure.
 *
 * 1. A lag that fell in each of its last three samples raises nothing.
 * 2. Until a lander has caught up once since its (re)start, only a lag raises that is above all
 *    that it was within `lagTrendMs`, watched for that long: between two commits any backlog rises
 *    for a moment.
 * 3. By lag, the last level needs three samples in a row.
 * 4. Resident memory raises only after it rose in each of three samples, by more than noise; it
 *    never comes back by itself, so it never holds a level.
 * 5. What is stale or unknown raises nothing. It was not a sample: trends go on at the next one,
 *    but "in a row" is broken (3).
 * 6. A measurement that is delivered twice is one sample.
 */
import {
  entered,
  type Marks,
  pressureOf,
  type Rank,
  rankAfter,
  type Reading
} from './pressure-marks.ts'

export interface Trend {
  /** When the first sample was measured. */
  readonly sinceMs: number | null
  /** When the newest one was (6). */
  readonly measuredMs: number | null
  readonly pressure: number
  readonly falls: number
  readonly rises: number
  /** Samples in a row at the last level (3). */
  readonly tops: number
  /** Newest last, no older than `lagTrendMs`. */
  readonly recent: readonly { readonly atMs: number; readonly pressure: number }[]
  /** Level of this signal alone, with hysteresis. */
  readonly rank: Rank
  /** What the newest sample may raise the level to; 0 while it is not of now (5). */
  readonly raisesTo: Rank
}

export const noTrend: Trend = {
  sinceMs: null,
  measuredMs: null,
  pressure: 0,
  falls: 0,
  rises: 0,
  tops: 0,
  recent: [],
  rank: 0,
  raisesTo: 0
}

const samplesInRow = 3
/** A share of the limit. */
const riseMin = 0.005
const recentMax = 64
const top: Rank = 4

export interface TrendSettings {
  readonly marks: Marks
  readonly lagTrendMs: number
}

export const trendAfter = (
  trend: Trend,
  reading: Reading,
  atMs: number,
  settings: TrendSettings
): Trend => {
  const pressure = pressureOf(reading)
  if (pressure === null) return { ...trend, tops: 0, raisesTo: 0 } // (5)
  const measuredMs = atMs - (reading.ageMs ?? 0)
  const isNew = trend.measuredMs === null || measuredMs - trend.measuredMs >= 1
  const moved = isNew ? sampled(trend, pressure, measuredMs, settings) : trend
  const isRisen = isNew ? exceeds(trend, pressure, measuredMs, settings) : trend.raisesTo > 0
  return { ...moved, raisesTo: raisedBy(reading, moved, settings.marks, isRisen) }
}

const sampled = (
  trend: Trend,
  pressure: number,
  measuredMs: number,
  { marks, lagTrendMs }: TrendSettings
): Trend => {
  const isFirst = trend.measuredMs === null
  const change = pressure - trend.pressure
  return {
    sinceMs: trend.sinceMs ?? measuredMs,
    measuredMs,
    pressure,
    falls: !isFirst && change < 0 ? trend.falls + 1 : 0,
    rises: !isFirst && change > riseMin ? trend.rises + 1 : 0,
    tops: entered(pressure, marks) === top ? trend.tops + 1 : 0,
    recent: [...trend.recent, { atMs: measuredMs, pressure }]
      .filter(({ atMs }) => atMs > measuredMs - lagTrendMs)
      .slice(-recentMax),
    rank: rankAfter(trend.rank, pressure, marks),
    raisesTo: 0
  }
}

/** (2) */
const exceeds = (
  { recent, sinceMs, pressure: last }: Trend,
  pressure: number,
  nowMs: number,
  { lagTrendMs }: TrendSettings
): boolean => {
  if (sinceMs === null || nowMs - sinceMs < lagTrendMs) return false
  const seen = recent.filter(({ atMs }) => atMs >= nowMs - lagTrendMs)
  return pressure > Math.max(last, ...seen.map((it) => it.pressure))
}

const raisedBy = (
  { signal, hasCaughtUp = true }: Reading,
  { pressure, falls, rises, tops }: Trend,
  marks: Marks,
  isRisen: boolean
): Rank => {
  const rank = entered(pressure, marks)
  if (signal === 'resident') return rises >= samplesInRow ? rank : 0 // (4)
  if (signal !== 'lag') return rank
  if (falls >= samplesInRow || (!hasCaughtUp && !isRisen)) return 0 // (1), (2)
  return rank === top && tops < samplesInRow ? 3 : rank // (3)
}
