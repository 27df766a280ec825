/** What the plan of the healer is told and says: plain data. `heal-plan.ts` says what it means. */
import type { AskedHistory } from '../market/asked-history.ts'
import type { GapClaim } from '../market/gap-claim.ts'
import type { IdSpan } from '../market/id-ranges.ts'
import type { OpenHole } from '../market/open-hole.ts'
import type { Tier } from '../market/tier.ts'

export interface HealTerms {
  readonly graceMs: number
  readonly attemptsMax: number
  /** Before the second attempt; the third waits `retryFactor` times as long. */
  readonly retryMs: number
  readonly retryFactor: number
  readonly restMs: number
  readonly requestIdsMax: number
  readonly piecesMax: number
  /** Ids that were published and have not landed: with more, nothing is asked for. */
  readonly unlandedMax: number
}

export const healTermsDefault: Omit<HealTerms, 'graceMs'> = {
  attemptsMax: 3,
  retryMs: 10_000,
  retryFactor: 4,
  restMs: 86_400_000,
  requestIdsMax: 1_000,
  piecesMax: 50_000,
  unlandedMax: 50_000
}

/** What is missing at a moment, as the table and the claims have it. */
export interface HealLook {
  readonly atMs: number
  readonly holes: readonly OpenHole[]
  /** By symbol: everything that had been accepted before then has landed. Absent: unknown. */
  readonly landedMs: Readonly<Record<string, number>>
  /** By symbol; what is absent is tier 3. */
  readonly tiers: Readonly<Record<string, Tier>>
}

export interface HealRequest extends AskedHistory {
  readonly exchange: string
  readonly symbol: string
  readonly epoch: number
}

/** What became of a request. */
export type HealAnswer =
  | {
      readonly type: 'read'
      readonly atMs: number
      /** Ids that were accepted by the publisher. */
      readonly published: readonly IdSpan[]
      /** Ids that the venue lacks, though it has both neighbours. */
      readonly skipped: readonly IdSpan[]
      /** Ids whose records cannot be trades. */
      readonly rejected: readonly IdSpan[]
    }
  /** The venue answered, and its answer is none to that question. */
  | { readonly type: 'useless'; readonly atMs: number }
  /** Nothing is known to have been published, and nothing not to. */
  | { readonly type: 'abandoned'; readonly atMs: number }

export type HealClaim = Pick<GapClaim, 'exchange' | 'symbol' | 'fromId' | 'toId' | 'untilUs'> & {
  readonly reason: 'never_issued' | 'rejected'
  readonly fromId: number
  readonly toId: number
}
