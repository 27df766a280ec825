/**
 * What the simulated venue lists. Base and quote are facts of this table, as they are of the real
 * venue's `exchangeInfo`: a client must not guess them from a symbol's letters.
 */
import { defaultCryptoTiers, tierOf } from '../../market/tier.ts'
import type { Tier } from '../../market/tier.ts'

export interface ListedSymbol {
  /** Upper case, for example `BTCUSDT`. */
  readonly symbol: string
  readonly baseAsset: string
  readonly quoteAsset: string
  readonly tier: Tier
  /** The tick is 10^-priceDecimals of the quote asset. */
  readonly priceDecimals: number
  /** The step is 10^-quantityDecimals of the base asset. */
  readonly quantityDecimals: number
}

/** How the generator trades a symbol. */
export interface GeneratedSymbol extends ListedSymbol {
  /** Level that the price moves around, in the quote asset. */
  readonly priceLevel: number
  /** Typical trade, in the base asset. */
  readonly quantityTypical: number
  /** Relative share of all trades. */
  readonly weight: number
}

/** Longest first, so that `USDT` is not read as `…T` of another asset. */
const quoteAssets = 'FDUSD USDT USDC TUSD BUSD USDP BTC ETH BNB EUR GBP AUD TRY BRL DAI JPY'.split(
  ' '
)

/** Listing of a recorded symbol; undefined where no known quote asset ends it. */
export const listingOf = (symbol: string): ListedSymbol | undefined => {
  const quoteAsset = quoteAssets.find(
    (asset) => symbol.endsWith(asset) && symbol.length > asset.length
  )
  if (quoteAsset === undefined) return undefined
  const baseAsset = symbol.slice(0, -quoteAsset.length)
  const tier = tierOf(defaultCryptoTiers, { baseAsset })
  return { symbol, baseAsset, quoteAsset, tier, priceDecimals: 8, quantityDecimals: 8 }
}

type Row = readonly [
  base: string,
  quote: string,
  priceDecimals: number,
  quantityDecimals: number,
  priceLevel: number,
  quantityTypical: number,
  weight: number
]

const rows: ReadonlyArray<Row> = [
  ['BTC', 'USDT', 2, 5, 97_000, 0.012, 30],
  ['ETH', 'USDT', 2, 4, 3_350, 0.28, 24],
  ['SOL', 'USDT', 2, 3, 190, 3.1, 10],
  ['BNB', 'USDT', 2, 3, 690, 0.7, 8],
  ['XRP', 'USDT', 4, 0, 2.35, 260, 8],
  ['DOGE', 'USDT', 5, 0, 0.33, 1_400, 7],
  ['ADA', 'USDT', 4, 1, 0.95, 420, 5],
  ['AVAX', 'USDT', 2, 2, 38, 9, 4],
  ['ETH', 'BTC', 5, 4, 0.0345, 0.35, 4]
]

/** Symbols of all three tiers; ETHBTC is quoted in BTC. */
export const generatedSymbols: ReadonlyArray<GeneratedSymbol> = rows.map(
  ([
    baseAsset,
    quoteAsset,
    priceDecimals,
    quantityDecimals,
    priceLevel,
    quantityTypical,
    weight
  ]) => ({
    symbol: `${baseAsset}${quoteAsset}`,
    baseAsset,
    quoteAsset,
    tier: tierOf(defaultCryptoTiers, { baseAsset }),
    priceDecimals,
    quantityDecimals,
    priceLevel,
    quantityTypical,
    weight
  })
)
