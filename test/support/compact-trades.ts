/** Compact trades for property tests: plain values and the edges of what they may hold. */
import * as fc from 'fast-check'
import { type CompactTrade, tradeOf } from '../../src/market/compact-trade.ts'
import { type Instrument, longMax } from '../../src/market/instrument.ts'
import type { TradeV2 } from '../../src/market/records/trade-v2.ts'

/** What a feed gives, in whatever form, as the record that it is. */
export const recordOf = (trade: TradeV2 | CompactTrade): TradeV2 =>
  'instrument' in trade ? tradeOf(trade) : trade

export const instrument = (baseAsset: string, quoteAsset: string): Instrument => ({
  exchange: 'BINANCE',
  symbol: `${baseAsset}${quoteAsset}`,
  assetClass: 'crypto',
  baseAsset,
  quoteAsset
})

export const listed: readonly Instrument[] = [
  instrument('BTC', 'USDT'),
  instrument('ETH', 'BTC'),
  instrument('1000SATS', 'FDUSD'),
  { ...instrument('BTC', 'USDT'), exchange: 'SIMULATED' }
]

const scaledMax = 90_000_000 * 1e8 - 1
const around = (...edges: readonly number[]) => fc.constantFrom(...edges.flatMap((e) => [e - 1, e]))
const scaled = fc.oneof(
  fc.integer({ min: 1, max: scaledMax }),
  fc.integer({ min: 1, max: 1_000 }),
  ...[7, 8, 15, 16, 23, 24, 31, 32, 39, 40, 47, 48].map((bits) => around(2 ** bits))
)
const id = fc.oneof(
  fc.integer({ min: 0, max: longMax }),
  fc.integer({ min: 0, max: 200 }),
  around(longMax, 1e8, 1e15, 2 ** 27, 2 ** 28, 2 ** 34, 2 ** 48)
)
const ms = fc.integer({ min: 1e12, max: Math.floor(longMax / 1_000) })
const us = fc.integer({ min: 1e15, max: longMax })

export const arbitraryCompact: fc.Arbitrary<CompactTrade> = fc
  .record({
    instrument: fc.constantFrom(...listed),
    nativeId: id,
    timestampUs: fc.oneof(ms.map((value) => value * 1_000), us),
    eventTime: fc.oneof(ms, us),
    price: scaled,
    quantity: scaled,
    isBuyerMaker: fc.boolean(),
    isBestMatch: fc.boolean(),
    receivedUs: fc.integer({ min: 0, max: longMax })
  })
