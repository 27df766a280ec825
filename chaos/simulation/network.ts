/**
 * The way between two that talk: messages take time, keep no order, and are lost while it is cut.
 */
import type { Environment } from './environment.ts'

export class Link {
  readonly name: string
  readonly #environment: Environment
  #isCut = false

  constructor(environment: Environment, name: string) {
    this.#environment = environment
    this.name = name
  }

  get isCut(): boolean {
    return this.#isCut
  }

  /** Cuts the way for a while. */
  cut(ms: number): void {
    if (this.#isCut) return
    this.#isCut = true
    this.#environment.trace(this.name, 'is cut')
    this.#environment.scheduler.after(ms, () => this.mend())
  }

  mend(): void {
    if (!this.#isCut) return
    this.#isCut = false
    this.#environment.trace(this.name, 'is whole again')
  }

  /** Delivers a message, late by so much more, unless the way is cut now. */
  send(what: string, deliver: () => void, lateMs = 0): void {
    if (this.#isCut) {
      this.#environment.trace(this.name, `${what} is lost`)
      return
    }
    const delayMs = this.#environment.between(0.1, 2) + lateMs
    this.#environment.scheduler.after(delayMs, () => {
      this.#environment.trace(this.name, what)
      deliver()
    })
  }
}
