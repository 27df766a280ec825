/**
 * Gives what one makes to another who asks for it, one at a time and without a store: who gives
 * waits until it is taken, so that a reader who stops reading stops the writer.
 */
export class Handover<A> {
  #offered: { readonly value: A; readonly taken: () => void } | undefined
  #asking: ((value: A | undefined) => void) | undefined
  #isEnded = false

  /** Resolves once the value is taken; one offer at a time. */
  offer(value: A): Promise<void> {
    const asking = this.#asking
    if (asking !== undefined) {
      this.#asking = undefined
      asking(value)
      return Promise.resolve()
    }
    return new Promise((taken) => {
      this.#offered = { value, taken }
    })
  }

  /** The next value; undefined once nothing comes any more. One asks at a time. */
  take(): Promise<A | undefined> {
    const offered = this.#offered
    if (offered !== undefined) {
      this.#offered = undefined
      offered.taken()
      return Promise.resolve(offered.value)
    }
    if (this.#isEnded) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      this.#asking = resolve
    })
  }

  /** Nothing comes any more behind what is offered now. */
  end(): void {
    this.#isEnded = true
    this.#asking?.(undefined)
    this.#asking = undefined
  }
}
