/** A quote as a feed makes it, for tests that need one and do not care about its values. */
import { messageId, quoteId } from '../../src/market/instrument.ts'
import type { QuoteV2 } from '../../src/market/records/quote-v2.ts'

/** Its time grows with the id. */
export const quote = (symbol: string, id: number, change: Partial<QuoteV2> = {}): QuoteV2 => ({
  message_id: messageId('BINANCE', symbol, id),
  quote_id: quoteId('BINANCE', id),
  symbol,
  exchange: 'BINANCE',
  asset_class: 'crypto',
  timestamp: 1_700_000_000_000_000 + id,
  bid_price: 100_000_000n,
  bid_quantity: 1n,
  ask_price: 100_000_001n,
  ask_quantity: 2n,
  currency: 'USDT',
  source_sequence: id,
  ingestion_timestamp: 1_700_000_000_000_000 + id,
  platform_sequence: null,
  vendor_data: { base_asset: 'BTC', timestamp_source: 'received' },
  ...change
})
