/**
 * Writes compact trades as Avro, in place and without an object per trade.
 *
 * 1. The bytes are those that `makeRecordCodec(tradeV2Schema).encode(tradeOf(trade))` gives.
 * 2. At most `layout.recordBytesMax` bytes are written behind `at`.
 */
import { digitCountOf, putDigits } from '../../market/byte-digits.ts'
import { putRun } from '../../market/byte-run.ts'
import type { CompactTrade } from '../../market/compact-trade.ts'
import { bestMatch, sides, type TradeLayout, vendorHead } from './trade-layout.ts'

/** Writes the trade at `at` and returns the end. `layout` is that of the trade's instrument. */
export const writeTrade = (
  { messagePrefix, tradePrefix, identity, currency, baseAsset }: TradeLayout,
  trade: CompactTrade,
  view: DataView,
  at: number
): number => {
  const idDigits = digitCountOf(trade.nativeId)
  view.setUint8(at, (messagePrefix.length + idDigits) * 2)
  at = putRun(view, at + 1, messagePrefix)
  at = putDigits(view, at, trade.nativeId, idDigits)
  view.setUint8(at, (tradePrefix.length + idDigits) * 2)
  at = putRun(view, at + 1, tradePrefix)
  at = putDigits(view, at, trade.nativeId, idDigits)
  at = putRun(view, at, identity)
  at = putLong(view, at, trade.timestampUs)
  at = putDecimal(view, at, trade.price)
  at = putDecimal(view, at, trade.quantity)
  at = putRun(view, at, currency)
  view.setUint8(at, sides[trade.isBuyerMaker ? 1 : 0])
  view.setUint8(at + 1, 0) // no conditions
  view.setUint8(at + 2, 2)
  at = putLong(view, at + 3, trade.nativeId)
  at = putLong(view, at, trade.receivedUs)
  view.setUint8(at, 0) // no platform sequence
  at = putRun(view, at + 1, vendorHead)
  const timeDigits = digitCountOf(trade.eventTime)
  view.setUint8(at, timeDigits * 2)
  at = putDigits(view, at + 1, trade.eventTime, timeDigits)
  at = putRun(view, at, bestMatch[trade.isBestMatch ? 1 : 0])
  return putRun(view, at, baseAsset)
}

/** A long that is not negative: zigzag, seven bits a byte, the lowest first. */
const putLong = (view: DataView, at: number, value: number): number => {
  let rest = value * 2
  if (rest > 0xfffffff) {
    const high = Math.floor(rest / 0x10000000)
    const low = rest - high * 0x10000000
    const spread =
      (low & 0x7f) | ((low & 0x3f80) << 1) | ((low & 0x1fc000) << 2) | ((low & 0xfe00000) << 3)
    view.setInt32(at, spread | 0x80808080, true)
    at += 4
    rest = high
  }
  while (rest > 0x7f) {
    view.setUint8(at, (rest & 0x7f) | 0x80)
    at += 1
    rest >>>= 7
  }
  view.setUint8(at, rest)
  return at + 1
}

/** A positive decimal: length, then minimal two's complement, big-endian. */
const putDecimal = (view: DataView, at: number, value: number): number => {
  const high = Math.floor(value / 0x100000000)
  const low = value >>> 0
  // The top bit of the first byte is the sign, so a value that fills its bytes needs one more.
  const length = high > 0 ? 4 + bytesOf(high) : bytesOf(low)
  view.setUint8(at, length * 2)
  at += 1
  for (let index = length - 1; index >= 4; index--) {
    view.setUint8(at, (high >>> (8 * (index - 4))) & 0xff)
    at += 1
  }
  if (length >= 4) {
    view.setInt32(at, low, false)
    return at + 4
  }
  for (let index = length - 1; index >= 0; index--) {
    view.setUint8(at, (low >>> (8 * index)) & 0xff)
    at += 1
  }
  return at
}

/** Bytes that a positive 32-bit number takes with a sign bit in front, 1 to 5. */
const bytesOf = (word: number): number =>
  word < 0x80 ? 1 : word < 0x8000 ? 2 : word < 0x800000 ? 3 : word < 0x80000000 ? 4 : 5
