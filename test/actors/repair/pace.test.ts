import { Effect, Fiber } from 'effect'
import * as TestClock from 'effect/testing/TestClock'
import { describe, expect, test } from 'vitest'
import { PolicyHolder } from '../../../src/actors/degradation/policy-holder.ts'
import { leaveToBegin, restBetween } from '../../../src/actors/repair/pace.ts'
import { levels, policyOf } from '../../../src/machines/ingest-policy.ts'

const onTestClock = <A>(body: Effect.Effect<A>) =>
  Effect.runPromise(Effect.scoped(Effect.provide(body, TestClock.layer())))

describe('maintenance', () => {
  test.each([
    [undefined, 1_000],
    ['normal', 1_000],
    ['soft', 4_000]
  ] as const)('at %s it rests for %i ms', async (level, ms) => {
    const policy = new PolicyHolder()
    if (level !== undefined) policy.set(policyOf(level))
    await onTestClock(
      Effect.gen(function* () {
        const resting = yield* Effect.forkChild(restBetween(policy, 1_000))
        yield* TestClock.adjust(ms - 1)
        expect(resting.pollUnsafe()).toBeUndefined()
        yield* TestClock.adjust(1)
        yield* Fiber.join(resting)
      })
    )
  })

  test.each(levels.slice(2))('at %s it begins nothing, until that has passed', async (level) => {
    const policy = new PolicyHolder()
    policy.set(policyOf(level))
    await onTestClock(
      Effect.gen(function* () {
        const resting = yield* Effect.forkChild(restBetween(policy, 1_000))
        yield* TestClock.adjust(3_600_000)
        policy.set(policyOf('graceful'))
        yield* Effect.yieldNow
        expect(resting.pollUnsafe()).toBeUndefined()
        policy.set(policyOf('soft'))
        yield* Fiber.join(resting)
        yield* leaveToBegin(policy)
      })
    )
  })
})
