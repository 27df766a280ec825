/**
 * What the generator's trades say: price, quantity and side as functions of (seed, symbol, id), so
 * that history needs no storage. The price wanders as a sum of slow waves with hashed noise on top;
 * the trades of one cluster share the side and lie within a tick or two, as fills of one order do.
 */
import { hashOf, seedFor, unitOf } from './hash.ts'
import type { GeneratedSymbol } from './venue-listing.ts'

export interface TradeValues {
  /** In ticks of 10^-priceDecimals. */
  readonly priceTicks: number
  /** In steps of 10^-quantityDecimals. */
  readonly quantitySteps: number
  readonly buyerIsMaker: boolean
  readonly bestMatch: boolean
}

/** Relative amplitudes of the logarithm of the price. */
const waves: ReadonlyArray<{ readonly periodS: number; readonly amplitude: number }> = [
  { periodS: 1_480_000, amplitude: 0.05 },
  { periodS: 261_000, amplitude: 0.02 },
  { periodS: 21_700, amplitude: 0.008 },
  { periodS: 3_590, amplitude: 0.003 },
  { periodS: 613, amplitude: 0.001 },
  { periodS: 59, amplitude: 0.000_3 },
  { periodS: 7.3, amplitude: 0.000_06 }
]
const quantityTypicalMax = 60

/** @param rate trades per second, which turns ids into time for the price's waves. */
export const makeTradeValues = (
  listed: GeneratedSymbol,
  rate: number,
  seed: number
): ((id: number, clusterEnd: number) => TradeValues) => {
  const priceSeed = seedFor(seed, 'price')
  const sideSeed = seedFor(seed, 'side')
  const quantitySeed = seedFor(seed, 'quantity')
  const terms = waves.map(({ periodS, amplitude }, index) => ({
    periodS,
    omega: (2 * Math.PI) / periodS,
    phase: 2 * Math.PI * unitOf(priceSeed, index),
    amplitude
  }))
  const levelTicks = listed.priceLevel * 10 ** listed.priceDecimals
  const typicalSteps = listed.quantityTypical * 10 ** listed.quantityDecimals
  let cachedEnd = -1
  let cachedTicks = 0
  const middleTicks = (clusterEnd: number): number => {
    if (clusterEnd === cachedEnd) return cachedTicks
    let sum = 0
    const elapsedS = clusterEnd / rate
    for (const { periodS, omega, phase, amplitude } of terms) {
      // Sines of large numbers are slow, and so is `%`.
      const inPeriodS = elapsedS - Math.floor(elapsedS / periodS) * periodS
      sum += amplitude * Math.sin(omega * inPeriodS + phase)
    }
    cachedEnd = clusterEnd
    cachedTicks = Math.round(levelTicks * Math.exp(sum))
    return cachedTicks
  }
  return (id, clusterEnd) => {
    const buyerIsMaker = hashOf(sideSeed, clusterEnd) % 2 === 0
    const noise = hashOf(priceSeed, id)
    const depth = noise % 8 === 0 ? 1 : 0
    const ticks = middleTicks(clusterEnd) + (buyerIsMaker ? -depth : 1 + depth)
    const draw = -Math.log(1 - unitOf(quantitySeed, id))
    const steps = 1 + Math.floor(Math.min(draw * draw, quantityTypicalMax) * typicalSteps)
    return {
      priceTicks: Math.max(1, ticks),
      quantitySteps: steps,
      buyerIsMaker,
      bestMatch: noise % 64 !== 0
    }
  }
}
