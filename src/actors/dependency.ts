/**
 * Failures of the disk, the catalog, the log or the venue below a program: they pass by themselves,
 * so the program that meets one is started again for as long as it takes, outside of every limit of
 * restarts (R14). What only an operator can mend is not among them.
 */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import type { Table } from '../adapters/iceberg/table.ts'
import { ActorCrashed, crashOf, factsOf } from '../machines/supervisor-crash.ts'
import type { Gate } from './gate.ts'
import type { Pipeline } from './pipeline.ts'

const passing: ReadonlySet<string> = new Set([
  'CommitFailed',
  'CommitRefused',
  'CommitUnknown',
  'DeadLetterLogFailed',
  'FileNotCached',
  'FolderFailed',
  'LogUnavailable',
  'RegistryUnavailable',
  'SwapUnknown',
  'TableUnreadable',
  'VenueRefused',
  'VenueUnavailable'
])

export const isPassing = (error: unknown): boolean => {
  const { tag, isDependency } = crashOf(error)
  return isDependency || passing.has(tag)
}

/** Marks what the program fails of as a dependency, where it is one. */
export const markDependency = <A, E, R>(
  program: Effect.Effect<A, E, R>
): Effect.Effect<A, E | ActorCrashed, R> =>
  Effect.mapError(program, (error) =>
    isPassing(error)
      ? new ActorCrashed({ ...factsOf(crashOf(error)), isDependency: true }, error)
      : error
  )

/** What another actor serves is not there: the dependency below it is away. */
class ServiceAway extends Schema.TaggedError<ServiceAway>()('ServiceAway', {
  service: Schema.String
}) {
  readonly isDependency = true
  override get message() {
    return `${this.service} is not open`
  }
}

const awayMsMax = 5_000

/**
 * What a gate serves, for a program that must be ready within a deadline: one that waited for it in
 * silence would miss that deadline, which counts as its own fault.
 */
export const served = <A>(gate: Gate<A>, service: string): Effect.Effect<A, ServiceAway> =>
  Effect.timeoutOrElse(gate.get, {
    duration: awayMsMax,
    orElse: () => Effect.fail(new ServiceAway({ service }))
  })

export const servedTable = ({
  table,
  tableName
}: Pick<Pipeline, 'table' | 'tableName'>): Effect.Effect<Table, ServiceAway> =>
  served(table, `the table ${tableName}`)
