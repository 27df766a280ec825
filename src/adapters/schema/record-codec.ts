/**
 * Avro binary encoding of K2's records by avsc, with exact decimals: a decimal is a bigint scaled
 * by the schema's scale, written as minimal two's complement (Avro specification, "Decimal").
 *
 * 1. `decode(encode(record))` equals the record.
 * 2. Decoding never reads outside the given range and never yields a number that is not exact:
 *    a long beyond 2^53 or a decimal beyond its precision is an `UndecodableRecord`.
 * 3. What decoding costs is bounded by the bytes given, whatever counts they claim: also of fields
 *    that are skipped, since only the writer has them.
 * 4. What another version of the schema has written reads as a record of this one, or not at all
 *    (R52; Avro specification, "Schema Resolution").
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

/** No record that was written with this schema can be read as one of ours. */
export class UnreadableSchema extends Schema.TaggedError<UnreadableSchema>()('UnreadableSchema', {
  schema: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `records of that schema cannot be read as ${this.schema}: ${this.detail}`
  }
}

/** @throws UndecodableRecord */
export type DecodeRecord<A> = (bytes: Uint8Array, start: number, end: number) => A

export interface RecordCodec<A> {
  /** Full name of the schema. */
  readonly name: string
  /** Rabin fingerprint, sixteen hex digits. */
  readonly fingerprint: string
  /** The encoded record in a buffer that the next call reuses: copy it before. */
  readonly encode: (record: A) => Uint8Array
  readonly decode: DecodeRecord<A>
  /**
   * Decodes what was written with another schema, given as JSON text (4).
   * @throws UnreadableSchema
   */
  readonly decoderOf: (writerSchema: string) => DecodeRecord<A>
}

/** Codec of an Avro record schema value such as `tradeV2Schema`. */
export const makeRecordCodec = <A>(schema: object): RecordCodec<A> => {
  const type = typeOf(schema)
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
    decode: decoding(type, name),
    decoderOf(writerSchema) {
      try {
        const written = typeOf(JSON.parse(writerSchema) as object)
        return decoding(type, name, type.createResolver(written))
      } catch (error) {
        throw new UnreadableSchema({ schema: name, detail: detailOf(error) })
      }
    }
  }
}

const typeOf = (schema: object): avro.Type =>
  avro.Type.forSchema(schema as avro.Schema, {
    logicalTypes: { decimal: DecimalType },
    typeHook: countedType,
    wrapUnions: false
  })

const decoding =
  <A>(type: avro.Type, schema: string, resolver?: avro.Resolver): DecodeRecord<A> =>
  (bytes, start, end) => {
    const record = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start)
    try {
      return type.fromBuffer(record, resolver) as A
    } catch (error) {
      throw new UndecodableRecord({ schema, detail: detailOf(error) })
    }
  }

const detailOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)

/** avsc's own readers of what has a count in front trust that count, and lose keys. */
const countedType = (part: avro.Schema, options: unknown): avro.Type | undefined => {
  const { type } = part as { readonly type?: unknown }
  if (type === 'map') return new MapType(part, options)
  return type === 'array' ? new ArrayType(part, options) : undefined
}

interface Tap {
  readonly buf: Uint8Array
  readonly readLong: () => number
  readonly readString: () => string
  readonly isValid: () => boolean
}

interface Reader<A> {
  readonly _read: (tap: Tap) => A
  readonly _skip: (tap: Tap) => void
}

/** Blocks of an array or map, up to the one that is empty (Avro specification, "Arrays"). */
const readBlocks = <A>(tap: Tap, readOne: () => A): A[] => {
  const all: A[] = []
  for (let count = tap.readLong(); count !== 0; count = tap.readLong()) {
    // Of a negative count, the size of its block in bytes follows.
    if (count < 0) tap.readLong()
    // Entries that have no bytes, of a writer's schema, would never make the tap invalid.
    if (Math.abs(count) > tap.buf.length) throw new Error('a list or map claims too many entries')
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

  /** By reading: avsc's own way trusts sizes and counts (3). */
  protected _skip(tap: Tap): void {
    readBlocks(tap, () => this.itemsType._skip(tap))
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

  protected _skip(tap: Tap): void {
    readBlocks(tap, () => {
      tap.readString()
      this.valuesType._skip(tap)
    })
  }
}

interface DecimalSchema {
  readonly precision: number
  readonly scale?: number
}

const limitOf = (precision: number): bigint => 10n ** BigInt(precision)
const decimalBytesMax = 8

/** avsc's hook for the decimal logical type; sixty-four bits hold every precision up to 18. */
class DecimalType extends avro.types.LogicalType {
  readonly #limit: bigint
  readonly #scale: number

  constructor(schema: avro.Schema, options?: unknown) {
    super(schema, options)
    const { precision, scale = 0 } = schema as unknown as DecimalSchema
    this.#limit = limitOf(precision)
    this.#scale = scale
  }

  protected override _fromValue(value: unknown): bigint {
    if (!Buffer.isBuffer(value) || value.length === 0 || value.length > decimalBytesMax) {
      throw new Error('a decimal has 1 to 8 bytes')
    }
    const negative = (value[0]! & 0x80) !== 0
    const sign = (negative ? 'ff' : '00').repeat(decimalBytesMax - value.length)
    const scaled = BigInt.asIntN(64, BigInt(`0x${sign}${value.toString('hex')}`))
    return this.#inRange(scaled)
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

  /** A decimal of the same scale is read, and is refused where it is beyond our precision (2). */
  protected override _resolve(written: avro.Type): ((scaled: bigint) => bigint) | undefined {
    if (!(written instanceof DecimalType) || written.#scale !== this.#scale) return undefined
    return (scaled) => this.#inRange(scaled)
  }

  #inRange(scaled: bigint): bigint {
    if (scaled >= this.#limit || scaled <= -this.#limit) {
      throw new Error('a decimal is out of range')
    }
    return scaled
  }
}
