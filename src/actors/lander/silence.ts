/**
 * Watches whether a worker thread still says something.
 *
 * 1. Silence is counted in looks of this process, not in time that has passed: while the process
 *    itself was stopped, or its clock was set, nobody could have been heard.
 */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'

/** The worker has not reported for too long. */
class LanderSilent extends Schema.TaggedError<LanderSilent>()('LanderSilent', {
  silentMs: Schema.Number
}) {
  override get message() {
    return `the lander's worker has not reported for ${this.silentMs} ms`
  }
}

export interface Silence {
  /** Something was heard. */
  readonly broken: () => void
  /** Fails once nothing was heard for so long. */
  readonly watching: Effect.Effect<never, LanderSilent>
}

const lookMs = 1_000

export const makeSilence = (silentMsMax: number): Silence => {
  let looks = 0
  const look = Effect.suspend(() => {
    const silentMs = lookMs * looks++
    return silentMs > silentMsMax ? Effect.fail(new LanderSilent({ silentMs })) : Effect.void
  })
  return {
    broken: () => {
      looks = 0
    },
    watching: Effect.forever(Effect.andThen(look, Effect.sleep(lookMs)))
  }
}
