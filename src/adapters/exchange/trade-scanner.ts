/**
 * Reads the trade frames that the venue sends all day as bytes: no text, no objects, a fraction of
 * the time that JSON takes.
 *
 * 1. What it reads, `parseFrame` reads as the same trade; anything that is not letter for letter
 *    the venue's own spelling is left to it: older schemas, other members or order, refusals.
 * 2. It looks at every byte of the frame, once, and never beyond its end.
 */
import { digitAt, fourDigitsAt } from '../../market/byte-digits.ts'
import { byteRun, type ByteRun, isRunAt } from '../../market/byte-run.ts'
import { ByteTable } from '../../market/byte-table.ts'
import type { CompactTrade } from '../../market/compact-trade.ts'
import { type Instrument, longMax } from '../../market/instrument.ts'
import type { InstrumentTable } from './binance-fields.ts'
import type { RawFrame } from './frame-result.ts'

/** What the frames of one instrument have in common. */
interface Spelling {
  readonly instrument: Instrument
  /** From the beginning to the event time. */
  readonly head: ByteRun
  /** From the event time to the trade id. */
  readonly symbol: ByteRun
}

export class TradeScanner {
  readonly #instruments: InstrumentTable
  readonly #spellings = new ByteTable<Spelling>()
  /** Of the memory that the last frame lay in: frames of one read of the socket share it. */
  #view: DataView = new DataView(new ArrayBuffer(0))
  /** Where the next literal or number starts in the view, and where the frame ends. */
  #at = 0
  #end = 0

  /** `instruments` may gain symbols while the scanner is in use; it must not change any. */
  constructor(instruments: InstrumentTable) {
    this.#instruments = instruments
  }

  /** Fills `trade` from the frame, or leaves the frame to `parseFrame` and returns false. */
  scan({ bytes, isBinary, receivedUs }: RawFrame, trade: CompactTrade): boolean {
    const spelling = isBinary ? undefined : this.#spellingOf(bytes)
    if (spelling === undefined) return false
    if (this.#view.buffer !== bytes.buffer) this.#view = new DataView(bytes.buffer)
    this.#at = bytes.byteOffset
    this.#end = bytes.byteOffset + bytes.length
    if (!this.#passes(spelling.head)) return false
    const eventTime = this.#time()
    if (eventTime < 0 || !this.#passes(spelling.symbol)) return false
    const nativeId = this.#wholeNumber()
    if (nativeId < 0 || nativeId > longMax || !this.#passes(priceKey)) return false
    const price = this.#decimal()
    if (price <= 0 || !this.#passes(quantityKey)) return false
    const quantity = this.#decimal()
    if (quantity <= 0 || !this.#passes(tradeTimeKey)) return false
    const tradeTime = this.#time()
    const ending = tradeTime < 0 ? -1 : this.#ending()
    if (ending < 0) return false
    trade.instrument = spelling.instrument
    trade.nativeId = nativeId
    trade.timestampUs = tradeTime < msLimit ? tradeTime * 1_000 : tradeTime
    trade.eventTime = eventTime
    trade.price = price
    trade.quantity = quantity
    trade.isBuyerMaker = (ending & 1) !== 0
    trade.isBestMatch = (ending & 2) !== 0
    trade.receivedUs = receivedUs
    return true
  }

  #spellingOf(bytes: Uint8Array): Spelling | undefined {
    // The stream's name says which symbol it is; what the frame says of it is compared later.
    const limit = Math.min(bytes.length, nameStart + nameBytesMax)
    let end = nameStart
    while (end < limit && bytes[end] !== atSign) end += 1
    return this.#spellings.find(bytes, nameStart, end) ?? this.#learn(bytes, end)
  }

  #learn(bytes: Uint8Array, end: number): Spelling | undefined {
    const name = Buffer.from(bytes.subarray(nameStart, end)).toString('latin1')
    const instrument = this.#instruments.get(name.toUpperCase())
    if (instrument === undefined || !plainSymbol.test(instrument.symbol)) return undefined
    if (name !== instrument.symbol.toLowerCase()) return undefined
    const spelling = {
      instrument,
      head: byteRun(Buffer.from(`{"stream":"${name}@trade","data":{"e":"trade","E":`)),
      symbol: byteRun(Buffer.from(`,"s":"${instrument.symbol}","t":`))
    }
    this.#spellings.add(Buffer.from(name, 'latin1'), spelling)
    return spelling
  }

  /** Steps over a literal. */
  #passes(literal: ByteRun): boolean {
    if (this.#at + literal.length > this.#end) return false
    if (!isRunAt(this.#view, this.#at, literal)) return false
    this.#at += literal.length
    return true
  }

  /** The digit at a place, or a negative number. */
  #digit(at: number): number {
    const digit = at < this.#end ? digitAt(this.#view, at) : -1
    return digit <= 9 ? digit : -1
  }

  /** 13 digits of milliseconds or 16 of microseconds, within what a record carries; or -1. */
  #time(): number {
    const time = this.#wholeNumber()
    if (time < 1e12) return -1
    if (time < msLimit) return time * 1_000 <= longMax ? time : -1
    return time >= 1e15 && time <= longMax ? time : -1
  }

  /** A whole number without leading zeros, as JSON has it; -1 if there is none that fits. */
  #wholeNumber(): number {
    const start = this.#at
    let at = start
    let value = 0
    // Four digits at a time while there are as many.
    while (at + 4 <= this.#end && at - start < wholeDigitsMax) {
      const four = fourDigitsAt(this.#view, at)
      if (four < 0) break
      value = value * 10_000 + four
      at += 4
    }
    for (let digit = this.#digit(at); digit >= 0; digit = this.#digit(at)) {
      value = value * 10 + digit
      at += 1
      if (at - start > wholeDigitsMax) return -1
    }
    const digits = at - start
    if (digits === 0 || (digits > 1 && this.#view.getUint8(start) === zero)) return -1
    this.#at = at
    return value
  }

  /** A decimal with one to eight decimals, scaled by 10^8; -1 if there is none below 2^53. */
  #decimal(): number {
    const start = this.#at
    let at = start
    let whole = 0
    for (let digit = this.#digit(at); digit >= 0; digit = this.#digit(at)) {
      whole = whole * 10 + digit
      at += 1
      if (at - start > wholeDecimalsMax) return -1
    }
    if (at === start || at >= this.#end || whole >= wholeLimit) return -1
    if (this.#view.getUint8(at) !== point) return -1
    at += 1
    const fractionStart = at
    let fraction = 0
    while (at + 4 <= this.#end && at - fractionStart < decimalsMax) {
      const four = fourDigitsAt(this.#view, at)
      if (four < 0) break
      fraction = fraction * 10_000 + four
      at += 4
    }
    for (let digit = this.#digit(at); digit >= 0; digit = this.#digit(at)) {
      fraction = fraction * 10 + digit
      at += 1
      if (at - fractionStart > decimalsMax) return -1
    }
    if (at === fractionStart) return -1
    this.#at = at
    return whole * 1e8 + fraction * powersOfTen[decimalsMax - (at - fractionStart)]!
  }

  /** The flags and the end of the frame: bit 0 buyer is maker, bit 1 best match; -1 if not so. */
  #ending(): number {
    for (let index = 0; index < endings.length; index++) {
      const ending = endings[index]!
      if (this.#end - this.#at === ending.length && isRunAt(this.#view, this.#at, ending)) {
        return index
      }
    }
    return -1
  }
}

const nameStart = '{"stream":"'.length
const nameBytesMax = 32
const atSign = 0x40
const zero = 0x30
const point = 0x2e
/** Symbols that JSON and lower case leave alone. */
const plainSymbol = /^[A-Z0-9_-]{1,32}$/
const priceKey = byteRun(Buffer.from(',"p":"'))
const quantityKey = byteRun(Buffer.from('","q":"'))
const tradeTimeKey = byteRun(Buffer.from('","T":'))
const endings = ['false,"M":false', 'true,"M":false', 'false,"M":true', 'true,"M":true'].map(
  (flags) => byteRun(Buffer.from(`,"m":${flags}}}`))
)
/** Ids and times have at most this many digits; what is above `longMax` is refused by value. */
const wholeDigitsMax = 16
const wholeDecimalsMax = 8
const decimalsMax = 8
/** Scaled by 10^8 it is still below 2^53. */
const wholeLimit = 90_000_000
const powersOfTen = Array.from({ length: decimalsMax + 1 }, (_, power) => 10 ** power)
const msLimit = 1e13
