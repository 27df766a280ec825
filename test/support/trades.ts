/** A trade as a feed makes it, for tests that need one and do not care about its values. */
import { messageId, tradeId } from '../../src/market/instrument.ts'
import type { TradeV2 } from '../../src/market/records/trade-v2.ts'

/** Exchange time grows with the id, as it does at the venue. */
export const trade = (symbol: string, id: number, change: Partial<TradeV2> = {}): TradeV2 => ({
  message_id: messageId('BINANCE', symbol, id),
  trade_id: tradeId('BINANCE', id),
  symbol,
  exchange: 'BINANCE',
  asset_class: 'crypto',
  timestamp: 1_700_000_000_000_000 + id,
  price: 100_000_000n,
  quantity: 1n,
  currency: 'USDT',
  side: 'BUY',
  trade_conditions: [],
  source_sequence: id,
  ingestion_timestamp: 1_700_000_000_000_000,
  platform_sequence: null,
  vendor_data: null,
  ...change
})
