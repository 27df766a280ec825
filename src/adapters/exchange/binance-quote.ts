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
import { checkStream, type KnownEvent, readEvent } from './binance-event.ts'
import {
  exactDecimal,
  type FieldText,
  type InstrumentTable,
  microseconds,
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
  const result = readEvent({ s: fields.s, id: fields.u, idName: 'u' }, instruments, (known) => ({
    kind: 'quote',
    quote: quoteOf(fields, known, receivedUs),
    nativeId: known.nativeId
  }))
  return result.kind === 'rejected' ? { ...result, isQuote: true } : result
}

const quoteOf = (
  fields: QuoteFields,
  { instrument, nativeId }: KnownEvent,
  receivedUs: number
): QuoteV2 => {
  const { exchange, symbol } = instrument
  checkStream(fields.stream, instrument, 'bookTicker')
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
