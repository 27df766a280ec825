/**
 * What is commanded at a level: the level's policy, less what would make things worse. Pure.
 *
 * 1. Trades go by the level of the process; quotes by theirs where that is worse (R34).
 * 2. Trades of tier 1 are all taken, or paused: they are never shed, and never ramped.
 * 3. No action that raises a signal is taken while that signal has a part in it (R20).
 */
import { type IngestPolicy, levels, policyOf, type TakenByTier } from './ingest-policy.ts'
import type { Rank, Signal } from './pressure-marks.ts'
import { type Ramp, type Shares, sharesAfter, takenAt } from './policy-ramp.ts'

/** Actions of which a signal is no reason: beyond that level of the signal they would raise it. */
const raisedBy = {
  /** Larger batches wait in memory. */
  areBatchesGrown: { signals: ['memory', 'in_flight'], fromRank: 1 },
  /** What goes through the spool is on the disk twice. */
  isSpilling: { signals: ['spool', 'disk'], fromRank: 3 }
} as const satisfies Partial<
  Record<keyof IngestPolicy, { readonly signals: readonly Signal[]; readonly fromRank: Rank }>
>

export interface CommandedShares {
  readonly trades: Shares
  readonly quotes: Shares
}

export interface Commanded {
  readonly policy: IngestPolicy
  readonly shares: CommandedShares
}

export interface CommandFacts {
  readonly rank: Rank
  /** Of quotes alone. */
  readonly quotesRank: Rank
  /** The worst level of a signal by itself, over its data types. */
  readonly rankOf: (signal: Signal) => Rank
  readonly atMs: number
  readonly ramp: Ramp
}

export const quotesRankOf = ({ rank, quotesRank }: Pick<CommandFacts, 'rank' | 'quotesRank'>) =>
  Math.max(rank, quotesRank) as Rank

/** @param shares as they were commanded last */
export const commandedAt = (shares: CommandedShares, facts: CommandFacts): Commanded => {
  const { atMs, ramp } = facts
  const base = policyOf(levels[facts.rank])
  const forQuotes = policyOf(levels[quotesRankOf(facts)]) // (1)
  const next = {
    trades: sharesAfter(shares.trades, base.tradesTaken, atMs, ramp),
    quotes: sharesAfter(shares.quotes, forQuotes.quotesTaken, atMs, ramp)
  }
  const trades = takenAt(next.trades, atMs, ramp)
  return {
    shares: next,
    policy: {
      ...base,
      areBatchesGrown: base.areBatchesGrown && mayAct('areBatchesGrown', facts),
      tradesTaken: { ...trades, 1: base.tradesTaken[1] }, // (2)
      quotesTaken: takenAt(next.quotes, atMs, ramp),
      areQuotesConflated: forQuotes.areQuotesConflated,
      isSpilling: base.isSpilling && mayAct('isSpilling', facts)
    }
  }
}

/** (3) */
const mayAct = (action: keyof typeof raisedBy, { rankOf }: CommandFacts): boolean => {
  const { signals, fromRank } = raisedBy[action]
  return signals.every((signal) => rankOf(signal) < fromRank)
}

export const isSamePolicy = (one: IngestPolicy, other: IngestPolicy): boolean =>
  one.level === other.level &&
  one.areBatchesGrown === other.areBatchesGrown &&
  one.areQuotesConflated === other.areQuotesConflated &&
  one.isSpilling === other.isSpilling &&
  one.isPaused === other.isPaused &&
  isSameTaken(one.tradesTaken, other.tradesTaken) &&
  isSameTaken(one.quotesTaken, other.quotesTaken)

const isSameTaken = (one: TakenByTier, other: TakenByTier): boolean =>
  one[1] === other[1] && one[2] === other[2] && one[3] === other[3]
