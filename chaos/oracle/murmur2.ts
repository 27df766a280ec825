/**
 * Kafka's own hash of a key, from its description: which partition a symbol belongs to. Written
 * anew on purpose: the checker shares no code with what it checks.
 */

/** Partition of a key by Kafka's default partitioner. */
export const partitionOfKey = (key: string, partitionCount: number): number => {
  const bytes = Buffer.from(key, 'utf8')
  const multiplier = 0x5bd1e995
  let hash = (0x9747b28c ^ bytes.length) >>> 0
  const whole = bytes.length - (bytes.length % 4)
  for (let at = 0; at < whole; at += 4) {
    let word = Math.imul(bytes.readInt32LE(at), multiplier)
    word = Math.imul(word ^ (word >>> 24), multiplier)
    hash = Math.imul(hash, multiplier) ^ word
  }
  if (whole < bytes.length) {
    hash ^= bytes.readUIntLE(whole, bytes.length - whole)
    hash = Math.imul(hash, multiplier)
  }
  hash = Math.imul(hash ^ (hash >>> 13), multiplier)
  hash ^= hash >>> 15
  return (hash & 0x7fff_ffff) % partitionCount
}
