/**
 * The fields of a trade record that the checker compares, read from Avro's binary encoding (Avro
 * specification, "Binary Encoding"). The layout is that of `TradeV2` as its users see it in the
 * registry: fields in this order, nothing before `source_sequence` left out.
 */

export interface RecordedTrade {
  readonly messageId: string
  readonly symbol: string
  readonly exchange: string
  /** Microseconds. */
  readonly timeUs: bigint
  /** Unscaled, eight decimals. */
  readonly price: bigint
  readonly quantity: bigint
  /** Native id; null where the record has none. */
  readonly id: bigint | null
}

/** The bytes are not a whole trade record. */
class RecordUnreadable extends Error {}

/** @throws RecordUnreadable */
export const readTrade = (bytes: Buffer): RecordedTrade => {
  const cursor = new Cursor(bytes)
  const messageId = cursor.text()
  cursor.text() // trade_id
  const symbol = cursor.text()
  const exchange = cursor.text()
  cursor.long() // asset_class
  const timeUs = cursor.long()
  const price = cursor.decimal()
  const quantity = cursor.decimal()
  cursor.text() // currency
  cursor.long() // side
  cursor.skipTexts() // trade_conditions
  const id = cursor.long() === 0n ? null : cursor.long()
  return { messageId, symbol, exchange, timeUs, price, quantity, id }
}

class Cursor {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** Variable-length zig-zag. */
  long(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) break
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return (value >> 1n) ^ -(value & 1n)
    }
    throw new RecordUnreadable(`no number at byte ${this.#at}`)
  }

  text(): string {
    return this.#take().toString('utf8')
  }

  /** Two's complement, big-endian. */
  decimal(): bigint {
    const bytes = this.#take()
    if (bytes.length === 0) return 0n
    return BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`))
  }

  /** An array of texts: blocks, the last one empty; a negative count is followed by its bytes. */
  skipTexts(): void {
    for (let count = this.long(); count !== 0n; count = this.long()) {
      if (count < 0n) this.long()
      for (let left = count < 0n ? -count : count; left > 0n; left--) this.#take()
    }
  }

  #take(): Buffer {
    const length = Number(this.long())
    const end = this.#at + length
    if (length < 0 || end > this.#bytes.length)
      throw new RecordUnreadable(`${length} bytes at byte ${this.#at} of ${this.#bytes.length}`)
    const found = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return found
  }
}
