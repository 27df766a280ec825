/**
 * A trade of a listed instrument in plain numbers: what most trades are, before they become records
 * of fifteen fields. The parts that carry every trade read and write this form; the record form is
 * for everything else, and says what this one means.
 *
 * 1. `tradeOf(compact)` is the record that the same trade has on the way through the libraries.
 * 2. Prices and quantities are scaled by 10^8 and below 2^53, so a number holds them exactly; what
 *    is larger has no compact form.
 */
import { type Instrument, messageId, tradeId } from './instrument.ts'
import type { TradeV2 } from './records/trade-v2.ts'

/** One object may serve many trades, one after the other: copy what is to be kept. */
export interface CompactTrade {
  instrument: Instrument
  /** The venue's own id. */
  nativeId: number
  /** Exchange time, µs. */
  timestampUs: number
  /** The venue's event time as it wrote it: 13 digits of ms or 16 of µs. */
  eventTime: number
  /** Scaled by 10^8, positive, below 2^53. */
  price: number
  /** Scaled by 10^8, positive, below 2^53. */
  quantity: number
  /** The buyer rested in the book: the seller crossed the spread. */
  isBuyerMaker: boolean
  isBestMatch: boolean
  /** When K2 received it, µs. */
  receivedUs: number
}

/** Fields of a record that a compact trade says something of, in the order of their schema. */
export const compactFields = [
  'message_id',
  'trade_id',
  'symbol',
  'exchange',
  'asset_class',
  'timestamp',
  'price',
  'quantity',
  'currency',
  'side',
  'trade_conditions',
  'source_sequence',
  'ingestion_timestamp',
  'platform_sequence',
  'vendor_data'
] as const satisfies readonly (keyof TradeV2)[]

/** For a slot that is written before it is read. */
export const blankTrade = (): CompactTrade => ({
  instrument: nowhere,
  nativeId: 0,
  timestampUs: 0,
  eventTime: 0,
  price: 0,
  quantity: 0,
  isBuyerMaker: false,
  isBestMatch: false,
  receivedUs: 0
})

/** The record of a compact trade (1). */
export const tradeOf = (compact: CompactTrade): TradeV2 => {
  const { instrument, nativeId } = compact
  const { exchange, symbol } = instrument
  return {
    message_id: messageId(exchange, symbol, nativeId),
    trade_id: tradeId(exchange, nativeId),
    symbol,
    exchange,
    asset_class: instrument.assetClass,
    timestamp: compact.timestampUs,
    price: BigInt(compact.price),
    quantity: BigInt(compact.quantity),
    currency: instrument.quoteAsset,
    side: compact.isBuyerMaker ? 'SELL' : 'BUY',
    trade_conditions: noConditions,
    source_sequence: nativeId,
    ingestion_timestamp: compact.receivedUs,
    platform_sequence: null,
    vendor_data: {
      event_time: String(compact.eventTime),
      is_best_match: String(compact.isBestMatch),
      base_asset: instrument.baseAsset
    }
  }
}

/** The instrument whose trades have this record's constant fields, or undefined if none could. */
export const instrumentOf = (record: TradeV2): Instrument | undefined => {
  const { exchange, symbol, asset_class: assetClass, currency: quoteAsset } = record
  const baseAsset = record.vendor_data?.['base_asset']
  return baseAsset === undefined
    ? undefined
    : { exchange, symbol, assetClass, baseAsset, quoteAsset }
}

const nowhere: Instrument = {
  exchange: '',
  symbol: '',
  assetClass: 'crypto',
  baseAsset: '',
  quoteAsset: ''
}
const noConditions: readonly string[] = Object.freeze([])
