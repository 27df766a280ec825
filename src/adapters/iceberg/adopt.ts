/**
 * The commit by which an operator has a table go on from another place of a log, or from another
 * log (R8). It adds no rows.
 *
 * 1. It takes place only if the topic's offsets, of every log, are those that the operator was
 *    shown.
 * 2. Entries of other topics are the parent's, at the attempt (R9).
 */
import * as Effect from 'effect/Effect'
import { Fenced } from './errors.ts'
import {
  adopted,
  type Adoption,
  type ByPartition,
  operationKey,
  type RecordedState,
  recordedState,
  type StateError
} from './k2-summary.ts'
import { liveManifests } from './manifest-merge.ts'
import {
  commitSnapshot,
  type CommitBase,
  type CommitError,
  type Committed,
  type DraftResult
} from './snapshot-commit.ts'
import { attempt, type Table } from './table.ts'

export interface AdoptRequest extends Adoption {
  /** UUID of this commit. */
  readonly commitId: string
  /** What the table recorded when the adoption was planned. */
  readonly planned: ByPartition<number>
}

export const commitAdoption = (
  table: Table,
  request: AdoptRequest
): Effect.Effect<Committed, CommitError | Fenced | StateError> =>
  commitSnapshot<Committed, CommitError | Fenced | StateError>(table, request.commitId, (base) =>
    draftAdoption(table, base, request)
  )

const draftAdoption = Effect.fnUntraced(function* (
  table: Table,
  { metadata, manifests }: CommitBase,
  request: AdoptRequest
) {
  const state = yield* attempt<RecordedState, StateError>(() => recordedState(table.name, metadata))
  const partitions = differences(request.topic, request.planned, state.offsets)
  if (partitions.length > 0) return yield* new Fenced({ table: table.name, partitions })
  const nothing = { files: 0, records: 0, bytes: 0 }
  const result: DraftResult<Committed> = {
    draft: {
      operation: 'append',
      manifests: liveManifests(manifests),
      writes: [],
      added: nothing,
      deleted: nothing,
      changedPartitionCount: 0,
      summary: { ...adopted(state, request), [operationKey]: 'adopt-log' }
    }
  }
  return result
})

/** Places of a topic at which two records of offsets differ. */
const differences = (
  topic: string,
  planned: ByPartition<number>,
  recorded: ByPartition<number>
): Fenced['partitions'] =>
  [...new Set([...Object.keys(planned), ...Object.keys(recorded)])]
    .flatMap((logIdentity) => {
      const [expected, found] = [planned, recorded].map((it) => it[logIdentity]?.[topic] ?? {})
      return [...new Set([...Object.keys(expected!), ...Object.keys(found!)])]
        .map(Number)
        .map((partition) => ({
          logIdentity,
          topic,
          partition,
          expected: expected![partition] ?? null,
          recorded: found![partition] ?? null
        }))
    })
    .filter((it) => it.expected !== it.recorded)
