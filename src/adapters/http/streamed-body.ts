/**
 * A body that is made while it is sent.
 *
 * 1. One part is made while the last one is taken: what a slow client does not take is not made,
 *    and memory holds two.
 * 2. A client that leaves ends what is being made.
 * 3. Where a part cannot be made the connection is cut: no client takes what it has for the whole.
 */
import type * as Effect from 'effect/Effect'
import type { Exit } from 'effect/Exit'

export interface Part<Next> {
  readonly bytes: Uint8Array
  /** What the next part is made of; undefined: there is none. */
  readonly next: Next | undefined
}

interface Streaming<Next, E> {
  readonly first: Part<Next>
  readonly make: (next: Next) => Effect.Effect<Part<Next>, E>
  readonly run: <A, E2>(
    effect: Effect.Effect<A, E2>,
    options: { readonly signal: AbortSignal }
  ) => Promise<Exit<A, E2>>
  /** Why a part could not be made, for the log. */
  readonly onFailed: (cause: unknown) => void
}

export const streamedBody = <Next, E>({
  first,
  make,
  run,
  onFailed
}: Streaming<Next, E>): ReadableStream<Uint8Array> => {
  const left = new AbortController()
  let part = first
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { bytes, next } = part
        controller.enqueue(bytes)
        if (next === undefined) {
          controller.close()
          return
        }
        const exit = await run(make(next), { signal: left.signal })
        if (exit._tag === 'Success') part = exit.value
        else if (!left.signal.aborted) {
          onFailed(exit.cause)
          controller.error(new Error('the rest of the answer could not be made'))
        }
      },
      cancel: () => left.abort()
    },
    { highWaterMark: 0 }
  )
}
