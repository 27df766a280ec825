/** What a frame of a venue turned out to be: closed sets, so that counts have bounded labels. */
import type { QuoteV2 } from '../../market/records/quote-v2.ts'
import type { TradeV2 } from '../../market/records/trade-v2.ts'

/**
 * Streams that the venue offers and K2 does not read; `other` is an event not listed here, and
 * `bookTicker` one of a feed that captures no quotes, or of a stream over all symbols.
 */
export const unsupportedKinds = [
  'depthUpdate',
  'depthSnapshot',
  'bookTicker',
  'kline',
  'aggTrade',
  'ticker',
  'miniTicker',
  'rollingTicker',
  'avgPrice',
  'markPrice',
  'serverShutdown',
  'other'
] as const
export type UnsupportedKind = (typeof unsupportedKinds)[number]

/** Why a frame was refused. */
export const rejectReasons = [
  'binary',
  'oversized',
  'invalid_utf8',
  'malformed_json',
  'unknown_shape',
  'missing_field',
  'duplicate_field',
  'bad_value',
  'bad_id',
  'bad_time',
  'bad_decimal',
  'decimal_overflow',
  'bad_price',
  'bad_quantity',
  'unknown_symbol',
  'symbol_mismatch'
] as const
export type RejectReason = (typeof rejectReasons)[number]

/** The venue's answer to SUBSCRIBE and its like; `id` is null where it names none. */
export type ControlReply =
  | { readonly outcome: 'acknowledged'; readonly id: number | null }
  | {
      readonly outcome: 'refused'
      readonly id: number | null
      readonly code: number
      readonly message: string
    }

export interface RejectedFrame {
  readonly kind: 'rejected'
  /** It was to be a quote: its id is no trade's. */
  readonly isQuote?: true
  readonly reason: RejectReason
  /** The member at fault, by the venue's own name (`t`, `p`, …). */
  readonly field?: string
  /** Where readable: at most 32 characters, of the configured list unless the reason says not. */
  readonly symbol?: string
  /** Where readable, so that the id can be claimed as rejected (R29). */
  readonly nativeId?: number
}

export type FrameResult =
  | { readonly kind: 'trade'; readonly trade: TradeV2; readonly nativeId: number }
  | { readonly kind: 'quote'; readonly quote: QuoteV2; readonly nativeId: number }
  | { readonly kind: 'control'; readonly reply: ControlReply }
  | { readonly kind: 'unsupported'; readonly frameKind: UnsupportedKind }
  | RejectedFrame

/** One WebSocket message as it arrived. */
export interface RawFrame {
  /** Payload; of an oversized frame only its beginning. */
  readonly bytes: Buffer
  /** Bytes of the whole payload on the wire. */
  readonly frameBytes: number
  readonly isBinary: boolean
  /** Receive time, µs since 1970. */
  readonly receivedUs: number
}
