/**
 * Partition transforms (spec, "Partition Transforms"): from a column's value to a partition value.
 *
 * 1. Null stays null. Time transforms floor, also before 1970. `truncate` floors numbers and cuts
 *    strings by code points.
 * 2. Timestamps are µs, dates are days since 1970-01-01.
 */
import { encodeUnscaled, encodeValue, type SingleValue } from './bounds.ts'
import { InvariantBroken } from './errors.ts'

export type PartitionValue = boolean | number | bigint | string | Uint8Array | null

/**
 * Partition value of a column value; `transform` as metadata writes it, for example `bucket[16]` or
 * `day`.
 */
export const applyTransform = (
  transform: string,
  type: string,
  value: PartitionValue
): PartitionValue => {
  if (value === null || transform === 'void') return null
  const { name, width } = parsed(transform)
  switch (name) {
    case 'identity':
      return value
    case 'bucket':
      return bucketOf(hashValue(type, value), width)
    case 'truncate':
      return truncated(type, value, width)
    case 'year':
      return utc(type, value).getUTCFullYear() - 1970
    case 'month': {
      const date = utc(type, value)
      return (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth()
    }
    case 'day':
      return type === 'date' ? value : floorDivide(micros(value), dayUs)
    case 'hour':
      return floorDivide(micros(value), hourUs)
    default:
      throw new InvariantBroken({ reason: `partition transform ${transform} is unknown` })
  }
}

/** Iceberg type of the transform's result. */
export const transformResultType = (transform: string, type: string): string => {
  switch (parsed(transform).name) {
    case 'bucket':
    case 'year':
    case 'month':
    case 'hour':
      return 'int'
    case 'day':
      return 'date'
    default:
      return type
  }
}

/** 32-bit hash of `bucket` (spec, appendix B). */
export const hashValue = (type: string, value: SingleValue): number => {
  if (type === 'int' || type === 'date') return murmur3(encodeValue('long', value))
  return murmur3(
    type.startsWith('decimal') ? encodeUnscaled(value as bigint) : encodeValue(type, value)
  )
}

/** UTC day since 1970-01-01 of a timestamp in µs. */
export const dayOf = (timestampUs: number): number => Math.floor(timestampUs / Number(dayUs))

const hourUs = 3_600_000_000n
const dayUs = 86_400_000_000n

const parsed = (transform: string): { readonly name: string; readonly width: number } => {
  const match = /^([a-z]+)(?:\[(\d+)\])?$/.exec(transform)
  return { name: match?.[1] ?? transform, width: Number(match?.[2] ?? 0) }
}

const bucketOf = (hash: number, count: number): number => (hash & 0x7fffffff) % count

const micros = (value: PartitionValue): bigint => BigInt(value as number | bigint)

const floorDivide = (value: bigint, divisor: bigint): number => {
  const quotient = value / divisor
  return Number(value % divisor < 0n ? quotient - 1n : quotient)
}

const utc = (type: string, value: PartitionValue): Date =>
  new Date((type === 'date' ? Number(value) : floorDivide(micros(value), dayUs)) * 86_400_000)

const truncated = (type: string, value: SingleValue, width: number): PartitionValue => {
  if (typeof value === 'string') return Array.from(value).slice(0, width).join('')
  if (value instanceof Uint8Array) return value.subarray(0, width)
  const [whole, step] = [BigInt(value), BigInt(width)]
  const floored = whole - (((whole % step) + step) % step)
  return type === 'int' ? Number(floored) : floored
}

/** MurmurHash3, x86, 32 bits, seed 0, as a signed number. */
const murmur3 = (bytes: Uint8Array): number => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const tailStart = bytes.length & ~3
  let hash = 0
  for (let index = 0; index < tailStart; index += 4) {
    hash = rotate(hash ^ scramble(view.getInt32(index, true)), 13)
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0
  }
  let tail = 0
  for (let index = bytes.length - 1; index >= tailStart; index -= 1)
    tail = (tail << 8) | (bytes[index] ?? 0)
  if (bytes.length > tailStart) hash ^= scramble(tail)
  hash ^= bytes.length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

const rotate = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits))
const scramble = (block: number): number =>
  Math.imul(rotate(Math.imul(block, 0xcc9e2d51), 15), 0x1b873593)
