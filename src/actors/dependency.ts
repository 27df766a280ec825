/**
 * Failures of the disk, the catalog, the log or the venue below a program: they pass by themselves,
 * so the program that meets one is started again for as long as it takes, outside of every limit of
 * restarts (R14). What only an operator can mend is not among them.
 */
import * as Effect from 'effect/Effect'
import { ActorCrashed, crashOf, factsOf } from '../machines/supervisor-crash.ts'

const passing: ReadonlySet<string> = new Set([
  'CommitFailed',
  'CommitRefused',
  'CommitUnknown',
  'DeadLetterLogFailed',
  'FolderFailed',
  'LogUnavailable',
  'RegistryUnavailable',
  'SwapUnknown',
  'TableUnreadable',
  'VenueRefused',
  'VenueUnavailable'
])

export const isPassing = (error: unknown): boolean => passing.has(crashOf(error).tag)

/** Marks what the program fails of as a dependency, where it is one. */
export const markDependency = <A, E, R>(
  program: Effect.Effect<A, E, R>
): Effect.Effect<A, E | ActorCrashed, R> =>
  Effect.mapError(program, (error) =>
    isPassing(error)
      ? new ActorCrashed({ ...factsOf(crashOf(error)), isDependency: true }, error)
      : error
  )
