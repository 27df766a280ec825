/**
 * The candle of some sums.
 *
 * A finished one changes no more, but for its state: as long as its sums are kept it is the same
 * object, so that its text can be kept with it.
 */
import { type Candle, type CandleAxis, twapOf, vwapOf } from '../../market/candle.ts'
import type { SeriesKnowledge } from '../../market/candle-state.ts'
import type { CandleSums } from './candles-sql.ts'

interface SeriesFacts {
  readonly series: { readonly exchange: string; readonly symbol: string }
  readonly known: SeriesKnowledge
  /** Newest trade of the series, of the tail as well; microseconds. */
  readonly newestUs: number
}

const finished = new WeakMap<CandleSums, Candle>()

export const candleOf = (sums: CandleSums, axis: CandleAxis, facts: SeriesFacts): Candle => {
  const [startUs, endUs] = [axis.startOf(sums.index), axis.startOf(sums.index + 1)]
  const state = facts.known.stateOf(startUs, endUs)
  const isFinished = facts.newestUs >= endUs
  const known = isFinished ? finished.get(sums) : undefined
  if (known?.startUs === startUs && known.endUs === endUs && known.state === state) return known
  const { open, high, low, close, volume, quoteVolume, weighted, firstUs, lastUs } = sums
  const untilUs = isFinished ? endUs : lastUs
  const candle: Candle = {
    exchange: facts.series.exchange,
    symbol: facts.series.symbol,
    startUs,
    endUs,
    open,
    high,
    low,
    close,
    volume,
    quoteVolume,
    vwap: vwapOf(quoteVolume, volume),
    twap: twapOf({ weighted, firstUs, lastUs, untilUs, close }),
    tradeCount: sums.tradeCount,
    buyVolume: sums.buyVolume,
    sellVolume: sums.sellVolume,
    state
  }
  if (isFinished) finished.set(sums, candle)
  return candle
}
