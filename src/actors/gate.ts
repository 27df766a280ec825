/**
 * A stable address for a service whose owner may be restarted: who needs it waits while it is gone,
 * and gets the new one afterwards, never the broken one.
 *
 * 1. `get` resolves only while an owner is serving.
 * 2. The owner's scope decides: when it closes, the gate is empty before anything is released.
 * 3. A listener that throws fails whoever serves, as a crash with its cause; the gate is emptied.
 */
import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import type * as Scope from 'effect/Scope'

export class Gate<A> {
  #waiting = Deferred.makeUnsafe<A>()
  #current: A | undefined
  readonly #listeners = new Set<(service: A) => void>()

  /** The service, now or once its owner serves it. */
  readonly get: Effect.Effect<A> = Effect.suspend(() => Deferred.await(this.#waiting))

  /** The service if there is one now. */
  get current(): A | undefined {
    return this.#current
  }

  /**
   * Calls back with the service, now if there is one and each
   * time one is served. Returns how to stop.
   */
  onServe(listener: (service: A) => void): () => void {
    this.#listeners.add(listener)
    if (this.#current !== undefined) listener(this.#current)
    return () => void this.#listeners.delete(listener)
  }

  /**
   * As `onServe`, until the caller's scope closes. What the follower returns is called before it is
   * called again, and at the end.
   */
  follow(follower: (service: A) => () => void): Effect.Effect<void, never, Scope.Scope> {
    return Effect.asVoid(
      Effect.acquireRelease(
        Effect.sync(() => {
          let leave = () => {}
          const stop = this.onServe((service) => {
            leave()
            leave = follower(service)
          })
          return () => {
            stop()
            leave()
          }
        }),
        (stop) => Effect.sync(stop)
      )
    )
  }

  /** Serves `service` until the caller's scope closes. */
  serve(service: A): Effect.Effect<void, never, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.sync(() => {
        // An owner that took too long to let go may still be serving: nobody gets its service now.
        if (this.#current !== undefined) this.#waiting = Deferred.makeUnsafe<A>()
        this.#current = service
      }),
      () =>
        Effect.sync(() => {
          if (this.#current !== service) return
          this.#current = undefined
          this.#waiting = Deferred.makeUnsafe<A>()
        })
    ).pipe(
      // Not while it is acquired: what throws there would leave nobody to empty the gate.
      Effect.andThen(
        Effect.sync(() => {
          for (const listener of this.#listeners) listener(service)
          Deferred.doneUnsafe(this.#waiting, Effect.succeed(service))
        })
      )
    )
  }
}
