/**
 * Finds values by short texts as they lie in bytes, without making a string of them: symbols in
 * frames and in record keys. Open addressing, FNV-1a; grows, never shrinks.
 */
export class ByteTable<A> {
  #slots: Array<Entry<A> | undefined> = emptySlots(16)
  #count = 0

  /** The value whose key is bytes `start` to `end`, or undefined. */
  find(bytes: Uint8Array, start: number, end: number): A | undefined {
    const slots = this.#slots
    const mask = slots.length - 1
    const hash = hashOf(bytes, start, end)
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const entry = slots[at]
      if (entry === undefined) return undefined
      if (entry.hash === hash && isSame(entry.key, bytes, start, end)) return entry.value
    }
  }

  /** Adds a key that is not there yet; `key` is kept. */
  add(key: Uint8Array, value: A): void {
    if ((this.#count + 1) * 2 > this.#slots.length) this.#grow()
    this.#count += 1
    place(this.#slots, { key, value, hash: hashOf(key, 0, key.length) })
  }

  #grow(): void {
    const larger = emptySlots<A>(this.#slots.length * 2)
    for (const entry of this.#slots) if (entry !== undefined) place(larger, entry)
    this.#slots = larger
  }
}

interface Entry<A> {
  readonly key: Uint8Array
  readonly value: A
  readonly hash: number
}

const emptySlots = <A>(length: number): Array<Entry<A> | undefined> =>
  Array.from({ length }, () => undefined)

const place = <A>(slots: Array<Entry<A> | undefined>, entry: Entry<A>): void => {
  const mask = slots.length - 1
  let at = entry.hash & mask
  while (slots[at] !== undefined) at = (at + 1) & mask
  slots[at] = entry
}

const hashOf = (bytes: Uint8Array, start: number, end: number): number => {
  let hash = 0x811c9dc5
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193)
  return hash ^ (hash >>> 15)
}

const isSame = (key: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean => {
  if (key.length !== end - start) return false
  for (let at = 0; at < key.length; at++) if (key[at] !== bytes[start + at]) return false
  return true
}
