/**
 * Single values in Iceberg's binary form (spec, appendix D), and the bounds of a column as Java
 * writes them.
 *
 * 1. For every value v of the column: lower ≤ v ≤ upper, also after truncation to 16 code points or
 *    bytes: a lower bound is cut, an upper bound is cut and then incremented, and left out where no
 *    increment exists.
 * 2. Values in memory: int, date, float, double `number`; long, timestamp `number | bigint` (µs);
 *    decimal the unscaled `bigint`; uuid its text form.
 */
import { invariant } from './errors.ts'

export type SingleValue = boolean | number | bigint | string | Uint8Array

/** Default metrics mode of Iceberg, `truncate(16)`. */
const boundLengthMax = 16

export const encodeValue = (type: string, value: SingleValue): Buffer => {
  const name = type.startsWith('decimal') ? 'decimal' : type
  const encode = encoders[name]
  invariant(encode !== undefined, `type ${type} has no binary single-value form here`)
  return encode(value)
}

export const decodeValue = (type: string, bytes: Uint8Array): SingleValue => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  switch (type.startsWith('decimal') ? 'decimal' : type) {
    case 'boolean':
      return buffer[0] !== 0
    case 'int':
    case 'date':
      return buffer.readInt32LE()
    // A promoted int column keeps 4-byte bounds in its old files.
    case 'long':
    case 'timestamp':
    case 'timestamptz':
      return buffer.length === 4 ? BigInt(buffer.readInt32LE()) : buffer.readBigInt64LE()
    case 'float':
      return buffer.readFloatLE()
    case 'double':
      return buffer.length === 4 ? buffer.readFloatLE() : buffer.readDoubleLE()
    case 'string':
      return buffer.toString('utf8')
    case 'uuid':
      return uuidText(buffer)
    case 'decimal':
      return decodeUnscaled(buffer)
    default:
      return buffer
  }
}

/** Bounds of a column of a primitive type from its least and greatest value. */
export const boundsOf = (
  type: string,
  least: SingleValue,
  greatest: SingleValue
): { readonly lower: Buffer; readonly upper: Buffer | null } => {
  if (typeof least === 'string' && typeof greatest === 'string' && type === 'string') {
    const upper = truncateUpper(greatest)
    return {
      lower: encodeValue(type, codePoints(least)),
      upper: upper === null ? null : encodeValue(type, upper)
    }
  }
  if (type === 'binary' && least instanceof Uint8Array && greatest instanceof Uint8Array) {
    return {
      lower: Buffer.from(least.subarray(0, boundLengthMax)),
      upper: truncateUpperBytes(greatest)
    }
  }
  const zeroed = type === 'float' || type === 'double'
  return {
    lower: encodeValue(type, zeroed && least === 0 ? -0 : least),
    upper: encodeValue(type, zeroed && greatest === 0 ? 0 : greatest)
  }
}

/** Minimal two's complement, big-endian. */
export const encodeUnscaled = (value: bigint): Buffer => {
  let byteCount = 1
  while (BigInt.asIntN(byteCount * 8, value) !== value) byteCount += 1
  const hex = BigInt.asUintN(byteCount * 8, value)
    .toString(16)
    .padStart(byteCount * 2, '0')
  return Buffer.from(hex, 'hex')
}

const decodeUnscaled = (buffer: Buffer): bigint =>
  buffer.length === 0 ? 0n : BigInt.asIntN(buffer.length * 8, BigInt(`0x${buffer.toString('hex')}`))

const fixed = (byteCount: number, write: (buffer: Buffer) => void): Buffer => {
  const buffer = Buffer.alloc(byteCount)
  write(buffer)
  return buffer
}

const int32 = (value: SingleValue) => fixed(4, (it) => it.writeInt32LE(Number(value)))
const int64 = (value: SingleValue) =>
  fixed(8, (it) => it.writeBigInt64LE(BigInt(value as number | bigint)))

const encoders: Readonly<Record<string, (value: SingleValue) => Buffer>> = {
  boolean: (value) => Buffer.from([value === true ? 1 : 0]),
  int: int32,
  date: int32,
  long: int64,
  timestamp: int64,
  timestamptz: int64,
  float: (value) => fixed(4, (it) => it.writeFloatLE(Number(value))),
  double: (value) => fixed(8, (it) => it.writeDoubleLE(Number(value))),
  string: (value) => Buffer.from(value as string, 'utf8'),
  binary: (value) => Buffer.from(value as Uint8Array),
  uuid: (value) => Buffer.from((value as string).replaceAll('-', ''), 'hex'),
  decimal: (value) => encodeUnscaled(BigInt(value as number | bigint))
}

const uuidText = (buffer: Buffer): string => {
  const hex = buffer.toString('hex')
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20)
  ].join('-')
}

const codePoints = (text: string): string => Array.from(text).slice(0, boundLengthMax).join('')

const truncateUpper = (text: string): string | null => {
  const points = Array.from(text)
  if (points.length <= boundLengthMax) return text
  for (let length = boundLengthMax; length > 0; length -= 1) {
    const next = nextCodePoint(points[length - 1]?.codePointAt(0) ?? 0)
    if (next !== null) return points.slice(0, length - 1).join('') + String.fromCodePoint(next)
  }
  return null
}

/** The code points D800–DFFF are surrogates, not characters. */
const nextCodePoint = (point: number): number | null => {
  if (point >= 0x10ffff) return null
  return point + 1 >= 0xd800 && point + 1 <= 0xdfff ? 0xe000 : point + 1
}

const truncateUpperBytes = (bytes: Uint8Array): Buffer | null => {
  if (bytes.length <= boundLengthMax) return Buffer.from(bytes)
  for (let length = boundLengthMax; length > 0; length -= 1) {
    const last = bytes[length - 1] ?? 0xff
    if (last < 0xff) return Buffer.from([...bytes.subarray(0, length - 1), last + 1])
  }
  return null
}
