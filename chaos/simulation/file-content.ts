/** What is in a file of the simulated machine, and how that changes. */
export type Change =
  | { readonly kind: 'write'; readonly position: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly size: number }

/** Bytes of a file, in memory with room behind them: most changes add to the end. */
export class Content {
  #memory = Buffer.alloc(0)
  #length = 0

  get length(): number {
    return this.#length
  }

  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#length)
  }

  copy(): Content {
    const copy = new Content()
    copy.#memory = Buffer.from(this.bytes)
    copy.#length = this.#length
    return copy
  }

  apply(change: Change): void {
    if (change.kind === 'truncate') {
      this.#resize(change.size)
      return
    }
    const { position, bytes } = change
    this.#resize(Math.max(this.#length, position + bytes.length))
    bytes.copy(this.#memory, position)
  }

  #resize(length: number): void {
    if (length > this.#memory.length) {
      const memory = Buffer.alloc(Math.max(length, 2 * this.#memory.length))
      this.bytes.copy(memory)
      this.#memory = memory
    }
    // What is cut off leaves zeros behind, should the file grow again.
    if (length < this.#length) this.#memory.fill(0, length, this.#length)
    this.#length = length
  }
}
