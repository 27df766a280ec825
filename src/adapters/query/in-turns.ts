/** Makes much of much without keeping the thread from all others meanwhile. */
import * as Effect from 'effect/Effect'

/** Some milliseconds. */
const itemsAtOnce = 500

export const inTurns = <A, B>(
  items: readonly A[],
  make: (item: A) => B
): Effect.Effect<readonly B[]> =>
  Effect.gen(function* () {
    const made: B[] = []
    for (const item of items) {
      if (made.length > 0 && made.length % itemsAtOnce === 0) yield* Effect.sleep(0)
      made.push(make(item))
    }
    return made
  })
