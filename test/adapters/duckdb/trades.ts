/** Trades for tests: a plain one with overrides, and arbitrary ones for properties. */
import * as fc from 'fast-check'
import type { TradeV2 } from '../../../src/market/records/trade-v2.ts'

export const midnightUs = 1_723_075_200_000_000

export const trade = (fields: Partial<TradeV2> = {}): TradeV2 => {
  const id = fields.source_sequence ?? 1
  const exchange = fields.exchange ?? 'BINANCE'
  const symbol = fields.symbol ?? 'BTCUSDT'
  return {
    message_id: `${exchange}:${symbol}:${id}`,
    trade_id: `${exchange}-${id}`,
    symbol,
    exchange,
    asset_class: 'crypto',
    timestamp: midnightUs,
    price: 6_183_763_000_000n,
    quantity: 100_000n,
    currency: 'USDT',
    side: 'BUY',
    trade_conditions: [],
    source_sequence: id,
    ingestion_timestamp: midnightUs + 1_500,
    platform_sequence: null,
    vendor_data: null,
    ...fields
  }
}

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom('', "'", '"', '\u0000', '\\', '$1', '😀')
)
const decimal = fc.oneof(
  fc.bigInt({ min: -(10n ** 18n) + 1n, max: 10n ** 18n - 1n }),
  fc.constantFrom(0n, 1n, -1n, 10n ** 18n - 1n, -(10n ** 18n) + 1n)
)
const nullableId = fc.option(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), { nil: null })
const timeUs = fc.oneof(
  fc.integer({ min: midnightUs - 3, max: midnightUs + 3 }),
  fc.integer({ min: -1_000_000_000, max: midnightUs })
)

export const arbitraryTrade: fc.Arbitrary<TradeV2> = fc.record({
  message_id: text,
  trade_id: text,
  symbol: fc.oneof(fc.constantFrom('BTCUSDT', 'ETHUSDT'), text),
  exchange: fc.constantFrom('BINANCE', 'KRAKEN', "O'X"),
  asset_class: fc.constantFrom('equities' as const, 'crypto' as const),
  timestamp: timeUs,
  price: decimal,
  quantity: decimal,
  currency: text,
  side: fc.constantFrom('BUY' as const, 'SELL' as const, 'UNKNOWN' as const),
  trade_conditions: fc.array(text, { maxLength: 3 }),
  source_sequence: nullableId,
  ingestion_timestamp: timeUs,
  platform_sequence: nullableId,
  vendor_data: fc.option(fc.dictionary(text, text, { maxKeys: 4 }), { nil: null })
})

/** No two with the same message id, as in a table: the order of records is total by it. */
export const withOwnIds = (
  batches: readonly (readonly TradeV2[])[]
): readonly (readonly TradeV2[])[] =>
  batches.map((batch, number) =>
    batch.map((one, index) => ({ ...one, message_id: `${one.message_id}${number}.${index}` }))
  )
