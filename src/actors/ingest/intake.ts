/** What the feed of this process has received since it started, symbol by symbol (R16). */
import { FeedAccount } from '../../adapters/exchange/feed-account.ts'
import type { Tier } from '../../market/tier.ts'

export interface Intake {
  readonly trades: FeedAccount
  readonly quotes: FeedAccount
  /** By symbol, of what the venue lists. */
  readonly tiers: Map<string, Tier>
}

export const makeIntake = (): Intake => ({
  trades: new FeedAccount(),
  quotes: new FeedAccount(),
  tiers: new Map()
})
