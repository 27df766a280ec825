/**
 * What a venue lists as reference data: an entry of Binance's `exchangeInfo` → `ReferenceContent`.
 * Source: "Exchange information" of the venue's REST document; `docs/reference-data.md` has the
 * fields.
 */
import type { ReferenceContent } from './reference-data.ts'

/** The part of an entry that says something of the pair; texts as the venue sends them. */
export interface ListedPair {
  readonly symbol: string
  readonly baseAsset: string
  readonly quoteAsset: string
  readonly status?: string
  readonly baseAssetPrecision?: number
  readonly quoteAssetPrecision?: number
  readonly filters?: ReadonlyArray<{
    readonly filterType: string
    readonly tickSize?: string
    readonly stepSize?: string
    readonly minNotional?: string
  }>
}

/** @param exchange upper case, for example `BINANCE` */
export const listedReference = (pair: ListedPair, exchange: string): ReferenceContent => {
  const { symbol, baseAsset, quoteAsset, status } = pair
  const filter = (type: string) => pair.filters?.find(({ filterType }) => filterType === type)
  const vendorData = {
    base_asset: baseAsset,
    quote_asset: quoteAsset,
    status,
    base_asset_precision: pair.baseAssetPrecision?.toString(),
    quote_asset_precision: pair.quoteAssetPrecision?.toString(),
    tick_size: filter('PRICE_FILTER')?.tickSize,
    step_size: filter('LOT_SIZE')?.stepSize,
    min_notional: filter('NOTIONAL')?.minNotional ?? filter('MIN_NOTIONAL')?.minNotional
  }
  return {
    company_id: symbol,
    symbol,
    exchange,
    asset_class: 'crypto',
    company_name: `${baseAsset}/${quoteAsset}`,
    isin: null,
    currency: quoteAsset,
    listing_date: null,
    delisting_date: null,
    // A venue that does not say how a pair stands lists what can be traded.
    is_active: status === undefined || status === 'TRADING',
    vendor_data: Object.fromEntries(
      Object.entries(vendorData).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, value]]
      )
    )
  }
}
