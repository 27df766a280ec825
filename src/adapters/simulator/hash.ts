/** Deterministic hashes: the simulator's only source of chance, so that a seed repeats a run. */

const mix = (hash: number, word: number): number => {
  let k = Math.imul(word, 0xcc9e2d51)
  k = (k << 15) | (k >>> 17)
  const mixed = hash ^ Math.imul(k, 0x1b873593)
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0
}

/** 32 bits from a seed and a non-negative safe integer, every input bit counting. */
export const hashOf = (seed: number, value: number): number => {
  let hash = mix(mix(seed | 0, value | 0), Math.floor(value / 2 ** 32))
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** Uniform in [0, 1). */
export const unitOf = (seed: number, value: number): number => hashOf(seed, value) / 2 ** 32

/** A seed of its own for each name under one common seed. */
export const seedFor = (seed: number, name: string): number => {
  let hash = 0x811c9dc5 ^ (seed | 0)
  for (let index = 0; index < name.length; index += 1) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193)
  }
  return hashOf(hash, name.length)
}
