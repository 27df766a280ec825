/**
 * Candles: what the trades of a symbol at an exchange came to in an interval of time.
 *
 * 1. An interval contains its start and not its end. Those shorter than a day are counted from
 *    1970-01-01 UTC; a day is the exchange's trading day (R51).
 * 2. First and last are by timestamp, then source_sequence, none first, then message_id.
 * 3. Decimals are exact: bigints, scaled by 10^8, those of `quoteVolume` by 10^16. Only VWAP and
 *    TWAP are quotients: rounded once, to eight decimals, half to even.
 * 4. VWAP is quote volume by volume; null where no volume was traded.
 * 5. TWAP is weighted by time from the first trade of the interval to its end, or, while nothing is
 *    known beyond the interval, to its last trade. A price is in force until the next trade; of
 *    trades at the same time the last one's. Where no time passes it is the closing price.
 * 6. Volume without a known side is in neither buy nor sell volume; short sales are sales.
 */
import { dayOfTime, dayUs, type Offset, offsetsOf, startOfDay } from './trading-day.ts'

const secondUs = 1_000_000

/** Of the candles that are kept as a table, from which longer ones are made (R21). */
export const minuteUs = 60 * secondUs

/** Microseconds by name. */
export const candleWidths = {
  '1s': secondUs,
  '5s': 5 * secondUs,
  '15s': 15 * secondUs,
  '30s': 30 * secondUs,
  '1m': minuteUs,
  '5m': 300 * secondUs,
  '15m': 900 * secondUs,
  '30m': 1_800 * secondUs,
  '1h': 3_600 * secondUs,
  '4h': 14_400 * secondUs,
  '1d': dayUs
} as const

export type CandleInterval = keyof typeof candleWidths

export const candleIntervals = Object.keys(candleWidths) as [CandleInterval, ...CandleInterval[]]

/**
 * `complete`: nothing is missing and the symbol has traded since; `gap`: a hole of the ledger
 * overlaps; `provisional`: it may still change.
 */
export type CandleState = 'complete' | 'provisional' | 'gap'

interface ProfileLevel {
  /** Inclusive; the level ends at `from` + `step`. */
  readonly from: bigint
  readonly volume: bigint
  readonly buyVolume: bigint
  readonly sellVolume: bigint
  readonly tradeCount: number
}

export interface VolumeProfile {
  readonly step: bigint
  /** Those with trades, by price. */
  readonly levels: readonly ProfileLevel[]
}

export interface Candle {
  readonly exchange: string
  readonly symbol: string
  readonly startUs: number
  readonly endUs: number
  readonly open: bigint
  readonly high: bigint
  readonly low: bigint
  readonly close: bigint
  readonly volume: bigint
  readonly quoteVolume: bigint
  readonly vwap: bigint | null
  readonly twap: bigint
  readonly tradeCount: number
  readonly buyVolume: bigint
  readonly sellVolume: bigint
  readonly state: CandleState
  /** Where it was asked for. */
  readonly profile?: VolumeProfile
}

/** Intervals of one exchange, numbered along time (1). */
export interface CandleAxis {
  readonly widthUs: number
  readonly indexOf: (us: number) => number
  readonly startOf: (index: number) => number
  /** What is added to a time before it is divided by the width. */
  readonly offsets: readonly Offset[]
}

/** @param tradingZone of the exchange, in which its days are counted */
export const axisOf = (interval: CandleInterval, tradingZone: string): CandleAxis => {
  const widthUs = candleWidths[interval]
  const timeZone = interval === '1d' ? tradingZone : 'UTC'
  return {
    widthUs,
    indexOf: (us) =>
      interval === '1d' ? dayOfTime(timeZone, us) : Math.floor(us / widthUs),
    startOf: (index) => (interval === '1d' ? startOfDay(timeZone, index) : index * widthUs),
    offsets: offsetsOf(timeZone)
  }
}

/** Quotient to the nearest whole number, half to even (3). */
const divideHalfEven = (dividend: bigint, divisor: bigint): bigint => {
  const [n, d] = divisor < 0n ? [-dividend, -divisor] : [dividend, divisor]
  const quotient = n / d - (n % d < 0n ? 1n : 0n)
  const twice = 2n * (n - quotient * d)
  if (twice > d || (twice === d && quotient % 2n !== 0n)) return quotient + 1n
  return quotient
}

/** (4) */
export const vwapOf = (quoteVolume: bigint, volume: bigint): bigint | null =>
  volume === 0n ? null : divideHalfEven(quoteVolume, volume)

interface TimeWeights {
  /** Price by time until the last trade: scaled by 10^8, microseconds. */
  readonly weighted: bigint
  readonly firstUs: number
  readonly lastUs: number
  /** Until when the last price is known to be in force. */
  readonly untilUs: number
  readonly close: bigint
}

/** (5) */
export const twapOf = ({ weighted, firstUs, lastUs, untilUs, close }: TimeWeights): bigint =>
  untilUs === firstUs
    ? close
    : divideHalfEven(weighted + close * BigInt(untilUs - lastUs), BigInt(untilUs - firstUs))
