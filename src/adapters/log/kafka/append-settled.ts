/** How an append to Kafka ended, and how long it took: one event each. */
import * as Effect from 'effect/Effect'
import * as Exit from 'effect/Exit'
import type { BatchTooLarge, LogUnavailable } from '../event-log.ts'

type Failure = LogUnavailable | BatchTooLarge

/** `failure`: its tag, or that nobody waits for it any more; null where all of it is in the log. */
export interface AppendSettled {
  readonly type: 'append.settled'
  readonly topic: string
  readonly records: number
  readonly tookMs: number
  readonly failure: Failure['_tag'] | 'interrupted' | null
}

interface SettledOptions extends Pick<AppendSettled, 'topic' | 'records'> {
  readonly monotonicMs: () => number
  readonly observe: (event: AppendSettled) => void
}

export const settling = <A>(
  append: Effect.Effect<A, Failure>,
  { topic, records, monotonicMs, observe }: SettledOptions
): Effect.Effect<A, Failure> =>
  Effect.suspend(() => {
    const begunMs = monotonicMs()
    return Effect.onExit(append, (exit) =>
      Effect.sync(() => {
        const tookMs = monotonicMs() - begunMs
        observe({ type: 'append.settled', topic, records, tookMs, failure: failureOf(exit) })
      })
    )
  })

const failureOf = (exit: Exit.Exit<unknown, Failure>): AppendSettled['failure'] => {
  if (Exit.isSuccess(exit)) return null
  const error = Exit.findErrorOption(exit)
  return error._tag === 'Some' ? error.value._tag : 'interrupted'
}
