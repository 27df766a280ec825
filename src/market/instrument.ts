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

/**
 * Upper-case codes of the exchanges that feeds capture: trades of the simulated one never pass for
 * real ones.
 */
export const capturedExchanges = ['BINANCE', 'SIMULATED'] as const

/** Topic of a data type, for example `market.crypto.trades.binance`. */
export const topicName = (assetClass: AssetClass, dataType: string, exchange: string): string =>
  `market.${assetClass}.${dataType}.${exchange.toLowerCase()}`

/**
 * `{EXCHANGE}:{symbol}:{native id}`, with the epoch in front of the id
 * once a venue restarted its ids (R7).
 */
export const messageId = (exchange: string, symbol: string, nativeId: number, epoch = 0): string =>
  epoch === 0 ? `${exchange}:${symbol}:${nativeId}` : `${exchange}:${symbol}:${epoch}.${nativeId}`

/**
 * Which run of consecutive ids a message id belongs to, or undefined if it is not the natural key
 * of its record: the symbol's own ids, or the rows of one load of a source without ids, whose key
 * is `{exchange}:{symbol}:{load}-{n}` (R26).
 */
export const sequenceKey = (
  record: Readonly<Record<'message_id' | 'exchange' | 'symbol', string>> & {
    readonly source_sequence: number | null
  }
): string | undefined => {
  if (record.source_sequence === null) return undefined
  const own = `${record.exchange}:${record.symbol}`
  const id = String(record.source_sequence)
  if (record.message_id === `${own}:${id}`) return own
  const load = record.message_id.slice(own.length + 1, -id.length - 1)
  return loadPattern.test(load) && record.message_id === `${own}:${load}-${id}`
    ? `${own}:${load}`
    : undefined
}

/**
 * Largest id or time that every part carries exactly: avsc reads and writes longs up to here, one
 * below the largest safe integer.
 */
export const longMax = Number.MAX_SAFE_INTEGER - 1

/** First twelve hex digits of the SHA-256 of the file that was loaded. */
const loadPattern = /^[0-9a-f]{12}$/

/** `{EXCHANGE}-{native id}`. */
export const tradeId = (exchange: string, nativeId: number): string => `${exchange}-${nativeId}`

/** As a trade's id. */
export const quoteId = (exchange: string, nativeId: number): string => tradeId(exchange, nativeId)
