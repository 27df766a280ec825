/**
 * The lease that a replay reads by.
 *
 * 1. It is taken anew before it is older than files that left the table are kept, and not held
 *    while nothing is read for long: a replay may take days, and a client may stop reading (R28).
 * 2. It is released once, whatever ends the replay, and never while something is read by it.
 */
import * as Effect from 'effect/Effect'
import type { RecordsLease, RecordsPlanner, ScanConditions } from './query-ports.ts'

export interface ReplayClock {
  readonly nowMs: () => number
  readonly sleep: (ms: number) => Effect.Effect<void>
}

/** Files are kept for a query and a minute: a statement that begins by then ends in time. */
const leaseMsMax = 30_000
/** Who was just given one begins to read by it. */
const spareMs = 10_000

export class ReplayPin<E> {
  readonly #planner: RecordsPlanner<E>
  readonly #conditions: ScanConditions
  readonly #clock: ReplayClock
  #lease: RecordsLease<E> | undefined
  #takenMs = 0
  #isRead = false

  constructor(planner: RecordsPlanner<E>, conditions: ScanConditions, clock: ReplayClock) {
    this.#planner = planner
    this.#conditions = conditions
    this.#clock = clock
  }

  /** A lease that can be read by; a new one where there is none, or that is too old (1). */
  readonly current: Effect.Effect<RecordsLease<E>, E> = Effect.suspend(() =>
    this.#lease !== undefined && !this.#isOld() ? Effect.succeed(this.#lease) : this.renewed
  )

  readonly renewed: Effect.Effect<RecordsLease<E>, E> = Effect.suspend(() => {
    this.release()
    const takenMs = this.#clock.nowMs()
    return Effect.map(
      Effect.uninterruptible(this.#acquired),
      (lease) => {
        this.#takenMs = takenMs
        return lease
      }
    )
  })

  /** Reads by the current lease: it is not released meanwhile (2). */
  reading<A, E2, R>(use: Effect.Effect<A, E2, R>): Effect.Effect<A, E2, R> {
    return Effect.suspend(() => {
      this.#isRead = true
      return Effect.ensuring(
        use,
        Effect.sync(() => {
          this.#isRead = false
        })
      )
    })
  }

  /** Lets an old lease go where nobody reads; for ever, beside the replay. */
  readonly sweeping: Effect.Effect<never> = Effect.forever(
    Effect.suspend(() => {
      if (!this.#isRead && this.#isOld(leaseMsMax + spareMs)) this.release()
      return this.#clock.sleep(spareMs)
    })
  )

  release(): void {
    this.#lease?.release()
    this.#lease = undefined
  }

  get #acquired() {
    return Effect.tap(this.#planner.acquire(this.#conditions), (lease) =>
      Effect.sync(() => {
        this.#lease = lease
      })
    )
  }

  #isOld(msMax = leaseMsMax): boolean {
    return this.#clock.nowMs() - this.#takenMs >= msMax
  }
}
