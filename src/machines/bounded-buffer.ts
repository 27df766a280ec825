/**
 * Messages that wait for one program, bounded by their bytes: the data lane of an actor's inbox.
 *
 * Invariants:
 *  1. `queuedBytes` never exceeds `bytesMax`, whatever is offered.
 *  2. Order is kept. With `conflate` at most one message of a key waits, the newest, at the place
 *     of the first: who comes often does not push itself back.
 *  3. offered = taken + dropped + conflated + refused + queued. A `full` answer is no offer yet:
 *     the message is still with whoever brought it.
 *  4. Every operation is O(1), amortised.
 */

/**
 * What gives way when there is no room: whoever offers waits, the oldest, the newest, or the older
 * message of the same key (and the oldest, where keys alone fill it).
 */
export type FullPolicy = 'block' | 'drop_oldest' | 'drop_newest' | 'conflate'

export interface BufferOptions<T> {
  readonly bytesMax: number
  readonly policy: FullPolicy
  readonly bytesOf: (message: T) => number
  /** Messages of one key replace each other; for `conflate`. */
  readonly keyOf?: (message: T) => string
}

/** `refused`: larger than the whole buffer, or with nobody who could wait for room. */
export type Offered = 'queued' | 'conflated' | 'dropped' | 'refused' | 'full'

export interface BufferCounters {
  readonly offered: number
  readonly taken: number
  readonly dropped: number
  readonly conflated: number
  readonly refused: number
  readonly queued: number
}

interface Slot<T> {
  message: T
  bytes: number
  readonly key: string | undefined
}

/** Taken slots at the front are kept until they are half of the list, and at least this many. */
const slackMin = 1_024

export class BoundedBuffer<T> {
  readonly #options: BufferOptions<T>
  #slots: Array<Slot<T> | undefined> = []
  #head = 0
  #queuedBytes = 0
  readonly #byKey = new Map<string, Slot<T>>()
  readonly #counts = { offered: 0, taken: 0, dropped: 0, conflated: 0, refused: 0 }

  constructor(options: BufferOptions<T>) {
    if (options.policy === 'conflate' && options.keyOf === undefined) {
      throw new TypeError('a buffer that conflates needs keyOf: which messages replace each other')
    }
    if (!(options.bytesMax >= 1)) throw new TypeError('bytesMax of a buffer must be at least 1')
    this.#options = options
  }

  get queuedBytes(): number {
    return this.#queuedBytes
  }

  get counters(): BufferCounters {
    return { ...this.#counts, queued: this.#slots.length - this.#head }
  }

  offer(message: T): Offered {
    const { bytesMax, policy, bytesOf, keyOf } = this.#options
    // At least a byte, so that the count is bounded too.
    const bytes = Math.max(1, bytesOf(message))
    if (!(bytes <= bytesMax)) return this.#count('refused')
    const key = policy === 'conflate' ? keyOf?.(message) : undefined
    const older = key === undefined ? undefined : this.#byKey.get(key)
    if (older !== undefined) return this.#replace(older, message, bytes)
    if (this.#queuedBytes + bytes > bytesMax) {
      if (policy === 'block') return 'full'
      if (policy === 'drop_newest') return this.#count('dropped')
      this.#dropUntil(bytesMax - bytes)
    }
    const slot = { message, bytes, key }
    this.#slots.push(slot)
    if (key !== undefined) this.#byKey.set(key, slot)
    this.#queuedBytes += bytes
    return this.#count('queued')
  }

  /** Counts a message that found no room and cannot wait for it. */
  refuse(): void {
    this.#count('refused')
  }

  /** The oldest message; undefined when none waits. */
  take(): T | undefined {
    const slot = this.#shift()
    if (slot !== undefined) this.#counts.taken += 1
    return slot?.message
  }

  #replace(older: Slot<T>, message: T, bytes: number): Offered {
    this.#queuedBytes += bytes - older.bytes
    older.message = message
    older.bytes = bytes
    this.#counts.offered += 1
    this.#counts.conflated += 1
    // The newer one may be the larger one.
    this.#dropUntil(this.#options.bytesMax)
    return 'conflated'
  }

  #dropUntil(bytesMax: number): void {
    while (this.#queuedBytes > bytesMax && this.#shift() !== undefined) this.#counts.dropped += 1
  }

  #shift(): Slot<T> | undefined {
    const slot = this.#slots[this.#head]
    if (slot === undefined) return undefined
    this.#slots[this.#head] = undefined
    this.#head += 1
    this.#queuedBytes -= slot.bytes
    if (slot.key !== undefined) this.#byKey.delete(slot.key)
    if (this.#head === this.#slots.length) {
      this.#slots = []
      this.#head = 0
    } else if (this.#head >= slackMin && this.#head * 2 >= this.#slots.length) {
      this.#slots = this.#slots.slice(this.#head)
      this.#head = 0
    }
    return slot
  }

  #count(outcome: 'queued' | 'dropped' | 'refused'): Offered {
    this.#counts.offered += 1
    if (outcome !== 'queued') this.#counts[outcome] += 1
    return outcome
  }
}
