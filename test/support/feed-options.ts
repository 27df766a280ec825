/** What a feed is given beside sinks, where a test has nothing to say about it: all is taken. */
import { FeedAccount } from '../../src/adapters/exchange/feed-account.ts'
import type { LevelAsks } from '../../src/adapters/exchange/frame-shedder.ts'
import { HoleWatch } from '../../src/adapters/exchange/hole-watch.ts'
import type { GapClaim } from '../../src/market/gap-claim.ts'
import { defaultCryptoTiers } from '../../src/market/tier.ts'

export const feedOptions = (nowUs: () => number = () => 0) => {
  const account = new FeedAccount()
  const noted: GapClaim[] = []
  const claims = { note: (claim: GapClaim) => void noted.push(claim) }
  const exchange = 'BINANCE'
  const holes = new HoleWatch({ exchange, account, claims, keptId: () => null, nowUs })
  return {
    noted,
    options: {
      exchange,
      account,
      claims,
      holes,
      tiers: defaultCryptoTiers,
      level: (): LevelAsks | undefined => undefined
    }
  }
}
