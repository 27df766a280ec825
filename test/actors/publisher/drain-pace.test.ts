import { Effect, Fiber } from 'effect'
import * as TestClock from 'effect/testing/TestClock'
import { describe, expect, test } from 'vitest'
import { DrainPace } from '../../../src/actors/publisher/drain-pace.ts'
import type { DrainLag } from '../../../src/machines/drain-ramp.ts'

const lag = (lagOverdue: number): DrainLag => ({
  lagOverdue, lagLeave: 500_000, landedPerSecond: 10_000
})

/** Four lanes that take batches of 100 out of the spool whenever they may. */
const pacedLanes = (state: { isSpilling: boolean; lag: DrainLag | undefined }) =>
  Effect.gen(function* () {
    let left = 0
    const pace = new DrainPace({
      isSpilling: () => state.isSpilling,
      hasSpooled: () => true,
      lag: () => state.lag
    })
    yield* Effect.forkChild(pace.run)
    const lane = Effect.forever(
      Effect.andThen(
        pace.leave,
        Effect.suspend(() => {
          pace.spend(100)
          left += 100
          return Effect.sleep(1)
        })
      )
    )
    for (let index = 0; index < 4; index++) yield* Effect.forkChild(lane)
    const during = (seconds: number) =>
      Effect.gen(function* () {
        const before = left
        yield* TestClock.adjust(seconds * 1_000)
        return left - before
      })
    return { pace, during }
  })

const onTestClock = <A>(body: Effect.Effect<A>) =>
  Effect.runPromise(Effect.provide(body, TestClock.layer()))

describe('the pace of a spool', () => {
  test('is anybody\'s own where it was not filled on purpose', async () => {
    await onTestClock(
      Effect.gen(function* () {
        const { pace, during } = yield* pacedLanes({ isSpilling: false, lag: lag(9e9) })
        expect(yield* during(1)).toBeGreaterThan(300_000)
        expect(pace.perSecond).toBeNull()
      })
    )
  })

  test('is nought at once when the level asks, and a tenth of what lands later', async () => {
    await onTestClock(
      Effect.gen(function* () {
        const state = { isSpilling: false, lag: lag(600_000) }
        const { pace, during } = yield* pacedLanes(state)
        yield* during(0.5)
        state.isSpilling = true
        expect(pace.isHeld).toBe(true)
        expect(yield* during(20)).toBe(0)
        state.lag = lag(400_000)
        yield* during(1)
        expect(pace.perSecond).toBe(1_000)
        const first = yield* during(1)
        expect(first).toBeGreaterThanOrEqual(700)
        expect(first).toBeLessThanOrEqual(1_700)
        const rest = yield* during(9)
        // 1,250 a second and a quarter more each second.
        expect(rest).toBeGreaterThan(25_000)
        expect(rest).toBeLessThan(45_000)
        state.lag = lag(500_001)
        yield* during(1)
        expect(yield* during(10)).toBe(0)
      })
    )
  })

  test('costs the next ones what one batch had too much', async () => {
    await onTestClock(
      Effect.gen(function* () {
        const pace = new DrainPace({
          isSpilling: () => true,
          hasSpooled: () => true,
          lag: () => lag(0)
        })
        expect(pace.isHeld).toBe(true)
        yield* Effect.forkChild(pace.run)
        yield* TestClock.adjust(1_000)
        pace.spend(1_650) // 250 were left
        const waiting = yield* Effect.forkChild(pace.leave)
        yield* TestClock.adjust(1_000)
        expect(waiting.pollUnsafe()).toBeUndefined()
        yield* TestClock.adjust(1_000)
        yield* Fiber.join(waiting)
      })
    )
  })
})
