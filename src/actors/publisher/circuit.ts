/**
 * The publisher's side of its circuit breaker: asks it for leave to send, and tells it how sends
 * end. The decisions are the machine's; this holds what it said last.
 *
 * 1. A probe is taken once, by whoever asks first.
 * 2. How a send ends is told for every leave that was taken.
 */
import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import type { CircuitCommand, CircuitNotice } from '../../machines/circuit-breaker-machine.ts'

/** Leave to send: as often as one likes, or once. */
export type Leave = { readonly probe: number | null }

export type SendOutcome =
  /** `setAside`: keys of its records that are dead letters instead, one each. */
  | { readonly type: 'acknowledged'; readonly setAside: readonly string[] }
  | { readonly type: 'failed'; readonly isIndeterminate: boolean; readonly detail: string }

export class Circuit {
  readonly #notify: (notice: CircuitNotice) => void
  #isClosed = true
  #probe: number | null = null
  #change = Deferred.makeUnsafe<void>()

  constructor(notify: (notice: CircuitNotice) => void) {
    this.#notify = notify
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Ends when the breaker has said something new. */
  get changed(): Effect.Effect<void> {
    return Effect.suspend(() => Deferred.await(this.#change))
  }

  /** Undefined while nothing may be sent. */
  take(): Leave | undefined {
    if (this.#isClosed) return { probe: null }
    const probe = this.#probe
    if (probe === null) return undefined
    this.#probe = null // (1)
    this.#notify({ type: 'probe.started', probe })
    return { probe }
  }

  settle({ probe }: Leave, outcome: SendOutcome): void {
    if (outcome.type === 'acknowledged') {
      this.#notify(
        probe === null ? { type: 'send.acknowledged' } : { type: 'probe.acknowledged', probe }
      )
      return
    }
    const { isIndeterminate, detail } = outcome
    this.#notify(
      probe === null
        ? { type: 'send.failed', isIndeterminate, detail }
        : { type: 'probe.failed', probe, detail }
    )
  }

  heard(command: Exclude<CircuitCommand, { readonly type: 'drain.requested' }>): void {
    this.#isClosed = command.type === 'circuit.closed'
    this.#probe = command.type === 'probe.granted' ? command.probe : null
    const change = this.#change
    this.#change = Deferred.makeUnsafe<void>()
    Deferred.doneUnsafe(change, Effect.void)
  }
}
