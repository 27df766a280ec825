/**
 * Tiers say what is given up first under pressure: tier 1 never, tier 3 first.
 * They are configuration per exchange, by base asset; what is listed nowhere is tier 3.
 */
import type { Instrument } from './instrument.ts'

export type Tier = 1 | 2 | 3

export interface TierTable {
  /** Base assets of tier 1, for example BTC. */
  readonly tier1: ReadonlySet<string>
  readonly tier2: ReadonlySet<string>
}

export const defaultCryptoTiers: TierTable = {
  tier1: new Set(['BTC', 'ETH']),
  tier2: new Set(['BNB', 'SOL', 'XRP'])
}

export const tierOf = (table: TierTable, instrument: Pick<Instrument, 'baseAsset'>): Tier => {
  if (table.tier1.has(instrument.baseAsset)) return 1
  return table.tier2.has(instrument.baseAsset) ? 2 : 3
}
