/**
 * How much a demonstration asks of K2, and how long it waits. Pure.
 *
 * 1. The flood is stated by what lands per second, as measured before: a slow machine is not
 *    drowned, and a fast one not left dry. Tier 1 is a quarter of it, at most 30 % (R17): what is
 *    left once tiers 2 and 3 are shed must be bearable.
 * 2. Without tier 3 it is still more than lands: that is what takes it from graceful to aggressive.
 * 3. The weight that the exchange announces heals what was shed in `healSeconds`.
 */
import { type TierRates, totalOf } from './record.ts'

export const symbols = [
  'BTCUSDT',
  'ETHUSDT',
  'BNBUSDT',
  'SOLUSDT',
  'XRPUSDT',
  'ADAUSDT',
  'DOGEUSDT',
  'AVAXUSDT'
] as const

export const tier1Symbols: readonly string[] = ['BTCUSDT', 'ETHUSDT']

/** Trades per second while the market is calm. */
export const calmRates: TierRates = { 1: 120, 2: 700, 3: 180 }

/** Of the line to the object store: what bounds how many trades land in a second. */
export const lineBytesPerSecond = 150_000
/** In the measurement the market is so much busier than calm, and K2 keeps up with it. */
export const measureTimes = 5

const floodShares: TierRates = { 1: 0.25, 2: 1.7, 3: 0.45 }
const floodTimesMax = 1_000

/** (1): what is multiplied by how much, and what comes of it. */
export const floodOf = (capacityPerSecond: number) => {
  const timesOf = (tier: 1 | 2 | 3): number => {
    const wanted = (capacityPerSecond * floodShares[tier]) / calmRates[tier]
    return Math.min(floodTimesMax, Math.max(1, Math.round(wanted * 10) / 10))
  }
  const times: TierRates = { 1: timesOf(1), 2: timesOf(2), 3: timesOf(3) }
  const rates = ratesAt(times)
  return { times, rates, overCalm: totalOf(rates) / totalOf(calmRates) }
}

/**
 * What more is asked for where a flood does not take it to aggressive: machines are busy with other
 * things at times, and then less was measured than can be. Tier 1 stays as it is (1).
 */
export const grown = (times: TierRates): TierRates => ({
  1: times[1],
  2: Math.min(floodTimesMax, times[2] * growth),
  3: Math.min(floodTimesMax, times[3] * growth)
})

const growth = 1.5

/** By so many times the calm. */
export const ratesAt = (times: TierRates): TierRates => ({
  1: calmRates[1] * times[1],
  2: calmRates[2] * times[2],
  3: calmRates[3] * times[3]
})

/**
 * What lands per second at most: what the line carries over what a trade takes of it, or what was
 * seen to land where landing fell behind meanwhile: then the machine cannot do more than that.
 */
export const capacityOf = (measured: {
  readonly bytes: number
  readonly landed: number
  readonly seconds: number
  /** What was overdue in the end. */
  readonly lag: number
}): number => {
  const { bytes, landed, seconds, lag } = measured
  const hasKeptUp = landed > 0 && lag < landed
  return hasKeptUp ? lineBytesPerSecond / (bytes / landed) : landed / seconds
}

const historyWeight = 25
const historyTrades = 1_000
/** Of the weight that a venue announces, as much as K2's healer uses. */
const healerShare = 0.8
const healSeconds = 45
/** What Binance's spot market announces. */
const venueWeightPerMinute = 6_000

/** (3) */
export const weightLimitFor = (shed: number): number => {
  const weight = Math.ceil(shed / historyTrades) * historyWeight
  return Math.max(venueWeightPerMinute, Math.ceil((weight / healerShare) * (60 / healSeconds)))
}

/** How long the same would take at the venue itself, within its limit. */
export const venueSeconds = (shed: number): number =>
  (Math.ceil(shed / historyTrades) * historyWeight * 60) / (venueWeightPerMinute * healerShare)

/** How long it waits, ms: `Max` is the longest until something must have been seen. */
export interface Waits {
  readonly measureMs: number
  readonly calmMs: number
  /** At aggressive, before the kill. */
  readonly aggressiveMs: number
  readonly outageMs: number
  readonly closingMs: number
}

export const waitsOf = (isFast: boolean): Waits =>
  isFast
    ? { measureMs: 4_000, calmMs: 2_000, aggressiveMs: 500, outageMs: 3_000, closingMs: 1_000 }
    : { measureMs: 6_000, calmMs: 8_000, aggressiveMs: 3_000, outageMs: 8_000, closingMs: 4_000 }
