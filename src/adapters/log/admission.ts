/**
 * The door of the log: appends enter in the order of calls.
 *
 * 1. Bytes that are inside and not yet durable have a limit; an append that exceeds it waits (the
 *    port's backpressure). A single batch may exceed it when nothing else is inside.
 * 2. Disk bytes have a budget; an append that exceeds it, after everything that may be deleted was,
 *    is refused at once (R31).
 */

export interface AdmissionLimits {
  readonly pendingBytesMax: number
  readonly diskBytesMax: number
}

export interface AdmissionDisk {
  readonly usedBytes: () => number
  /** Deletes what may be deleted until so many bytes are used at most, or nothing more may be. */
  readonly reclaim: (usedBytesMax: number) => Promise<void>
}

export interface Entrant {
  readonly bytes: number
  readonly admit: () => void
  readonly refuse: () => void
}

export class Admission {
  readonly #limits: AdmissionLimits
  readonly #disk: AdmissionDisk
  readonly #waiting: { readonly entrant: Entrant; reclaimed: boolean }[] = []
  #pendingBytes = 0
  #busy = false

  constructor(limits: AdmissionLimits, disk: AdmissionDisk) {
    this.#limits = limits
    this.#disk = disk
  }

  /** Bytes inside and not yet durable. */
  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /** Admits or refuses, now or later. Returns how to give up a place in the queue. */
  enter(entrant: Entrant): () => void {
    const place = { entrant, reclaimed: false }
    this.#waiting.push(place)
    this.#pump()
    return () => {
      const at = this.#waiting.indexOf(place)
      if (at < 0) return
      this.#waiting.splice(at, 1)
      this.#pump()
    }
  }

  /** The append of an admitted entrant has ended. */
  leave(bytes: number): void {
    this.#pendingBytes -= bytes
    this.#pump()
  }

  #pump(): void {
    if (this.#busy) return
    this.#busy = true
    // Each turn takes one from the queue, or ends.
    while (this.#waiting.length > 0) {
      const head = this.#waiting[0]!
      const { bytes } = head.entrant
      if (this.#pendingBytes > 0 && this.#pendingBytes + bytes > this.#limits.pendingBytesMax) break
      const fits = this.#disk.usedBytes() + this.#pendingBytes + bytes <= this.#limits.diskBytesMax
      if (!fits && !head.reclaimed) {
        head.reclaimed = true
        void this.#reclaimFor(bytes)
        return
      }
      this.#waiting.shift()
      if (fits) this.#pendingBytes += bytes
      if (fits) head.entrant.admit()
      else head.entrant.refuse()
    }
    this.#busy = false
  }

  /** The door stays shut until the disk has been looked through. */
  async #reclaimFor(bytes: number): Promise<void> {
    await this.#disk.reclaim(this.#limits.diskBytesMax - this.#pendingBytes - bytes)
    this.#busy = false
    this.#pump()
  }
}
