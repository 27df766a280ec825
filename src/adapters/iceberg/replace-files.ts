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
 * 4. A touched manifest is rewritten: its other files are EXISTING with their own numbers, in one
 *    manifest with those of the other touched ones; the replaced ones are DELETED in a manifest of
 *    their own, which the next snapshot drops. So a table has no more manifests than before, but
 *    for the one of the new files.
 * 5. What an attempt has written is reused by the next if the touched manifests are the same: an
 *    attempt that lost to an append costs no more than an append does.
 * 6. If this commit id is in the lineage, an earlier call has committed: that is the answer.
 */
import * as Effect from 'effect/Effect'
import { committedBefore } from './append.ts'
import { dataFileEntry, type DataFile } from './data-file.ts'
import { invariant, type OffsetsMissing } from './errors.ts'
import { recordedState, type RecordedState } from './k2-summary.ts'
import {
  encodeManifest,
  entryAdded,
  entryDeleted,
  entryExisting,
  inherited,
  type ManifestEntry,
  type ManifestHeader
} from './manifest.ts'
import { describeManifest, type ManifestFile } from './manifest-list.ts'
import { liveManifests } from './manifest-merge.ts'
import { currentSchema, defaultSpec } from './metadata.ts'
import {
  commitSnapshot,
  type CommitBase,
  type CommitError,
  type Committed,
  type DraftResult,
  type FileToWrite
} from './snapshot-commit.ts'
import type { FileCounts } from './snapshot-summary.ts'
import { attempt, readManifest, rememberManifest, uuidBytes, type Table } from './table.ts'

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
    const rewrite = makeRewrite(table, request)
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
  const described = (written: Written): ManifestFile[] =>
    written.file === null
      ? []
      : [
          describeManifest(
            written.header,
            written.entries,
            { path: written.file.location, length: written.file.bytes.length },
            base.ids
          )
        ]
  invariant(
    sizeOf(added.entries).records === sizeOf(deleted.entries).records,
    `commit ${request.commitId} replaces files by ones with another number of rows`
  )
  const untouched = live.filter((it) => !touched.has(it))
  const result: DraftResult<ReplaceResult> = {
    draft: {
      operation: 'replace',
      manifests: [
        ...kept.flatMap(described),
        ...untouched,
        ...described(deleted),
        ...described(added)
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

/** Entries of the manifests that hold a replaced file, and the files that none holds (1). */
const findReplaced = Effect.fnUntraced(function* (
  table: Table,
  manifests: readonly ManifestFile[],
  replaced: readonly string[]
) {
  const missing = new Set(replaced)
  const touched = new Map<ManifestFile, readonly ManifestEntry[]>()
  for (const manifest of manifests.toReversed()) {
    if (missing.size === 0) break
    const entries = yield* readManifest(table, manifest)
    const found = entries.filter(
      (it) => it.status !== entryDeleted && missing.has(it.data_file.file_path)
    )
    if (found.length === 0) continue
    for (const it of found) missing.delete(it.data_file.file_path)
    touched.set(manifest, inherited(entries, manifest))
  }
  return { touched, gone: [...missing] }
})

interface Written {
  readonly header: ManifestHeader
  readonly entries: readonly ManifestEntry[]
  /** null: no entries, no manifest. */
  readonly file: FileToWrite | null
}

interface Rewritten {
  readonly kept: readonly Written[]
  readonly deleted: Written
  readonly added: Written
}

type Touched = ReadonlyMap<ManifestFile, readonly ManifestEntry[]>
type Rewrite = (base: CommitBase, touched: Touched) => Rewritten

/** About the target size of a manifest. */
const entriesMax = 8_192

const makeRewrite = (table: Table, { replaced, dataFiles }: ReplaceRequest): Rewrite => {
  let made: { readonly key: string; readonly value: Rewritten } | null = null
  const names = new Set(replaced)
  return (base, touched) => {
    const key = JSON.stringify([...touched.keys()].map((it) => it.manifest_path).sort())
    if (made?.key === key) return made.value // (5)
    const header = headerOf(base, touched)
    const entries = [...touched.values()].flat().filter((it) => it.status !== entryDeleted)
    const [going, staying] = [true, false].map((isGoing) =>
      entries.filter((it) => names.has(it.data_file.file_path) === isGoing)
    ) as [ManifestEntry[], ManifestEntry[]]
    const write = (what: string, its: readonly ManifestEntry[]) =>
      written(table, base, header, [what, its])
    const value: Rewritten = {
      kept: chunksOf(staying, entriesMax).map((its) =>
        write('kept', its.map((it) => ({ ...it, status: entryExisting })))
      ),
      deleted: write(
        'replaced',
        going.map((it) => ({
          ...it,
          status: entryDeleted,
          snapshot_id: base.ids.snapshotId
        }))
      ),
      added: write('compacted', addedEntries(base, header, going, dataFiles))
    }
    made = { key, value }
    return value
  }
}

const headerOf = ({ metadata }: CommitBase, touched: Touched): ManifestHeader => {
  const spec = defaultSpec(metadata)
  invariant(
    [...touched.keys()].every((it) => it.partition_spec_id === spec['spec-id']),
    'files of another partition spec are not replaced'
  )
  return {
    schema: currentSchema(metadata),
    specId: spec['spec-id'],
    specFields: spec.fields
  }
}

const addedEntries = (
  { metadata }: CommitBase,
  header: ManifestHeader,
  going: readonly ManifestEntry[],
  dataFiles: readonly DataFile[]
): readonly ManifestEntry[] => {
  // (3)
  const sequence = going.reduce((newest, it) => Math.max(newest, it.sequence_number ?? 0), 0)
  return dataFiles.map((file) => ({
    status: entryAdded,
    snapshot_id: null,
    sequence_number: sequence,
    file_sequence_number: null,
    data_file: dataFileEntry(header, metadata['default-sort-order-id'], file)
  }))
}

const written = (
  table: Table,
  base: CommitBase,
  header: ManifestHeader,
  [what, entries]: readonly [string, readonly ManifestEntry[]]
): Written => {
  if (entries.length === 0) return { header, entries, file: null }
  const uuid = table.ports.ids.uuid()
  const location = `${base.metadata.location}/metadata/${uuid}-${what}.avro`
  rememberManifest(table, location, entries)
  return {
    header,
    entries,
    file: { location, bytes: encodeManifest(header, entries, uuidBytes(uuid)) }
  }
}

const chunksOf = <A>(items: readonly A[], size: number): readonly (readonly A[])[] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size)
  )

const sizeOf = (entries: readonly ManifestEntry[]): FileCounts => ({
  files: entries.length,
  records: entries.reduce((sum, it) => sum + it.data_file.record_count, 0),
  bytes: entries.reduce((sum, it) => sum + it.data_file.file_size_in_bytes, 0)
})
