/** Candles of minutes that are in memory: what `rolledSql` says, of a list. */
import type { CandleAxis } from '../../market/candle.ts'
import type { CandleSums } from './candles-sql.ts'
import { minuteAxis } from './hot-minutes.ts'

/**
 * Sums of the intervals of an axis, whose edges are edges of minutes, in the order of time.
 *
 * @param minutes in the order of time, numbered along `minuteAxis`
 */
export const rolledMinutes = (
  minutes: readonly CandleSums[],
  axis: CandleAxis
): readonly CandleSums[] => {
  if (axis.widthUs === minuteAxis.widthUs) return minutes
  const rolled: CandleSums[] = []
  for (const minute of minutes) {
    const index = axis.indexOf(minuteAxis.startOf(minute.index))
    const last = rolled.at(-1)
    if (last?.index === index) rolled[rolled.length - 1] = joined(last, minute)
    else rolled.push({ ...minute, index })
  }
  return rolled
}

/** Between two parts the closing price of the earlier one is in force. */
const joined = (left: CandleSums, right: CandleSums): CandleSums => ({
  index: left.index,
  open: left.open,
  high: left.high > right.high ? left.high : right.high,
  low: left.low < right.low ? left.low : right.low,
  close: right.close,
  volume: left.volume + right.volume,
  quoteVolume: left.quoteVolume + right.quoteVolume,
  tradeCount: left.tradeCount + right.tradeCount,
  buyVolume: left.buyVolume + right.buyVolume,
  sellVolume: left.sellVolume + right.sellVolume,
  weighted:
    left.weighted + left.close * BigInt(right.firstUs - left.lastUs) + right.weighted,
  firstUs: left.firstUs,
  lastUs: right.lastUs
})
