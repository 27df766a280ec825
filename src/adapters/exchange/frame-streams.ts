/**
 * Tells from the first bytes of a combined frame which stream it came by, and from a few more which
 * trade it is, without reading the frame (R40).
 *
 * 1. What is not spelt as the venue spells it is not told: such a frame is read as any other.
 * 2. At most `nameBytesMax` and `idBytesMax` bytes of a frame are looked at.
 */
import { ByteTable } from '../../market/byte-table.ts'
import { type Instrument, longMax } from '../../market/instrument.ts'
import type { InstrumentTable } from './binance-fields.ts'
import type { RawFrame } from './frame-result.ts'

/** One object for each stream. */
export interface FrameStream {
  readonly instrument: Instrument
  readonly isQuote: boolean
  /** Where its last frame had the id; 0 before the first. */
  idAt: number
}

export class FrameStreams {
  readonly #instruments: InstrumentTable
  readonly #known = new ByteTable<FrameStream>()
  readonly #byName = new Map<string, FrameStream>()

  /** `instruments` may gain symbols meanwhile; it must not change any. */
  constructor(instruments: InstrumentTable) {
    this.#instruments = instruments
  }

  /** Undefined where the frame does not say it, or the instrument is not known (1). */
  of({ bytes, frameBytes, isBinary }: RawFrame): FrameStream | undefined {
    if (isBinary || frameBytes !== bytes.length || !startsWith(bytes, 0, opening)) return undefined
    const start = opening.length
    const limit = Math.min(bytes.length, start + nameBytesMax)
    let end = start
    while (end < limit && bytes[end] !== quotationMark) end += 1
    if (!startsWith(bytes, end, dataKey)) return undefined
    return this.#known.find(bytes, start, end) ?? this.#learn(bytes, start, end)
  }

  /** As of a frame of that stream. */
  named({ symbol }: Pick<Instrument, 'symbol'>, isQuote: boolean): FrameStream | undefined {
    const name = `${symbol.toLowerCase()}${isQuote ? '@bookTicker' : '@trade'}`
    const known = this.#byName.get(name)
    if (known !== undefined) return known
    const instrument = this.#instruments.get(symbol)
    return instrument === undefined ? undefined : this.#add(name, { instrument, isQuote, idAt: 0 })
  }

  #learn(bytes: Buffer, start: number, end: number): FrameStream | undefined {
    const [, name = '', kind] =
      /^([^@]+)@(trade|bookTicker)$/.exec(bytes.toString('latin1', start, end)) ?? []
    const symbol = name.toUpperCase()
    if (kind === undefined || name !== symbol.toLowerCase()) return undefined
    return this.named({ symbol }, kind === 'bookTicker')
  }

  #add(name: string, stream: FrameStream): FrameStream {
    this.#known.add(Buffer.from(name, 'latin1'), stream)
    this.#byName.set(name, stream)
    return stream
  }
}

/**
 * The id that a frame of a trade stream says; -1 if it is not found soon, or is none. Frames of a
 * stream nearly always have it where the last one had it.
 */
export const tradeIdIn = (bytes: Uint8Array, stream: Pick<FrameStream, 'idAt'>): number => {
  const limit = Math.min(bytes.length, idBytesMax) - idKeyBytes
  let at = stream.idAt
  if (at > limit || !isIdKeyAt(bytes, at)) {
    at = opening.length
    while (at <= limit && !isIdKeyAt(bytes, at)) at += 1
    if (at > limit) return -1
    stream.idAt = at
  }
  return idAt(bytes, at + idKeyBytes)
}

const isIdKeyAt = (bytes: Uint8Array, at: number): boolean =>
  bytes[at + 1] === letterT &&
  bytes[at] === quotationMark &&
  bytes[at + 2] === quotationMark &&
  bytes[at + 3] === colon

/** A whole number without leading zeros, as JSON has it, that every part carries exactly. */
const idAt = (bytes: Uint8Array, start: number): number => {
  let value = 0
  let at = start
  for (; at < bytes.length && at - start < digitsMax; at++) {
    const digit = bytes[at]! - 0x30
    if (digit < 0 || digit > 9) break
    value = value * 10 + digit
  }
  const isWhole = at > start && (bytes[at] === comma || bytes[at] === brace)
  const isPlain = bytes[start] !== 0x30 || at === start + 1
  return isWhole && isPlain && value <= longMax ? value : -1
}

const startsWith = (bytes: Buffer, at: number, run: Buffer): boolean => {
  if (at + run.length > bytes.length) return false
  for (let index = 0; index < run.length; index++) {
    if (bytes[at + index] !== run[index]) return false
  }
  return true
}

const opening = Buffer.from('{"stream":"')
const dataKey = Buffer.from('","data":{')
/** `"t":` */
const idKeyBytes = 4
const quotationMark = 0x22
const letterT = 0x74
const colon = 0x3a
const comma = 0x2c
const brace = 0x7d
const nameBytesMax = 64
/** The venue puts event, its time and the symbol before the id: some 100 bytes, with the name. */
const idBytesMax = 256
/** As many as `longMax` has. */
const digitsMax = 16
