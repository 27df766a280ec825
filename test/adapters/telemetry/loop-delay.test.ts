import * as Effect from 'effect/Effect'
import { expect, test } from 'vitest'
import { openLoopDelay } from '../../../src/adapters/telemetry/loop-delay.ts'

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const block = (ms: number): void => {
  const endMs = performance.now() + ms
  while (performance.now() < endMs);
}

test('nothing is told of the first half of a window; later, of delays within one', async () => {
  let nowMs = 0
  await Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const delay = yield* openLoopDelay(1_000, () => nowMs)
        yield* Effect.promise(async () => {
          block(300)
          await pause(50)
        })
        expect(delay.p99()).toBeUndefined()
        nowMs = 500
        expect(delay.p99()).toBeUndefined()
        yield* Effect.promise(async () => {
          // The first tick after a reset only says where to count from.
          await pause(50)
          block(1_000)
          await pause(20)
        })
        nowMs = 1_000
        expect(delay.p99()).toBeGreaterThan(0.9)
        // Two turns later nothing of it is left.
        yield* Effect.promise(() => pause(100))
        nowMs = 1_500
        delay.p99()
        yield* Effect.promise(() => pause(100))
        nowMs = 2_000
        expect(delay.p99()).toBeLessThan(0.9)
      })
    )
  )
})
