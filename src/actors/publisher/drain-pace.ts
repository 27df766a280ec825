/**
 * Gives a publisher's lanes leave to take records out of the spool, as fast as the ramp says
 * (`drain-ramp.ts`): all lanes together.
 *
 * 1. Leave is given for whole batches: what they have more than is left is paid for by those that
 *    follow.
 * 2. What the level asks holds at once; how landing gets on is looked at once a second.
 */
import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import {
  type DrainLag,
  type DrainRamp,
  freeDrain,
  nextDrain
} from '../../machines/drain-ramp.ts'

export interface DrainPaceOptions {
  /** The level asks for the spool. */
  readonly isSpilling: () => boolean
  readonly hasSpooled: () => boolean
  readonly lag: () => DrainLag | undefined
}

const tickMs = 250
const ticksPerStep = 4

export class DrainPace {
  readonly #options: DrainPaceOptions
  #ramp: DrainRamp = freeDrain
  #allowance = 0
  #tick = Deferred.makeUnsafe<void>()

  constructor(options: DrainPaceOptions) {
    this.#options = options
  }

  /** Whether nothing leaves the spool now. */
  get isHeld(): boolean {
    this.#follow()
    return this.#ramp.phase === 'held'
  }

  /** Records that may leave in a second; null where nobody minds. */
  get perSecond(): number | null {
    if (this.#ramp.phase === 'free') return null
    return this.#ramp.phase === 'held' ? 0 : this.#ramp.perSecond
  }

  /** Ends once records may leave. */
  readonly leave: Effect.Effect<void> = Effect.suspend((): Effect.Effect<void> => {
    this.#follow()
    const { phase } = this.#ramp
    if (phase === 'free' || (phase === 'released' && this.#allowance > 0)) return Effect.void
    return Effect.andThen(Deferred.await(this.#tick), this.leave)
  })

  /** Records have left (1). */
  spend(records: number): void {
    this.#allowance -= records
  }

  readonly run: Effect.Effect<never> = Effect.suspend(() => {
    let ticks = 0
    const advance = Effect.sync(() => {
      ticks += 1
      if (ticks % ticksPerStep === 0) this.#step()
      const { perSecond } = this
      if (perSecond !== null) {
        const more = this.#allowance + (perSecond * tickMs) / 1_000
        this.#allowance = Math.min(more, perSecond)
      }
      const ended = this.#tick
      this.#tick = Deferred.makeUnsafe<void>()
      Deferred.doneUnsafe(ended, Effect.void)
    })
    return Effect.forever(Effect.andThen(Effect.sleep(tickMs), advance))
  })

  /** (2) */
  #follow(): void {
    if (this.#ramp.phase === 'free' && this.#options.isSpilling()) this.#step()
  }

  #step(): void {
    const { isSpilling, hasSpooled, lag } = this.#options
    const step = { isSpilling: isSpilling(), isEmpty: !hasSpooled(), lag: lag() }
    const before = this.#ramp.phase
    this.#ramp = nextDrain(this.#ramp, step)
    if (before !== this.#ramp.phase) this.#allowance = 0
  }
}
