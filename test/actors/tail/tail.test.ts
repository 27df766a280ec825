/** What those who read are told while the log cannot be read (R35). */
import * as Effect from 'effect/Effect'
import { expect, test } from 'vitest'
import { Tail } from '../../../src/actors/tail/tail.ts'
import type { TailStore } from '../../../src/adapters/duckdb/tail-store.ts'
import { LogUnavailable } from '../../../src/adapters/log/event-log.ts'

const away = new LogUnavailable({
  topicPartition: 'topics',
  detail: 'Connection error: connect ECONNREFUSED 10.1.2.3:9092'
})
const cannot = 'what the log has beyond the table cannot be read on'

test('a log that is away is told with the age of what is shown, without its address', async () => {
  let nowMs = 1_000
  let rowCount = 0
  const store = { rowCount: () => rowCount, hold: () => ({ rowCount }) }
  const tail = new Tail({
    store: store as unknown as TailStore,
    unlogged: () => [],
    monotonicMs: () => nowMs
  })
  const missing = () => Effect.map(tail.hold, (held) => held.missing)
  const failed = tail.pass(Effect.fail(away))
  const program = Effect.gen(function* () {
    yield* tail.followed
    expect(yield* held(missing(), failed)).toEqual([
      `${cannot}: the log is unreachable; none of it is shown`
    ])
    expect(yield* tail.pass(Effect.succeed({ missing: [] }))).toBe('passed')
    expect(yield* missing()).toEqual([])

    rowCount = 5
    nowMs += 7_500
    expect(yield* held(missing(), failed)).toEqual([
      `${cannot}: the log is unreachable; it was read 8 s ago`
    ])
    const bug = tail.pass(Effect.fail(new Error('at /var/lib/k2')))
    expect(yield* held(missing(), bug)).toEqual([
      `${cannot}: it failed (Error); it was read 8 s ago`
    ])
    expect(yield* held(missing(), tail.pass(Effect.succeed({ missing: [] })))).toEqual([])
  })
  await Effect.runPromise(Effect.scoped(program))
})

/** What a read that waits for the tail is told once that was tried. */
const held = <A>(read: Effect.Effect<A>, attempt: Effect.Effect<unknown>): Effect.Effect<A> =>
  Effect.map(
    Effect.all([read, Effect.andThen(Effect.yieldNow, attempt)], { concurrency: 'unbounded' }),
    ([told]) => told
  )
