/**
 * What the generator's trades and quotes say, as functions of (seed, symbol, id), so that history
 * needs no storage. The price wanders as a sum of slow waves with hashed noise on top;
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

/** The book after the trades of a cluster, the last of which has the id. */
export interface QuoteValues {
  /** Grows with the id, by more than one. */
  readonly updateId: number
  readonly bidTicks: number
  readonly bidSteps: number
  /** Above the bid. */
  readonly askTicks: number
  readonly askSteps: number
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

/** Between knots the price moves in a straight line: the shortest wave has fourteen of them. */
const knotS = 0.5

/** Price that the trades of a cluster lie around, in ticks. */
const makeMiddle = (
  listed: GeneratedSymbol,
  rate: number,
  seed: number
): ((clusterEnd: number) => number) => {
  const priceAt = makeWaves(listed, seed)
  let knot = Number.NaN
  let before = 0
  let after = 0
  return (clusterEnd) => {
    const position = clusterEnd / rate / knotS
    const next = Math.floor(position)
    if (next !== knot) {
      before = next === knot + 1 ? after : priceAt(next * knotS)
      after = priceAt((next + 1) * knotS)
      knot = next
    }
    return Math.round(before + (after - before) * (position - knot))
  }
}

/** Price in ticks, by seconds since the genesis. */
const makeWaves = (
  { priceLevel, priceDecimals }: GeneratedSymbol,
  seed: number
): ((elapsedS: number) => number) => {
  const priceSeed = seedFor(seed, 'price')
  const levelTicks = priceLevel * 10 ** priceDecimals
  const terms = waves.map(({ periodS, amplitude }, index) => ({
    periodS,
    omega: (2 * Math.PI) / periodS,
    phase: 2 * Math.PI * unitOf(priceSeed, index),
    amplitude
  }))
  return (elapsedS) => {
    let sum = 0
    for (const { periodS, omega, phase, amplitude } of terms) {
      // Sines of large numbers are slow, and so is `%`.
      const inPeriodS = elapsedS - Math.floor(elapsedS / periodS) * periodS
      sum += amplitude * Math.sin(omega * inPeriodS + phase)
    }
    return levelTicks * Math.exp(sum)
  }
}

const makeSteps = (
  { quantityTypical, quantityDecimals }: GeneratedSymbol,
  seed: number
): ((value: number) => number) => {
  const typicalSteps = quantityTypical * 10 ** quantityDecimals
  return (value) => {
    const draw = -Math.log(1 - unitOf(seed, value))
    return 1 + Math.floor(Math.min(draw * draw, quantityTypicalMax) * typicalSteps)
  }
}

/** @param rate trades per second, which turns ids into time for the price's waves. */
export const makeTradeValues = (
  listed: GeneratedSymbol,
  rate: number,
  seed: number
): ((id: number, clusterEnd: number) => TradeValues) => {
  const priceSeed = seedFor(seed, 'price')
  const sideSeed = seedFor(seed, 'side')
  const middleTicks = makeMiddle(listed, rate, seed)
  const stepsOf = makeSteps(listed, seedFor(seed, 'quantity'))
  return (id, clusterEnd) => {
    const buyerIsMaker = hashOf(sideSeed, clusterEnd) % 2 === 0
    const noise = hashOf(priceSeed, id)
    const depth = noise % 8 === 0 ? 1 : 0
    const ticks = middleTicks(clusterEnd) + (buyerIsMaker ? -depth : 1 + depth)
    return {
      priceTicks: Math.max(1, ticks),
      quantitySteps: stepsOf(id),
      buyerIsMaker,
      bestMatch: noise % 64 !== 0
    }
  }
}

/** A book changes more often than it trades: most update ids belong to no quote. */
const updatesPerTrade = 8

/** @param rate as for trades, whose prices lie around the same middle. */
export const makeQuoteValues = (
  listed: GeneratedSymbol,
  rate: number,
  seed: number
): ((clusterEnd: number) => QuoteValues) => {
  const quoteSeed = seedFor(seed, 'quote')
  const middleTicks = makeMiddle(listed, rate, seed)
  const bidStepsOf = makeSteps(listed, seedFor(seed, 'bid quantity'))
  const askStepsOf = makeSteps(listed, seedFor(seed, 'ask quantity'))
  return (clusterEnd) => {
    const noise = hashOf(quoteSeed, clusterEnd)
    const bidTicks = Math.max(1, middleTicks(clusterEnd) - (noise % 2))
    return {
      updateId: clusterEnd * updatesPerTrade + (noise % updatesPerTrade),
      bidTicks,
      bidSteps: bidStepsOf(clusterEnd),
      askTicks: bidTicks + 1 + (noise % 16 === 0 ? 1 : 0),
      askSteps: askStepsOf(clusterEnd)
    }
  }
}
