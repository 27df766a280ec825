/**
 * How maintenance gives way to what it maintains: its pauses are longer under pressure, and from
 * the level `graceful` on nothing is begun. What has begun goes on to its end.
 */
import * as Effect from 'effect/Effect'
import { type IngestPolicy, levels } from '../../machines/ingest-policy.ts'
import type { PolicyHolder } from '../degradation/policy-holder.ts'

/** Pauses are so much longer from the level `soft` on. */
const slowdown = 4

const isAtLeast = ({ level }: IngestPolicy, other: IngestPolicy['level']): boolean =>
  levels.indexOf(level) >= levels.indexOf(other)

/** Ends once something may be begun. Nobody who has decided yet holds nobody up. */
export const leaveToBegin = (policy: PolicyHolder): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { current } = policy
    if (current === undefined || !isAtLeast(current, 'graceful')) return Effect.void
    return Effect.callback<void>((resume) => {
      const stop = policy.follow((next) => {
        if (isAtLeast(next, 'graceful')) return
        stop()
        resume(Effect.void)
      })
      return Effect.sync(stop)
    })
  })

/** The pause between two rounds of maintenance, and leave to begin the next. */
export const restBetween = (policy: PolicyHolder, pauseMs: number): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { current } = policy
    const isSlowed = current !== undefined && isAtLeast(current, 'soft')
    const pause = Effect.sleep(isSlowed ? pauseMs * slowdown : pauseMs)
    return Effect.andThen(pause, leaveToBegin(policy))
  })
