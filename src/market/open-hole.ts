/** Ids of a symbol that are missing: between trades that have landed, or behind the last one. */
import type { ClaimReason } from './gap-claim.ts'

export interface OpenHole {
  readonly exchange: string
  /** The venue's own spelling. */
  readonly symbol: string
  /** Run of consecutive ids that it lies in. */
  readonly epoch: number
  /** Both inclusive. */
  readonly fromId: number
  readonly toId: number
  /** Since when they are missing, exchange time in microseconds; null where unknown. */
  readonly sinceUs: number | null
  /** As far as somebody has claimed it. */
  readonly reason: ClaimReason | null
  /** Exchange times of the trades before and behind it, microseconds; null where unknown. */
  readonly afterUs: number | null
  readonly beforeUs: number | null
  /** Newest exchange time of an epoch that the venue has left; null of its present one. */
  readonly endedUs: number | null
  /** The id before it has not landed, either: whether the venue has that one is not known. */
  readonly isDetached?: boolean
}
