import { expect, test } from 'vitest'
import { defaultCryptoTiers, tierOf } from '../../src/market/tier.ts'

test.each([
  ['BTC', 1],
  ['ETH', 1],
  ['BNB', 2],
  ['SOL', 2],
  ['XRP', 2],
  ['DOGE', 3],
  ['btc', 3],
  ['', 3]
] as const)('%s is in tier %i', (baseAsset, tier) => {
  expect(tierOf(defaultCryptoTiers, { baseAsset })).toBe(tier)
})

test('tiers are a table: another one gives other tiers', () => {
  const table = { tier1: new Set(['DOGE']), tier2: new Set(['BTC']) }
  expect(['DOGE', 'BTC', 'ETH'].map((baseAsset) => tierOf(table, { baseAsset }))).toEqual([1, 2, 3])
})
