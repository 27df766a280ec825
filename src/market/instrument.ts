/** What is traded, and where: the venue's own listing, never guessed from the symbol's letters. */

export type AssetClass = 'equities' | 'crypto' | 'futures' | 'options'

export interface Instrument {
  /** Upper-case exchange code, for example `BINANCE`. */
  readonly exchange: string
  /** The venue's own symbol, for example `BTCUSDT`. */
  readonly symbol: string
  readonly assetClass: AssetClass
  /** For example `BTC`. */
  readonly baseAsset: string
  /** For example `USDT`; the currency of the price. */
  readonly quoteAsset: string
}

/** Topic of a data type, for example `market.crypto.trades.binance`. */
export const topicName = (assetClass: AssetClass, dataType: string, exchange: string): string =>
  `market.${assetClass}.${dataType}.${exchange.toLowerCase()}`

/** `{EXCHANGE}:{symbol}:{native id}`, with the epoch in front of the id once a venue restarted its ids (R7). */
export const messageId = (exchange: string, symbol: string, nativeId: number, epoch = 0): string =>
  epoch === 0 ? `${exchange}:${symbol}:${nativeId}` : `${exchange}:${symbol}:${epoch}.${nativeId}`

/** `{EXCHANGE}-{native id}`. */
export const tradeId = (exchange: string, nativeId: number): string => `${exchange}-${nativeId}`
