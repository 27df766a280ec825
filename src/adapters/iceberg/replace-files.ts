/**
 * Replacing data files by others that hold the same rows: the commit of a compaction (R9; spec,
 * "Snapshots", operation `replace`).
 *
 * 1. Each attempt looks for the replaced files among the live ones of its own parent, and commits
 *    only if all are there: appends in between do no harm; where retention, or another compaction,
 *    was faster, nothing is committed and the caller is told what is gone.
 * 2. `k2.*` is the parent's at the attempt; offsets never move by it (R9).
 * 3. New files have the data sequence number of the newest file that they replace: whatever
 *    applied to the old rows applies to the new ones (spec, "Sequence Numbers"). A table with
 *    delete files is left alone.
 * 4. A table has no more manifests than before, but for the one of the new files; an attempt that
 *    lost to an append costs no more than an append does (`manifest-rewrite.ts`).
 * 5. If this commit id is in the lineage, an earlier call has committed: that is the answer.
 */
import * as Effect from 'effect/Effect'
import { committedBefore } from './append.ts'
import type { DataFile } from './data-file.ts'
import { invariant, type OffsetsMissing } from './errors.ts'
import { recordedState, type RecordedState } from './k2-summary.ts'
import {
  described,
  findReplaced,
  makeRewrite,
  type Rewrite,
  sizeOf,
  type Written
} from './manifest-rewrite.ts'
import { liveManifests } from './manifest-merge.ts'
import {
  commitSnapshot,
  type CommitBase,
  type CommitError,
  type Committed,
  type DraftResult
} from './snapshot-commit.ts'
import { attempt, type Table } from './table.ts'

export interface ReplaceRequest {
  /** UUID of this commit; a repeated call for the same files gives the same one. */
  readonly commitId: string
  /** Locations of the files that go. */
  readonly replaced: readonly string[]
  /** With the rows of those. */
  readonly dataFiles: readonly DataFile[]
  /**
   * Schema of the table whose columns the new files have: with another one nothing is replaced, for
   * they would lose what the old files have in the others. Absent: they have all columns.
   */
  readonly schemaId?: number | undefined
  /** Makes the new files durable; ends before the swap. */
  readonly syncDataFiles?: Effect.Effect<void, { readonly message: string }> | undefined
}

/**
 * Why nothing was committed: files that are not live any more, deletes that are not ours, or
 * columns that the new files lack.
 */
export type NotReplaced =
  | { readonly kind: 'inputs_gone'; readonly locations: readonly string[] }
  | { readonly kind: 'has_deletes' }
  | { readonly kind: 'schema_changed' }

export type ReplaceResult =
  | { readonly kind: 'replaced'; readonly committed: Committed }
  | NotReplaced

/** Never touches the data files themselves: where nothing is committed they are the caller's. */
export const commitReplace = (
  table: Table,
  request: ReplaceRequest
): Effect.Effect<ReplaceResult, CommitError | OffsetsMissing> =>
  Effect.suspend(() => {
    checkRequest(request)
    const rewrite = makeRewrite(table, { ...request, keepsSequence: true })
    return commitSnapshot<ReplaceResult, CommitError | OffsetsMissing>(
      table,
      request.commitId,
      (base) => draftReplace(table, request, base, rewrite)
    ).pipe(
      Effect.map((result) =>
        'kind' in result ? result : { kind: 'replaced', committed: result }
      )
    )
  })

const checkRequest = ({ commitId, replaced, dataFiles }: ReplaceRequest): void => {
  const names = new Set([...replaced, ...dataFiles.map(({ location }) => location)])
  invariant(replaced.length > 0, `commit ${commitId} replaces nothing`)
  invariant(
    names.size === replaced.length + dataFiles.length,
    `commit ${commitId} names a file twice`
  )
}

const draftReplace = Effect.fnUntraced(function* (
  table: Table,
  request: ReplaceRequest,
  base: CommitBase,
  rewrite: Rewrite
) {
  const done = (result: ReplaceResult): DraftResult<ReplaceResult> => ({ done: result })
  const live = liveManifests(base.manifests)
  if (live.some(({ content }) => content !== 0)) return done({ kind: 'has_deletes' })
  const { schemaId = base.metadata['current-schema-id'] } = request
  if (schemaId !== base.metadata['current-schema-id']) return done({ kind: 'schema_changed' })
  const { touched, gone } = yield* findReplaced(table, live, request.replaced)
  if (gone.length > 0) {
    const earlier = committedBefore(base.metadata, request.commitId)
    return done(
      earlier === null
        ? { kind: 'inputs_gone', locations: gone }
        : { kind: 'replaced', committed: earlier }
    )
  }
  const state = yield* attempt<RecordedState, OffsetsMissing>(() =>
    recordedState(table.name, base.metadata)
  )
  const { kept, deleted, added } = rewrite(base, touched)
  const listed = (written: Written) => described(written, base)
  invariant(
    sizeOf(added.entries).records === sizeOf(deleted.entries).records,
    `commit ${request.commitId} replaces files by ones with another number of rows`
  )
  const untouched = live.filter((it) => !touched.has(it))
  const result: DraftResult<ReplaceResult> = {
    draft: {
      operation: 'replace',
      manifests: [
        ...kept.flatMap(listed),
        ...untouched,
        ...listed(deleted),
        ...listed(added)
      ],
      writes: [...kept, deleted, added].flatMap(({ file }) => (file === null ? [] : [file])),
      syncDataFiles: request.syncDataFiles,
      added: sizeOf(added.entries),
      deleted: sizeOf(deleted.entries),
      changedPartitionCount: new Set(
        deleted.entries.map(({ data_file: file }) => JSON.stringify(file.partition))
      ).size,
      summary: state.carried
    }
  }
  return result
})
