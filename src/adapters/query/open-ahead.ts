/** Opens something beside what goes on. */
import * as Effect from 'effect/Effect'
import * as Exit from 'effect/Exit'
import * as Fiber from 'effect/Fiber'
import * as Scope from 'effect/Scope'

export interface OpenedAhead<A, E> {
  /** Waits until it is open. */
  readonly opened: Effect.Effect<A, E>
  /** Lets go what it holds, which the scope around does otherwise. */
  readonly close: Effect.Effect<void>
}

export const openAhead = Effect.fnUntraced(function* <A, E>(
  opening: Effect.Effect<A, E, Scope.Scope>
) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  const fiber = yield* Effect.forkIn(Scope.provide(opening, scope), scope)
  const ahead: OpenedAhead<A, E> = {
    opened: Fiber.join(fiber),
    close: Scope.close(scope, Exit.void)
  }
  return ahead
})
