/**
 * Which partition a key belongs to: murmur2 of its UTF-8 bytes, as Kafka's Java client has it, so
 * that a symbol stays in its partition whichever log carries it (R41).
 * Source: Apache Kafka, `org.apache.kafka.common.utils.Utils.murmur2` and `BuiltInPartitioner`.
 */

/** Partition of a key, 0 ≤ partition < partitionCount. */
export const partitionOf = (key: string | Uint8Array, partitionCount: number): number =>
  (murmur2(typeof key === 'string' ? utf8.encode(key) : key) & 0x7fffffff) % partitionCount

/** Signed 32-bit hash. */
export const murmur2 = (bytes: Uint8Array): number => {
  const wholeBytes = bytes.length & ~3
  let hash = seed ^ bytes.length
  for (let index = 0; index < wholeBytes; index += 4) {
    let word = bytes[index]! | (bytes[index + 1]! << 8)
    word |= (bytes[index + 2]! << 16) | (bytes[index + 3]! << 24)
    word = Math.imul(word, multiplier)
    word ^= word >>> 24
    hash = Math.imul(hash, multiplier) ^ Math.imul(word, multiplier)
  }
  const restBytes = bytes.length - wholeBytes
  if (restBytes > 2) hash ^= bytes[wholeBytes + 2]! << 16
  if (restBytes > 1) hash ^= bytes[wholeBytes + 1]! << 8
  if (restBytes > 0) hash = Math.imul(hash ^ bytes[wholeBytes]!, multiplier)
  hash = Math.imul(hash ^ (hash >>> 13), multiplier)
  return hash ^ (hash >>> 15)
}

const seed = 0x9747b28c
const multiplier = 0x5bd1e995
const utf8 = new TextEncoder()
