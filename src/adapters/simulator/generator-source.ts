/**
 * A market that goes on for ever: trades of all tiers as a pure function of seed, rate, symbol
 * and id, and, where somebody takes them, the quote that each cluster of trades leaves behind.
 *
 * 1. Ids of a symbol are consecutive; at speed 1 a restart with the same seed, rate and symbols
 *    continues where real time is. A flood consumes ids of the future, so its memory ends with the
 *    process: after a restart ids are those of the plain rate again.
 * 2. What `trades` tells of an id equals the frame that was sent for it.
 * 3. The trades are the same whether or not quotes are taken. A quote follows the last trade of its
 *    cluster, at the same time; it is a function of that trade's id.
 */
import { decimalScale, formatDecimal } from '../../market/decimal.ts'
import type { Tier } from '../../market/tier.ts'
import { makeGeneratorClock } from './generator-clock.ts'
import type { GeneratorClock } from './generator-clock.ts'
import { makeQuoteValues, makeTradeValues } from './generator-values.ts'
import type { TradeValues } from './generator-values.ts'
import { seedFor } from './hash.ts'
import { makeQuoteFrames } from './quote-frame.ts'
import { makeTradeFrames } from './trade-frame.ts'
import type { FrameBytes, Playback, TradeSource, VenueTrade } from './trade-source.ts'
import { generatedSymbols } from './venue-listing.ts'
import type { GeneratedSymbol } from './venue-listing.ts'

export interface GeneratorOptions {
  readonly seed: number
  /** Trades per second over all symbols; 100 unless told. */
  readonly rate?: number
  /** Trades per second of each tier, instead of `rate`; shared by the weights of its symbols. */
  readonly tierRates?: Readonly<Record<Tier, number>> | undefined
  /** Without bursts and lulls: at any time the rate is the one stated. */
  readonly isEven?: boolean
  /** A part of `generatedSymbols`; all of them unless told. The rate is shared by their weights. */
  readonly symbols?: ReadonlyArray<GeneratedSymbol>
}

export const generatorRateDefault = 100
/** Beyond it whole milliseconds of the clock no longer part the trades of one symbol usefully. */
export const generatorRateMax = 1_000_000

export const makeGeneratorSource = (options: GeneratorOptions): TradeSource => {
  const symbols = options.symbols ?? generatedSymbols
  const rateOf = makeRates(options, symbols)
  return {
    name: 'generator',
    listing: symbols,
    streams: ['trade', 'bookTicker'].flatMap((kind) =>
      symbols.map(({ symbol }) => `${symbol.toLowerCase()}@${kind}`)
    ),
    starts: 'at_open',
    play: (nowMs) =>
      playMarket(
        symbols.map((listed) => makeLane(listed, rateOf(listed), options)),
        nowMs
      )
  }
}

const makeRates = (
  { rate = generatorRateDefault, tierRates }: GeneratorOptions,
  symbols: ReadonlyArray<GeneratedSymbol>
): ((symbol: GeneratedSymbol) => number) => {
  const weightOf = (tier: Tier | undefined) =>
    symbols
      .filter((symbol) => tier === undefined || symbol.tier === tier)
      .reduce((sum, { weight }) => sum + weight, 0)
  return ({ tier, weight }) =>
    tierRates === undefined
      ? (rate * weight) / weightOf(undefined)
      : (tierRates[tier] * weight) / weightOf(tier)
}

/** One symbol of a running playback. */
interface Lane {
  readonly listed: GeneratedSymbol
  readonly clock: GeneratorClock
  readonly values: (id: number) => TradeValues
  readonly encode: ReturnType<typeof makeTradeFrames>
  /** Of the cluster that ends with the id. */
  readonly quoteFrame: (clusterEnd: number) => FrameBytes
  nextId: number
}

const makeLane = (
  listed: GeneratedSymbol,
  rate: number,
  { seed: commonSeed, isEven = false }: GeneratorOptions
): Lane => {
  const seed = seedFor(commonSeed, listed.symbol)
  const clock = makeGeneratorClock(rate, seed, isEven)
  const valuesOf = makeTradeValues(listed, rate, seed)
  const quoteOf = makeQuoteValues(listed, rate, seed)
  const encodeQuote = makeQuoteFrames(listed)
  return {
    listed,
    clock,
    values: (id) => valuesOf(id, clock.clusterEnd(id)),
    encode: makeTradeFrames(listed.symbol, listed.priceDecimals, listed.quantityDecimals),
    quoteFrame: (clusterEnd) => encodeQuote(quoteOf(clusterEnd)),
    nextId: 1
  }
}

const playMarket = (lanes: ReadonlyArray<Lane>, originMs: number): Playback => {
  const laneOf = new Map(lanes.map((lane) => [lane.listed.symbol, lane]))
  // By lane, in one place: at full speed most of a turn is the search for the earliest.
  const nextDueMs = Float64Array.from(lanes, (lane) => {
    lane.nextId = lane.clock.lastIdAt(originMs) + 1
    return lane.clock.dueMs(lane.nextId)
  })
  let current = -1
  let currentId = -1
  let dueMs = originMs
  let clockMs = originMs
  let areQuotesWanted = false
  let isQuote = false
  let isQuoteNext = false
  const newestId = (symbol: string): number => (laneOf.get(symbol)?.nextId ?? 0) - 1
  return {
    originMs,
    playQuotes: (areWanted) => {
      areQuotesWanted = areWanted
    },
    advance: (untilMs) => {
      isQuote = isQuoteNext
      isQuoteNext = false
      if (isQuote) return true // (3)
      const first = earliest(nextDueMs)
      const firstDueMs = nextDueMs[first]!
      const lane = lanes[first]!
      clockMs = Math.max(clockMs, Math.min(untilMs, firstDueMs))
      if (firstDueMs > untilMs) return false
      current = first
      currentId = lane.nextId
      dueMs = firstDueMs
      lane.nextId += 1
      nextDueMs[first] = lane.clock.dueMs(lane.nextId)
      isQuoteNext = areQuotesWanted && lane.clock.clusterEnd(currentId) === currentId
      return true
    },
    stream: () => (isQuote ? lanes.length + current : current),
    tradeId: () => (isQuote ? -1 : currentId),
    dueMs: () => dueMs,
    frame: () => {
      const lane = lanes[current]!
      return isQuote ? lane.quoteFrame(currentId) : encodeFrame(lane, currentId, dueMs)
    },
    ended: () => false,
    trades: (symbol, fromId, limit) => {
      const newest = newestId(symbol)
      const first = Math.max(1, fromId ?? newest - limit + 1)
      const count = Math.max(0, Math.min(limit, newest - first + 1))
      return Array.from({ length: count }, (_, index) =>
        tradeAt(laneOf.get(symbol)!, first + index)
      )
    },
    newestId: (symbol) => (newestId(symbol) > 0 ? newestId(symbol) : -1),
    firstIdSince: (symbol, sinceMs) => {
      const first = (laneOf.get(symbol)?.clock.lastIdAt(sinceMs - 1) ?? 0) + 1
      return first <= newestId(symbol) ? first : -1
    },
    flood: (tier, times) => {
      for (const [index, lane] of lanes.entries()) {
        if (lane.listed.tier !== tier) continue
        lane.clock.flood(times, clockMs)
        nextDueMs[index] = lane.clock.dueMs(lane.nextId)
      }
    }
  }
}

const earliest = (dueMs: Float64Array): number => {
  let first = 0
  for (let index = 1; index < dueMs.length; index += 1) {
    if (dueMs[index]! < dueMs[first]!) first = index
  }
  return first
}

/** The event leaves the venue a millisecond after the trade. */
const tradeTimeOf = (dueMs: number): number => dueMs - 1

const encodeFrame = ({ encode, values }: Lane, id: number, dueMs: number): FrameBytes =>
  encode({ id, eventMs: dueMs, tradeMs: tradeTimeOf(dueMs), values: values(id) })

const tradeAt = ({ clock, values, listed }: Lane, id: number): VenueTrade => {
  const { priceTicks, quantitySteps, buyerIsMaker, bestMatch } = values(id)
  return {
    id,
    timeMs: tradeTimeOf(clock.dueMs(id)),
    price: scaledText(priceTicks, listed.priceDecimals),
    quantity: scaledText(quantitySteps, listed.quantityDecimals),
    buyerIsMaker,
    bestMatch
  }
}

const scaledText = (units: number, places: number): string =>
  formatDecimal(BigInt(units) * 10n ** BigInt(decimalScale - places))
