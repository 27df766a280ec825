/**
 * What a level of degradation asks of those who capture, publish and answer (DESIGN.md part 6):
 * data that the manager says and the actors obey. Pure.
 *
 * 1. Trades of tier 1 are taken at every level but the last, which pauses all feeds (R34).
 * 2. Quotes go before trades of the same tier.
 */
import type { Tier } from '../market/tier.ts'

/** In order: each is worse than the one before. */
export const levels = ['normal', 'soft', 'graceful', 'aggressive', 'circuitBreak'] as const

export type Level = (typeof levels)[number]

/** Share of a tier's symbols that is taken, 0 to 1. Which ones is the same at every feed. */
export type TakenByTier = Readonly<Record<Tier, number>>

export interface IngestPolicy {
  readonly level: Level
  /** Batches of feeds and publishers may grow (R20). */
  readonly areBatchesGrown: boolean
  readonly tradesTaken: TakenByTier
  readonly quotesTaken: TakenByTier
  /** Of the quotes of a symbol, the newest within 100 ms is taken. */
  readonly areQuotesConflated: boolean
  /** What is accepted goes through the spool on disk. */
  readonly isSpilling: boolean
  /** The feeds are unsubscribed, and their sockets kept (R40). */
  readonly isPaused: boolean
}

const all: TakenByTier = { 1: 1, 2: 1, 3: 1 }
const tier1: TakenByTier = { 1: 1, 2: 0, 3: 0 }
const none: TakenByTier = { 1: 0, 2: 0, 3: 0 }

const policies: Readonly<Record<Level, IngestPolicy>> = {
  normal: {
    level: 'normal', areBatchesGrown: false, tradesTaken: all, quotesTaken: all,
    areQuotesConflated: false, isSpilling: false, isPaused: false
  },
  soft: {
    level: 'soft', areBatchesGrown: true, tradesTaken: all, quotesTaken: all,
    areQuotesConflated: true, isSpilling: false, isPaused: false
  },
  graceful: {
    level: 'graceful', areBatchesGrown: true, tradesTaken: { 1: 1, 2: 1, 3: 0 },
    quotesTaken: tier1, areQuotesConflated: true, isSpilling: false, isPaused: false
  },
  aggressive: {
    level: 'aggressive', areBatchesGrown: true, tradesTaken: tier1, quotesTaken: none,
    areQuotesConflated: true, isSpilling: true, isPaused: false
  },
  circuitBreak: {
    level: 'circuitBreak', areBatchesGrown: true, tradesTaken: none, quotesTaken: none,
    areQuotesConflated: true, isSpilling: true, isPaused: true
  }
}

/** Of a level that has been entered from below, or has been held long enough. */
export const policyOf = (level: Level): IngestPolicy => policies[level]

const actions: Readonly<Record<Level, string>> = {
  normal: 'everything is taken',
  soft: 'throttle: larger batches, quotes conflated, healing and maintenance slow down',
  graceful: 'shed trades of tier 3 and quotes of tiers 2 and 3',
  aggressive: 'shed trades of tiers 2 and 3 and all quotes; the rest goes through the spool',
  circuitBreak: 'pause the feeds; reads that cost are refused'
}

const quotesActions: Readonly<Record<Level, string>> = {
  normal: 'all quotes are taken',
  soft: 'quotes are conflated',
  graceful: 'shed quotes of tiers 2 and 3',
  aggressive: 'shed all quotes',
  circuitBreak: 'shed all quotes'
}

/** In words, for who reads of a change. */
export const actionOf = (level: Level): string => actions[level]

/** Of a level that quotes alone are at. */
export const quotesActionOf = (level: Level): string => quotesActions[level]
