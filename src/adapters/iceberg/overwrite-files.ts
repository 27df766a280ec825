/**
 * Replacing data files by others with other rows: copy on write, without delete files (R21; spec,
 * "Snapshots", operation `overwrite`).
 *
 * 1. Each attempt looks for the files that go among the live ones of its own parent, and commits
 *    only if all are there and the parent has the entries that the new rows were made from: of two
 *    writers that began with the same, one is fenced (R19).
 * 2. `k2.*` is the parent's at the attempt, with the entries of this commit over it (R9).
 * 3. New files have the data sequence number of their snapshot.
 * 4. If this commit id is in the lineage, an earlier call has committed: that is the answer.
 */
import * as Effect from 'effect/Effect'
import { committedBefore } from './append.ts'
import type { DataFile } from './data-file.ts'
import { invariant } from './errors.ts'
import {
  advanced,
  changedEntries,
  recordedState,
  type RecordedState,
  type StateError
} from './k2-summary.ts'
import { liveManifests, mergeManifests } from './manifest-merge.ts'
import { described, findReplaced, makeRewrite, type Rewrite, sizeOf } from './manifest-rewrite.ts'
import {
  commitSnapshot,
  type CommitBase,
  type CommitError,
  type Committed,
  type DraftResult
} from './snapshot-commit.ts'
import { attempt, type Table } from './table.ts'

export interface OverwriteRequest {
  /** UUID of this commit; a repeated call for the same files gives the same one. */
  readonly commitId: string
  /** Locations of the files that go; there may be none. */
  readonly replaced: readonly string[]
  readonly dataFiles: readonly DataFile[]
  /** Makes the new files durable; ends before the swap. */
  readonly syncDataFiles: Effect.Effect<void, { readonly message: string }>
  /** `k2.*` entries from now on. */
  readonly summary: Readonly<Record<string, string>>
  /** Entries that the table must have, null: not have (1). */
  readonly requires: Readonly<Record<string, string | null>>
}

/** Nothing was committed; what was made is of a table that is no more. */
interface Overtaken {
  readonly kind: 'overtaken'
  readonly detail: string
}

export type OverwriteResult =
  { readonly kind: 'overwritten'; readonly committed: Committed } | Overtaken

/** Never touches the data files themselves: where nothing is committed they are the caller's. */
export const commitOverwrite = (
  table: Table,
  request: OverwriteRequest
): Effect.Effect<OverwriteResult, CommitError | StateError> =>
  Effect.suspend(() => {
    const { commitId, replaced, dataFiles } = request
    const names = new Set([...replaced, ...dataFiles.map(({ location }) => location)])
    invariant(
      names.size === replaced.length + dataFiles.length,
      `commit ${commitId} names a file twice`
    )
    const rewrite = makeRewrite(table, { replaced, dataFiles, keepsSequence: false })
    return commitSnapshot<OverwriteResult, CommitError | StateError>(table, commitId, (base) =>
      draftOverwrite(table, request, base, rewrite)
    ).pipe(
      Effect.map((result) =>
        'kind' in result ? result : { kind: 'overwritten', committed: result }
      )
    )
  })

const draftOverwrite = Effect.fnUntraced(function* (
  table: Table,
  { commitId, replaced, requires, summary, syncDataFiles }: OverwriteRequest,
  base: CommitBase,
  rewrite: Rewrite
) {
  const live = liveManifests(base.manifests)
  const { touched, gone } = yield* findReplaced(table, live, replaced)
  const state = yield* attempt<RecordedState, StateError>(() =>
    recordedState(table.name, base.metadata)
  )
  const lost = [...changedEntries(state, requires), ...gone] // (1)
  if (lost.length > 0 || live.some(({ content }) => content !== 0)) {
    const earlier = committedBefore(base.metadata, commitId)
    const done: DraftResult<OverwriteResult> = {
      done:
        earlier === null
          ? { kind: 'overtaken', detail: `${table.name} has changed: ${lost.join(', ')}` }
          : { kind: 'overwritten', committed: earlier }
    }
    return done
  }
  const { kept, deleted, added } = rewrite(base, touched)
  const untouched = live.filter((it) => !touched.has(it))
  const merged = yield* mergeManifests(table, base, added.header, untouched)
  const all = [...deleted.entries, ...added.entries]
  const result: DraftResult<OverwriteResult> = {
    draft: {
      operation: 'overwrite',
      manifests: [
        ...kept.flatMap((it) => described(it, base)),
        ...merged.manifests,
        ...described(deleted, base),
        ...described(added, base)
      ],
      writes: [
        ...merged.writes,
        ...[...kept, deleted, added].flatMap(({ file }) => (file === null ? [] : [file]))
      ],
      syncDataFiles,
      added: sizeOf(added.entries),
      deleted: sizeOf(deleted.entries),
      changedPartitionCount: new Set(
        all.map(({ data_file: file }) => JSON.stringify(file.partition))
      ).size,
      summary: { ...advanced(table.name, state, [], []), ...summary }
    }
  }
  return result
})
