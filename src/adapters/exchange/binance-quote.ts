/**
 * The members of a Binance book-ticker event, as text, → one `QuoteV2` or a refusal. Pure.
 *
 * | record | venue |
 * |---|---|
 * | message_id, quote_id, source_sequence | `u`, the order book's update id |
 * | bid_price, bid_quantity, ask_price, ask_quantity | `b`, `B`, `a`, `A` |
 * | timestamp | `T`; the spot market sends none: when it was received (R12) |
 * | currency, vendor_data.base_asset | the venue's own list, never the symbol's letters |
 * | vendor_data | `event_time` (`E` as written), `timestamp_source` = `received` without `T` |
 *
 * A side of the book is a price and a quantity above zero, or both zero where it is empty. Bid and
 * ask may touch or cross: none of 60,216 recorded quotes does, but a table that holds what the
 * venue said can show it, and one that refused it could not.
 */
import { type Instrument, messageId, quoteId } from '../../market/instrument.ts'
import type { QuoteV2 } from '../../market/records/quote-v2.ts'
import {
  clipped,
  exactDecimal,
  type FieldText,
  type InstrumentTable,
  microseconds,
  readableId,
  Refusal,
  required
} from './binance-fields.ts'
import type { FrameResult, RejectReason } from './frame-result.ts'

/** The members of a book-ticker event as text, exactly as written; undefined where absent. */
export interface QuoteFields {
  readonly stream: string | undefined
  readonly u: FieldText
  readonly s: FieldText
  readonly b: FieldText
  readonly B: FieldText
  readonly a: FieldText
  readonly A: FieldText
  readonly E: FieldText
  readonly T: FieldText
}

/** A quote, or why it is none. */
export const readQuote = (
  fields: QuoteFields,
  receivedUs: number,
  instruments: InstrumentTable
): FrameResult => {
  const nativeId = readableId(fields.u)
  const instrument = fields.s?.type === 'string' ? instruments.get(fields.s.text) : undefined
  try {
    if (instrument === undefined) {
      required(fields.s, 's', 'string', 'bad_value')
      throw new Refusal('unknown_symbol', 's')
    }
    required(fields.u, 'u', 'number', 'bad_id')
    if (nativeId === undefined) throw new Refusal('bad_id', 'u')
    return { kind: 'quote', quote: quoteOf(fields, { instrument, nativeId, receivedUs }), nativeId }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const symbol = instrument?.symbol ?? clipped(fields.s)
    return {
      kind: 'rejected',
      isQuote: true,
      reason: error.reason,
      field: error.field,
      ...(symbol === undefined ? {} : { symbol }),
      ...(nativeId === undefined ? {} : { nativeId })
    }
  }
}

const quoteOf = (
  fields: QuoteFields,
  known: { readonly instrument: Instrument; readonly nativeId: number; readonly receivedUs: number }
): QuoteV2 => {
  const { instrument, nativeId, receivedUs } = known
  const { exchange, symbol } = instrument
  const { stream } = fields
  if (stream !== undefined && stream !== `${symbol.toLowerCase()}@bookTicker`) {
    throw new Refusal('symbol_mismatch', 'stream')
  }
  const bid = sideOf(fields, 'b', 'B')
  const ask = sideOf(fields, 'a', 'A')
  return {
    message_id: messageId(exchange, symbol, nativeId),
    quote_id: quoteId(exchange, nativeId),
    symbol,
    exchange,
    asset_class: instrument.assetClass,
    timestamp:
      fields.T === undefined
        ? receivedUs
        : microseconds(required(fields.T, 'T', 'number', 'bad_time'), 'T'),
    bid_price: bid.price,
    bid_quantity: bid.quantity,
    ask_price: ask.price,
    ask_quantity: ask.quantity,
    currency: instrument.quoteAsset,
    source_sequence: nativeId,
    ingestion_timestamp: receivedUs,
    platform_sequence: null,
    vendor_data: vendorData(fields, instrument)
  }
}

const sideOf = (fields: QuoteFields, priceName: 'b' | 'a', quantityName: 'B' | 'A') => {
  const price = notNegative(fields[priceName], priceName, 'bad_price')
  const quantity = notNegative(fields[quantityName], quantityName, 'bad_quantity')
  if (price === 0n && quantity > 0n) throw new Refusal('bad_price', priceName)
  if (quantity === 0n && price > 0n) throw new Refusal('bad_quantity', quantityName)
  return { price, quantity }
}

const notNegative = (field: FieldText, name: string, reason: RejectReason): bigint => {
  const scaled = exactDecimal(required(field, name, 'string', 'bad_decimal'), name)
  if (scaled < 0n) throw new Refusal(reason, name)
  return scaled
}

const vendorData = (
  { E, T }: QuoteFields,
  { baseAsset }: Instrument
): Readonly<Record<string, string>> => {
  const data: Record<string, string> = {}
  if (E !== undefined) {
    data['event_time'] = required(E, 'E', 'number', 'bad_time')
    microseconds(data['event_time'], 'E')
  }
  data['base_asset'] = baseAsset
  if (T === undefined) data['timestamp_source'] = 'received'
  return data
}
