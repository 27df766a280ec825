/**
 * Expires snapshots beyond the newest of a table now, where otherwise the next commit would (R27).
 *
 * 1. A table that has no more than it may keep is left alone.
 * 2. The new snapshot holds what its parent holds, and takes `k2.*` from it, at the attempt (R9).
 * 3. Tagged snapshots, and those that `expiredBy` keeps, stay.
 */
import * as Effect from 'effect/Effect'
import { recordedState, type RecordedState, type StateError } from './k2-summary.ts'
import { liveManifests } from './manifest-merge.ts'
import { lineage } from './metadata.ts'
import {
  commitSnapshot,
  type CommitBase,
  type CommitError,
  type Committed
} from './snapshot-commit.ts'
import { attempt, type Table } from './table.ts'

const nothing = { files: 0, records: 0, bytes: 0 }

/**
 * Null where there is nothing to expire.
 * @param keep snapshots of main that stay, which the properties of `table` say as well
 */
export const expireSnapshots = (
  table: Table,
  keep: number
): Effect.Effect<Committed | null, CommitError | StateError> =>
  commitSnapshot<null, CommitError | StateError>(table, table.ports.ids.uuid(), (base) =>
    draft(table, base, keep)
  )

const draft = Effect.fnUntraced(function* (table: Table, base: CommitBase, keep: number) {
  const { parent, metadata, manifests } = base
  if (parent === null || lineage(metadata, parent).length <= keep) return { done: null }
  const { carried } = yield* attempt<RecordedState, StateError>(() =>
    recordedState(table.name, metadata)
  )
  return {
    draft: {
      operation: 'replace' as const,
      manifests: liveManifests(manifests),
      writes: [],
      added: nothing,
      deleted: nothing,
      changedPartitionCount: 0,
      summary: carried
    }
  }
})
