/**
 * Tells from the first bytes of a combined frame which stream it came by, and from a few more which
 * trade it is, without reading the frame (R40).
 *
 * 1. What is not spelt as the venue spells it is not told: such a frame is read as any other.
 * 2. At most `nameBytesMax` and `idBytesMax` bytes of a frame are looked at.
 */
import { wholeNumberAt } from '../../market/byte-digits.ts'
import { viewOf } from '../../market/byte-run.ts'
import { ByteTable } from '../../market/byte-table.ts'
import { type Instrument, longMax } from '../../market/instrument.ts'
import type { InstrumentTable } from './binance-fields.ts'
import type { RawFrame } from './frame-result.ts'

/** One object for each stream. */
export interface FrameStream {
  readonly instrument: Instrument
  readonly isQuote: boolean
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
    return instrument === undefined ? undefined : this.#add(name, { instrument, isQuote })
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

/** The id that a frame of a trade stream says first; -1 if it is not found soon, or is none. */
export const tradeIdIn = (bytes: Buffer): number => {
  const limit = Math.min(bytes.length, idBytesMax) - idKey.length
  for (let at = opening.length; at <= limit; at++) {
    if (!startsWith(bytes, at, idKey)) continue
    const start = at + idKey.length
    let end = start
    while (end < bytes.length && bytes[end]! >= 0x30 && bytes[end]! <= 0x39) end += 1
    const isWhole = bytes[end] === comma || bytes[end] === brace
    return isWhole ? wholeNumberAt(viewOf(bytes), start, end, longMax) : -1
  }
  return -1
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
const idKey = Buffer.from('"t":')
const quotationMark = 0x22
const comma = 0x2c
const brace = 0x7d
const nameBytesMax = 64
/** The venue puts event, its time and the symbol before the id: some 100 bytes, with the name. */
const idBytesMax = 256
