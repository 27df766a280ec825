import * as Effect from 'effect/Effect'
import * as Fiber from 'effect/Fiber'
import * as TestClock from 'effect/testing/TestClock'
import { describe, expect, test, vi } from 'vitest'
import { makeSilence } from '../../../src/actors/lander/silence.ts'

const onTestClock = <A>(body: Effect.Effect<A>) =>
  Effect.runPromise(Effect.scoped(Effect.provide(body, TestClock.layer())))

const watched = (silence: ReturnType<typeof makeSilence>) =>
  Effect.forkScoped(Effect.match(silence.watching, { onFailure: String, onSuccess: String }))

describe('a worker', () => {
  test('that says nothing for too long has failed; any word begins anew', async () => {
    const silence = makeSilence(30_000)
    await onTestClock(
      Effect.gen(function* () {
        const watching = yield* watched(silence)
        yield* TestClock.adjust(30_000)
        expect(watching.pollUnsafe()).toBeUndefined()
        silence.broken()
        yield* TestClock.adjust(30_000)
        expect(watching.pollUnsafe()).toBeUndefined()
        yield* TestClock.adjust(2_000)
        expect(yield* Fiber.join(watching)).toContain('has not reported for 31000 ms')
      }).pipe(Effect.scoped)
    )
  })

  test('whose process was stopped for a minute had no chance to be heard', async () => {
    const silence = makeSilence(30_000)
    const now = vi.spyOn(Date, 'now')
    try {
      await onTestClock(
        Effect.gen(function* () {
          const watching = yield* watched(silence)
          yield* TestClock.adjust(1_000)
          now.mockReturnValue(Date.now() + 60_000)
          yield* TestClock.adjust(1_000)
          expect(watching.pollUnsafe()).toBeUndefined()
        }).pipe(Effect.scoped)
      )
    } finally {
      now.mockRestore()
    }
  })
})
