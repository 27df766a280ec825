/**
 * The forms of CSV files of trades and quotes, and what a row of them says.
 *
 * 1. What has no field of its own is kept, as it stands, in `vendor_data`; an empty field is not.
 * 2. What the lander would refuse is rejected here, so that the rows of a load are numbered without
 *    holes (R26).
 */
import type { QuoteV2 } from '../records/quote-v2.ts'
import type { TradeV2 } from '../records/trade-v2.ts'
import { formsOf, type LoadForms, type ReadContext } from './load-forms.ts'

/** What a row says, without what its identity decides. */
export interface RowContent<A> {
  readonly symbol: string
  /** The source's own number of the record; null: it is numbered within its load (R26). */
  readonly nativeId: number | null
  /** The source's own name of the record. */
  readonly nativeName: string | null
  readonly content: Omit<A, 'message_id' | 'trade_id' | 'quote_id' | 'source_sequence'>
}

const ownOptional = ['company_id', 'qualifiers', 'venue'] as const

const isAsxRow =
  (columns: number) =>
  (first: readonly string[]): boolean =>
    first.length === columns && /^\d\d\/\d\d\/\d{4}$/.test(first[0] ?? '')

const asxTradeColumns = ['Date', 'Time', 'Price', 'Volume', 'Qualifiers', 'Venue', 'BuyerID']
const asxQuoteColumns = ['Date', 'Time', 'Bid', 'Ask', 'BidVolume', 'AskVolume']

export const tradeForms: LoadForms<RowContent<TradeV2>> = formsOf<RowContent<TradeV2>>([
  {
    name: 'trades with the columns of K2',
    required: [
      'symbol',
      'exchange_timestamp',
      'price',
      'quantity',
      'side',
      'sequence_number',
      'trade_id'
    ],
    optional: ownOptional,
    namesSymbol: true,
    read: (fields, context) => ({
      symbol: fields.name('symbol'),
      nativeId: fields.id('sequence_number'),
      nativeName: fields.filled('trade_id'),
      content: {
        ...common(fields.name('symbol'), context),
        timestamp: fields.isoTime('exchange_timestamp', context.toUtc),
        price: fields.decimal('price', 1n),
        quantity: fields.decimal('quantity', 1n),
        side: sideOf(fields.text('side')),
        trade_conditions: conditions(fields.text('qualifiers')),
        vendor_data: vendorData(ownOptional.map((name) => [name, fields.text(name)]))
      }
    })
  },
  {
    name: 'raw ASX trades',
    required: asxTradeColumns,
    optional: [],
    namesSymbol: false,
    isBareRow: isAsxRow(asxTradeColumns.length),
    read: (fields, context) => ({
      symbol: context.source.symbol!,
      nativeId: null,
      nativeName: null,
      content: {
        ...common(context.source.symbol!, context),
        timestamp: fields.localDateTime('Date', 'Time', context.toUtc),
        price: fields.decimal('Price', 1n),
        quantity: fields.decimal('Volume', 1n),
        side: 'UNKNOWN',
        trade_conditions: conditions(fields.text('Qualifiers')),
        vendor_data: vendorData([
          ['company_id', context.source.companyId ?? ''],
          ['qualifiers', fields.text('Qualifiers')],
          ['venue', fields.text('Venue')],
          ['buyer_id', fields.text('BuyerID')]
        ])
      }
    })
  }
])

export const quoteForms: LoadForms<RowContent<QuoteV2>> = formsOf<RowContent<QuoteV2>>([
  {
    name: 'quotes with the columns of K2',
    required: [
      'symbol',
      'exchange_timestamp',
      'bid_price',
      'ask_price',
      'bid_size',
      'ask_size',
      'sequence_number'
    ],
    optional: ownOptional,
    namesSymbol: true,
    read: (fields, context) => ({
      symbol: fields.name('symbol'),
      nativeId: fields.id('sequence_number'),
      nativeName: null,
      content: {
        ...common(fields.name('symbol'), context),
        timestamp: fields.isoTime('exchange_timestamp', context.toUtc),
        bid_price: fields.decimal('bid_price', 0n),
        bid_quantity: fields.decimal('bid_size', 0n),
        ask_price: fields.decimal('ask_price', 0n),
        ask_quantity: fields.decimal('ask_size', 0n),
        vendor_data: vendorData(ownOptional.map((name) => [name, fields.text(name)]))
      }
    })
  },
  {
    name: 'raw ASX quotes',
    required: asxQuoteColumns,
    optional: [],
    namesSymbol: false,
    isBareRow: isAsxRow(asxQuoteColumns.length),
    read: (fields, context) => ({
      symbol: context.source.symbol!,
      nativeId: null,
      nativeName: null,
      content: {
        ...common(context.source.symbol!, context),
        timestamp: fields.localDateTime('Date', 'Time', context.toUtc),
        bid_price: fields.decimal('Bid', 0n),
        bid_quantity: fields.decimal('BidVolume', 0n),
        ask_price: fields.decimal('Ask', 0n),
        ask_quantity: fields.decimal('AskVolume', 0n),
        vendor_data: vendorData([['company_id', context.source.companyId ?? '']])
      }
    })
  }
])

const common = (symbol: string, { source, ingestionUs }: ReadContext) => ({
  symbol,
  exchange: source.exchange,
  asset_class: source.assetClass,
  currency: source.currency,
  ingestion_timestamp: ingestionUs,
  platform_sequence: null
})

const sides: ReadonlySet<string> = new Set(['BUY', 'SELL', 'SELL_SHORT'])

/** Letters aside; whatever else a file says is unknown. */
const sideOf = (text: string): TradeV2['side'] => {
  const side = text.toUpperCase()
  return sides.has(side) ? (side as TradeV2['side']) : 'UNKNOWN'
}

const conditions = (qualifiers: string): readonly string[] =>
  qualifiers === '' ? [] : [qualifiers]

const vendorData = (
  entries: readonly (readonly [string, string])[]
): Readonly<Record<string, string>> | null => {
  const filled = entries.filter(([, value]) => value !== '')
  return filled.length === 0 ? null : Object.fromEntries(filled)
}
