/**
 * Avro object container files (Avro spec, "Object Container Files") in memory, for manifests and
 * manifest lists.
 *
 * 1. The header holds the schema text as given: field ids and other attributes survive.
 * 2. Longs are numbers, but for the fields whose Avro schema has `"k2": "int64"` (snapshot ids):
 *    those are bigints. A long beyond 2^53 anywhere else is an error, never a rounded number.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import avro from 'avsc'
import { invariant } from './errors.ts'

export interface AvroContent {
  readonly metadata: ReadonlyMap<string, string>
  /** Parsed schema of the file, with all attributes. */
  readonly schema: unknown
  readonly records: readonly unknown[]
}

export interface AvroOutput {
  /** Schema that goes into the header; the same object each time, as it is compiled once. */
  readonly schema: object
  readonly metadata: Readonly<Record<string, string>>
  readonly records: readonly object[]
  /** Whether the same record objects are written again and again, so that their bytes are kept. */
  readonly reused?: boolean
  /** 16 bytes that separate blocks. */
  readonly sync: Uint8Array
}

/** Marks the longs that need all 64 bits. */
export const int64 = { type: 'long', k2: 'int64' } as const

export const encodeAvroFile = (output: AvroOutput): Uint8Array => {
  const { type, text } = compiled(output.schema)
  const encoded = output.records.map((it) =>
    output.reused === true ? encodedRecord(type, it) : type.toBuffer(it)
  )
  const compress = encoded.reduce((sum, it) => sum + it.length, 0) > plainBytesMax
  const header = headerType.toBuffer({
    'avro.schema': Buffer.from(text),
    'avro.codec': Buffer.from(compress ? 'deflate' : 'null'),
    ...Object.fromEntries(
      Object.entries(output.metadata).map(([key, value]) => [key, Buffer.from(value)])
    )
  })
  const parts: Uint8Array[] = [magic, header, output.sync]
  for (let start = 0; start < encoded.length; start += blockRecordsMax) {
    const block = encoded.slice(start, start + blockRecordsMax)
    const raw = Buffer.concat(block)
    const bytes = compress ? deflateRawSync(raw, { level: 1 }) : raw
    parts.push(longType.toBuffer(block.length), longType.toBuffer(bytes.length), bytes, output.sync)
  }
  return Buffer.concat(parts)
}

/**
 * Content of a file. `adapt` may change the parsed writer's schema before it is used, to mark
 * 64-bit fields.
 * @throws if the bytes are not a whole container file
 */
export const decodeAvroFile = (
  bytes: Uint8Array,
  adapt: (schema: unknown) => unknown
): AvroContent => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  invariant(buffer.subarray(0, magic.length).equals(magic), 'not an Avro container file')
  const header = headerType.decode(buffer, magic.length)
  invariant(header.offset > 0, 'the Avro header is cut short')
  const metadata = new Map(
    Object.entries(header.value as Record<string, Buffer>).map(([key, value]) => [
      key,
      value.toString('utf8')
    ])
  )
  const schema: unknown = JSON.parse(metadata.get('avro.schema') ?? 'null')
  const type = typeFor(adapt(schema))
  const codec = metadata.get('avro.codec') ?? 'null'
  invariant(codec === 'null' || codec === 'deflate', `Avro codec ${codec} is not supported`)
  const records: unknown[] = []
  let position = header.offset + syncBytes
  while (position < buffer.length) {
    const count = longType.decode(buffer, position)
    const size = longType.decode(buffer, count.offset)
    const end = size.offset + Number(size.value)
    invariant(
      count.offset > 0 && size.offset > 0 && end + syncBytes <= buffer.length,
      'an Avro block is cut short'
    )
    const raw = buffer.subarray(size.offset, end)
    readRecords(codec === 'deflate' ? inflateRawSync(raw) : raw, type, Number(count.value), records)
    position = end + syncBytes
  }
  return { metadata, schema, records }
}

const magic = Buffer.from('Obj\u0001', 'latin1')
const syncBytes = 16
const blockRecordsMax = 1_000
const typesMax = 64
/** What is small is not worth compressing: it costs more time than the bytes do. */
const plainBytesMax = 64 * 1024

const headerType = avro.Type.forSchema({ type: 'map', values: 'bytes' })
const longType = avro.Type.forSchema('long')

const encodings = new WeakMap<avro.Type, WeakMap<object, Buffer>>()

const encodedRecord = (type: avro.Type, record: object): Buffer => {
  let known = encodings.get(type)
  if (known === undefined) encodings.set(type, (known = new WeakMap()))
  const bytes = known.get(record) ?? type.toBuffer(record)
  known.set(record, bytes)
  return bytes
}

const readRecords = (block: Buffer, type: avro.Type, count: number, into: unknown[]): void => {
  let offset = 0
  for (let index = 0; index < count; index += 1) {
    const decoded = type.decode(block, offset)
    invariant(decoded.offset > 0, 'an Avro record is cut short')
    into.push(decoded.value)
    offset = decoded.offset
  }
}

interface Compiled {
  readonly type: avro.Type
  /** The schema as it goes into headers. */
  readonly text: string
}

const compiledSchemas = new WeakMap<object, Compiled>()

const compiled = (schema: object): Compiled => {
  const known = compiledSchemas.get(schema)
  if (known !== undefined) return known
  const made = { type: typeFor(schema), text: schemaText(schema) }
  compiledSchemas.set(schema, made)
  return made
}

const types = new Map<string, avro.Type>()

/** Types are compiled once per schema; the few that exist per table are kept. */
const typeFor = (schema: unknown): avro.Type => {
  const key = JSON.stringify(schema)
  const known = types.get(key)
  if (known !== undefined) return known
  if (types.size >= typesMax) types.clear()
  const type = avro.Type.forSchema(schema as avro.Schema, { typeHook })
  types.set(key, type)
  return type
}

const typeHook = (schema: unknown): avro.Type | undefined =>
  typeof schema === 'object' && schema !== null && 'k2' in schema && schema.k2 === int64.k2
    ? bigType
    : undefined

// avsc's declarations lack this maker of long types with other values than numbers.
const longWith = '__with'
const longTypes = avro.types.LongType as unknown as Record<
  typeof longWith,
  (methods: object) => avro.Type
>
const bigType = longTypes[longWith]({
  fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const buffer = Buffer.alloc(8)
    buffer.writeBigInt64LE(value)
    return buffer
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (left: bigint, right: bigint) => (left < right ? -1 : Number(left > right))
})

/** The marks of invariant 2 are ours alone and do not go into files. */
const schemaText = (schema: unknown): string =>
  JSON.stringify(schema, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && 'k2' in value && value.k2 === int64.k2
      ? 'long'
      : value
  )
