/** Reads the one failure that matters out of an Effect cause. Total: a cause may be anything. */
import { Cause } from 'effect'
import { ActorCrashed } from '../machines/supervisor-crash.ts'

/**
 * The typed failure or defect itself. A cause of interruptions only means that something inside the
 * program was interrupted by others than its actor, which is a crash like any other.
 */
export const failureOf = (cause: Cause.Cause<unknown>): unknown =>
  Cause.hasInterruptsOnly(cause)
    ? new ActorCrashed(
        {
          tag: 'Interrupted',
          message: 'the program was interrupted from inside',
          isDependency: false
        },
        cause
      )
    : Cause.squash(cause)
