/**
 * What the newest check of conservation has found. It outlives restarts of whoever checks: since
 * when an equation fails does not begin anew.
 */
import {
  type Broken,
  type Checked,
  check,
  type Conservation,
  type Equation,
  nothingChecked
} from '../../machines/conservation.ts'

/** Of equations that ever failed, the first so many are kept. */
const everBrokenMax = 100

export class ConservationBoard {
  #conservation: Conservation = nothingChecked
  #checks = 0
  #lastMs: number | null = null
  readonly #everBroken: Broken[] = []

  get current(): Conservation {
    return this.#conservation
  }

  get checks(): number {
    return this.#checks
  }

  /** Null before the first check. */
  get lastMs(): number | null {
    return this.#lastMs
  }

  /** Each time that an equation began to fail, oldest first. */
  get everBroken(): readonly Broken[] {
    return this.#everBroken
  }

  note(equations: readonly Equation[], atMs: number): Checked {
    const checked = check(this.#conservation, equations, atMs)
    const { began, broken } = checked
    this.#conservation = { equations, broken }
    this.#checks += 1
    this.#lastMs = atMs
    this.#everBroken.push(...began.slice(0, everBrokenMax - this.#everBroken.length))
    return checked
  }
}
