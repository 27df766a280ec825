/**
 * Avro binary encoding of K2's records by avsc, with exact decimals: a decimal is a bigint scaled
 * by the schema's scale, written as minimal two's complement (Avro specification, "Decimal").
 *
 * 1. `decode(encode(record))` equals the record.
 * 2. Decoding never reads outside the given range and never yields a number that is not exact:
 *    a long beyond 2^53 or a decimal beyond its precision is an `UndecodableRecord`.
 * 3. What decoding costs is bounded by the bytes given, whatever counts they claim.
 */
import avro from 'avsc'
import * as Schema from 'effect/Schema'
import { rabinFingerprint } from './fingerprint.ts'

/** The bytes are not a record of this schema. */
export class UndecodableRecord extends Schema.TaggedError<UndecodableRecord>()(
  'UndecodableRecord',
  {
    schema: Schema.String,
    detail: Schema.String
  }
) {
  override get message() {
    return `not a ${this.schema} record: ${this.detail}`
  }
}

export interface RecordCodec<A> {
  /** Full name of the schema. */
  readonly name: string
  /** Rabin fingerprint, sixteen hex digits. */
  readonly fingerprint: string
  /** The encoded record in a buffer that the next call reuses: copy it before. */
  readonly encode: (record: A) => Uint8Array
  /** @throws UndecodableRecord */
  readonly decode: (bytes: Uint8Array, start: number, end: number) => A
}

/** Codec of an Avro record schema value such as `tradeV2Schema`. */
export const makeRecordCodec = <A>(schema: object): RecordCodec<A> => {
  const type = avro.Type.forSchema(schema as avro.Schema, {
    logicalTypes: { decimal: DecimalType },
    typeHook: countedType,
    wrapUnions: false
  })
  const { name } = type.schema() as { name: string }
  let scratch = Buffer.allocUnsafe(4_096)
  return {
    name,
    fingerprint: rabinFingerprint(JSON.stringify(type.schema())),
    encode(record) {
      let end = type.encode(record, scratch, 0)
      while (end < 0) {
        scratch = Buffer.allocUnsafe(scratch.length - end)
        end = type.encode(record, scratch, 0)
      }
      return scratch.subarray(0, end)
    },
    decode(bytes, start, end) {
      try {
        return type.fromBuffer(
          Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start)
        ) as A
      } catch (error) {
        throw new UndecodableRecord({
          schema: name,
          detail: error instanceof Error ? error.message : String(error)
        })
      }
    }
  }
}

/** avsc's own readers of what has a count in front trust that count, and lose keys. */
const countedType = (part: avro.Schema, options: unknown): avro.Type | undefined => {
  const { type } = part as { readonly type?: unknown }
  if (type === 'map') return new MapType(part, options)
  return type === 'array' ? new ArrayType(part, options) : undefined
}

interface Tap {
  readonly readLong: () => number
  readonly readString: () => string
  readonly isValid: () => boolean
}

interface Reader<A> {
  readonly _read: (tap: Tap) => A
}

/** Blocks of an array or map, up to the one that is empty (Avro specification, "Arrays"). */
const readBlocks = <A>(tap: Tap, readOne: () => A): A[] => {
  const all: A[] = []
  for (let count = tap.readLong(); count !== 0; count = tap.readLong()) {
    // Of a negative count, the size of its block in bytes follows.
    if (count < 0) tap.readLong()
    for (let left = Math.abs(count); left > 0; left--) {
      all.push(readOne())
      if (!tap.isValid()) throw new Error('a list or map has fewer entries than it says')
    }
  }
  return all
}

class ArrayType extends avro.types.ArrayType {
  declare readonly itemsType: avro.Type & Reader<unknown>

  protected _read(tap: Tap): readonly unknown[] {
    return readBlocks(tap, () => this.itemsType._read(tap))
  }
}

class MapType extends avro.types.MapType {
  declare readonly valuesType: avro.Type & Reader<unknown>

  protected _read(tap: Tap): Readonly<Record<string, unknown>> {
    // Not by assignment: that of a key `__proto__` would set a prototype, or nothing.
    return Object.fromEntries(
      readBlocks(tap, () => [tap.readString(), this.valuesType._read(tap)] as const)
    )
  }
}

const limitOf = (precision: number): bigint => 10n ** BigInt(precision)
const decimalBytesMax = 8

/** avsc's hook for the decimal logical type; sixty-four bits hold every precision up to 18. */
class DecimalType extends avro.types.LogicalType {
  readonly #limit: bigint

  constructor(schema: avro.Schema, options?: unknown) {
    super(schema, options)
    this.#limit = limitOf((schema as unknown as { precision: number }).precision)
  }

  protected override _fromValue(value: unknown): bigint {
    if (!Buffer.isBuffer(value) || value.length === 0 || value.length > decimalBytesMax) {
      throw new Error('a decimal has 1 to 8 bytes')
    }
    const negative = (value[0]! & 0x80) !== 0
    const sign = (negative ? 'ff' : '00').repeat(decimalBytesMax - value.length)
    const scaled = BigInt.asIntN(64, BigInt(`0x${sign}${value.toString('hex')}`))
    if (scaled >= this.#limit || scaled <= -this.#limit) {
      throw new Error('a decimal is out of range')
    }
    return scaled
  }

  protected override _toValue(value: unknown): Buffer {
    if (typeof value !== 'bigint' || value >= this.#limit || value <= -this.#limit) {
      throw new Error(`${String(value)} is not a decimal of this precision`)
    }
    const bytes = Buffer.allocUnsafe(decimalBytesMax)
    bytes.writeBigInt64BE(value)
    let start = 0
    // A leading byte that only repeats the sign of the next one is not part of the minimal form.
    while (
      start < decimalBytesMax - 1 &&
      ((bytes[start] === 0 && bytes[start + 1]! < 0x80) ||
        (bytes[start] === 0xff && bytes[start + 1]! >= 0x80))
    ) {
      start++
    }
    return bytes.subarray(start)
  }

  protected override _resolve(): undefined {
    return undefined
  }
}
