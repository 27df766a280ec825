/**
 * The members of a Binance trade event, as text, → one `TradeV2` or a refusal. Pure.
 *
 * | record | venue |
 * |---|---|
 * | message_id, trade_id, source_sequence | `t`, the trade id |
 * | timestamp | `T`, ms or µs by its number of digits |
 * | side | SELL where `m` (the buyer is the maker), else BUY: the aggressor's |
 * | currency, vendor_data.base_asset | the venue's own list, never the symbol's letters |
 * | vendor_data | `event_time` (`E` as written), `is_best_match` (`M`), |
 * |  | `buyer_order_id` (`b`), `seller_order_id` (`a`) |
 */
import { type Instrument, messageId, tradeId } from '../../market/instrument.ts'
import type { TradeV2 } from '../../market/records/trade-v2.ts'
import { checkStream, type KnownEvent, readEvent } from './binance-event.ts'
import {
  exactDecimal,
  type FieldText,
  type InstrumentTable,
  microseconds,
  Refusal,
  required,
  type ScalarText,
  wholeNumber
} from './binance-fields.ts'
import type { FrameResult, RejectReason } from './frame-result.ts'

/** The members of a trade event as text, exactly as written; undefined where absent. */
export interface TradeFields {
  readonly stream: string | undefined
  readonly E: FieldText
  readonly s: FieldText
  readonly t: FieldText
  readonly p: FieldText
  readonly q: FieldText
  readonly T: FieldText
  readonly m: FieldText
  readonly M: FieldText
  readonly b: FieldText
  readonly a: FieldText
}

/** A trade, or why it is none. Members are judged from their text, so no double is in the way. */
export const readTrade = (
  fields: TradeFields,
  receivedUs: number,
  instruments: InstrumentTable
): FrameResult => {
  return readEvent({ s: fields.s, id: fields.t, idName: 't' }, instruments, (known) => {
    checkStream(fields.stream, known.instrument, 'trade')
    const data = vendorData(fields, known.instrument)
    return {
      kind: 'trade',
      trade: tradeOf(fields, known, { receivedUs, vendorData: data }),
      nativeId: known.nativeId
    }
  })
}

/**
 * The record of a trade, from wherever the venue tells of it.
 * @throws Refusal
 */
export const tradeOf = (
  fields: Pick<TradeFields, 'p' | 'q' | 'T' | 'm'>,
  { instrument, nativeId }: KnownEvent,
  more: { readonly receivedUs: number; readonly vendorData: Readonly<Record<string, string>> }
): TradeV2 => {
  const { exchange, symbol } = instrument
  const isBuyerMaker = flag(required(fields.m, 'm', 'boolean', 'bad_value'))
  return {
    message_id: messageId(exchange, symbol, nativeId),
    trade_id: tradeId(exchange, nativeId),
    symbol,
    exchange,
    asset_class: instrument.assetClass,
    timestamp: microseconds(required(fields.T, 'T', 'number', 'bad_time'), 'T'),
    price: positiveDecimal(required(fields.p, 'p', 'string', 'bad_decimal'), 'p', 'bad_price'),
    quantity: positiveDecimal(
      required(fields.q, 'q', 'string', 'bad_decimal'),
      'q',
      'bad_quantity'
    ),
    currency: instrument.quoteAsset,
    // The buyer rested in the book: the seller crossed the spread.
    side: isBuyerMaker ? 'SELL' : 'BUY',
    trade_conditions: noConditions,
    source_sequence: nativeId,
    ingestion_timestamp: more.receivedUs,
    platform_sequence: null,
    vendor_data: more.vendorData
  }
}

const noConditions: readonly string[] = Object.freeze([])

/** What the venue sent and no other field holds; order ids only in the older schema. */
const vendorData = (
  fields: TradeFields,
  instrument: Instrument
): Readonly<Record<string, string>> => {
  const E = required(fields.E, 'E', 'number', 'bad_time')
  microseconds(E, 'E')
  const data: Record<string, string> = { event_time: E }
  if (fields.M !== undefined) {
    data['is_best_match'] = required(fields.M, 'M', 'boolean', 'bad_value')
  }
  data['base_asset'] = instrument.baseAsset
  if (fields.b !== undefined) data['buyer_order_id'] = orderId(fields.b, 'b')
  if (fields.a !== undefined) data['seller_order_id'] = orderId(fields.a, 'a')
  return data
}

/** Order ids are text in the record, so they may exceed 2^53; they must be whole. */
const orderId = (field: ScalarText, name: string): string => {
  const text = required(field, name, 'number', 'bad_value')
  if (!wholeNumber.test(text)) throw new Refusal('bad_value', name)
  return text
}

const flag = (text: string): boolean => text === 'true'

const positiveDecimal = (text: string, name: string, reason: RejectReason): bigint => {
  const scaled = exactDecimal(text, name)
  if (scaled <= 0n) throw new Refusal(reason, name)
  return scaled
}
