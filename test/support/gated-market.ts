/** The generated market, at the pace of a test. */
import { makeGeneratorSource } from '../../src/adapters/simulator/generator-source.ts'
import type { TradeSource } from '../../src/adapters/simulator/trade-source.ts'

export interface GatedMarket {
  readonly source: TradeSource
  readonly close: () => void
}

/** Before each trade `takes` is asked whether there is one now; none is once it is closed. */
export const gatedMarket = (seed: number, takes: () => boolean): GatedMarket => {
  const market = makeGeneratorSource({ seed, rate: 2_000 })
  let isClosed = false
  const source: TradeSource = {
    ...market,
    play: (nowMs) => {
      const playback = market.play(nowMs)
      return {
        ...playback,
        advance: (untilMs) => !isClosed && takes() && playback.advance(untilMs),
        ended: () => isClosed
      }
    }
  }
  return { source, close: () => void (isClosed = true) }
}
