/**
 * Reads records that have the compact form of a known instrument straight into numbers.
 *
 * 1. What it reads, `makeRecordCodec(tradeV2Schema).decode` reads as the same record: that of
 *    `layout.instrument` with these numbers. Anything else is left to the codec.
 * 2. It never reads outside the given range.
 */
import { areSame, wholeNumberAt } from '../../market/byte-digits.ts'
import { type ByteRun, isRunAt } from '../../market/byte-run.ts'
import { longMax } from '../../market/instrument.ts'
import { bestMatch, sides, type TradeLayout, vendorHead } from './trade-layout.ts'

export class TradeDecoder {
  nativeId = 0
  timestampUs = 0
  receivedUs = 0
  eventTime = 0
  isBuyerMaker = false
  isBestMatch = false
  /** Decimals scaled by 10^8, as two 32-bit words: positive, 56 bits at most. */
  priceLow = 0
  priceHigh = 0
  quantityLow = 0
  quantityHigh = 0
  #at = 0
  #end = 0
  #low = 0
  #high = 0

  /** Reads bytes `start` to `end`; false if they are not a compact record of this layout. */
  read(layout: TradeLayout, view: DataView, start: number, end: number): boolean {
    this.#at = start
    this.#end = end
    const digits = this.#ids(layout, view)
    if (digits === 0 || !this.#passes(view, layout.identity)) return false
    const idStart = start + 1 + layout.messagePrefix.length
    const nativeId = wholeNumberAt(view, idStart, idStart + digits, longMax)
    const timestampUs = this.#long(view)
    if (nativeId < 0 || timestampUs < 0 || !this.#decimal(view)) return false
    this.priceLow = this.#low
    this.priceHigh = this.#high
    if (!this.#decimal(view)) return false
    this.quantityLow = this.#low
    this.quantityHigh = this.#high
    if (!this.#passes(view, layout.currency)) return false
    const side = this.#byte(view)
    if (side !== buy && side !== sell) return false
    if (this.#byte(view) !== 0 || this.#byte(view) !== 2) return false
    if (this.#long(view) !== nativeId) return false
    const receivedUs = this.#long(view)
    if (receivedUs < 0 || this.#byte(view) !== 0) return false
    if (!this.#vendorData(layout, view)) return false
    this.nativeId = nativeId
    this.timestampUs = timestampUs
    this.receivedUs = receivedUs
    this.isBuyerMaker = side === sell
    return this.#at === end
  }

  /** `message_id` and `trade_id` with the same digits; how many there are, 0 if it is not so. */
  #ids({ messagePrefix, tradePrefix }: TradeLayout, view: DataView): number {
    const length = this.#byte(view)
    const digits = (length >>> 1) - messagePrefix.length
    if (length > 0x7f || (length & 1) !== 0 || digits < 1 || digits > idDigitsMax) return 0
    if (!this.#passes(view, messagePrefix)) return 0
    const first = this.#at
    this.#at += digits
    if (this.#byte(view) !== (tradePrefix.length + digits) * 2) return 0
    if (!this.#passes(view, tradePrefix) || this.#at + digits > this.#end) return 0
    if (!areSame(view, first, this.#at, digits)) return 0
    this.#at += digits
    return digits
  }

  #vendorData({ baseAsset }: TradeLayout, view: DataView): boolean {
    if (!this.#passes(view, vendorHead)) return false
    const digits = this.#byte(view) / 2
    if ((digits !== msDigits && digits !== usDigits) || this.#at + digits > this.#end) return false
    this.eventTime = wholeNumberAt(view, this.#at, this.#at + digits, longMax)
    this.#at += digits
    if (this.eventTime < 0) return false
    this.isBestMatch = this.#passes(view, bestMatch[1])
    if (!this.isBestMatch && !this.#passes(view, bestMatch[0])) return false
    return this.#passes(view, baseAsset)
  }

  /** The next byte; beyond the end, one that no field may have. */
  #byte(view: DataView): number {
    return this.#at < this.#end ? view.getUint8(this.#at++) : 0x1ff
  }

  /** Steps over bytes that have to be these. */
  #passes(view: DataView, expected: ByteRun): boolean {
    const start = this.#at
    if (start + expected.length > this.#end || !isRunAt(view, start, expected)) return false
    this.#at = start + expected.length
    return true
  }

  /** A long from 0 to `longMax`; -1 if it is none. */
  #long(view: DataView): number {
    let low = 0
    let high = 0
    // Two halves of four bytes each: 28 bits stay a small integer.
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte(view)
      low |= (byte & 0x7f) << shift
      if (byte < 0x80) return (low & 1) === 0 ? low >>> 1 : -1
    }
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte(view)
      high |= (byte & 0x7f) << shift
      if (byte >= 0x80) continue
      const value = (low >>> 1) + high * 0x8000000
      return (low & 1) === 0 && value <= longMax ? value : -1
    }
    return -1
  }

  /** A positive decimal of 1 to 7 bytes, into two words. */
  #decimal(view: DataView): boolean {
    const length = this.#byte(view) / 2
    const end = this.#at + length
    if (!(length >= 1 && length <= decimalBytesMax && Number.isInteger(length))) return false
    if (end > this.#end || view.getUint8(this.#at) > 0x7f) return false
    let high = 0
    let low = 0
    for (; this.#at < end - 4; this.#at++) high = (high << 8) | view.getUint8(this.#at)
    for (; this.#at < end; this.#at++) low = (low << 8) | view.getUint8(this.#at)
    this.#high = high
    this.#low = low >>> 0
    return (high | low) !== 0
  }
}

const [buy, sell] = sides
const idDigitsMax = 16
const msDigits = 13
const usDigits = 16
const decimalBytesMax = 7
