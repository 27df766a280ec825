/**
 * Data retention by whole UTC days (R53): one metadata commit takes the files of old day partitions
 * out of the table.
 *
 * 1. Planned anew on each attempt's parent; `k2.*` is that parent's (R9), with one removal more.
 *    Landed offsets never move by it.
 * 2. A touched manifest is rewritten: files that go are DELETED by the new snapshot, the rest is
 *    EXISTING with its original numbers. Manifests without live files are dropped by the next
 *    snapshot, not by this one.
 * 3. The data files themselves are reported for deletion when the last snapshot that holds them
 *    expires.
 */
import * as Effect from 'effect/Effect'
import { decodeValue } from './bounds.ts'
import {
  recordedState,
  type RecordedState,
  type StateError,
  withRemoval
} from './k2-summary.ts'
import {
  encodeManifest,
  entryDeleted,
  entryExisting,
  inherited,
  type ManifestEntry,
  type ManifestHeader
} from './manifest.ts'
import { describeManifest, type ManifestFile } from './manifest-list.ts'
import { liveManifests } from './manifest-merge.ts'
import { currentSchema, specById } from './metadata.ts'
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

/** Removes all rows of UTC days before `beforeDay` (days since 1970); null if there are none. */
export const removeDayPartitions = (
  table: Table,
  beforeDay: number
): Effect.Effect<Committed | null, CommitError | StateError> =>
  Effect.suspend(() =>
    commitSnapshot<null, CommitError | StateError>(table, table.ports.ids.uuid(), (base) =>
      draftRemoval(table, base, beforeDay)
    )
  )

const draftRemoval = Effect.fnUntraced(function* (
  table: Table,
  base: CommitBase,
  beforeDay: number
) {
  const nothing: DraftResult<null> = { done: null }
  if (base.parent === null) return nothing
  const state = yield* attempt<RecordedState, StateError>(() =>
    recordedState(table.name, base.metadata)
  )
  const manifests: ManifestFile[] = []
  const writes: FileToWrite[] = []
  const gone: ManifestEntry[] = []
  for (const manifest of liveManifests(base.manifests)) {
    const header = headerOf(base, manifest)
    const isOld = oldEntry(header, beforeDay)
    const entries = mayHoldOld(header, manifest, beforeDay)
      ? inherited(yield* readManifest(table, manifest), manifest).filter(
          (it) => it.status !== entryDeleted
        )
      : []
    if (!entries.some(isOld)) {
      manifests.push(manifest)
      continue
    }
    gone.push(...entries.filter(isOld))
    const rewritten = rewrite(
      table,
      base,
      header,
      entries.map((it) =>
        isOld(it)
          ? { ...it, status: entryDeleted, snapshot_id: base.ids.snapshotId }
          : { ...it, status: entryExisting }
      )
    )
    manifests.push(rewritten.manifest)
    writes.push(rewritten.file)
  }
  if (gone.length === 0) return nothing
  const result: DraftResult<null> = {
    draft: {
      operation: 'delete',
      manifests,
      writes,
      added: { files: 0, records: 0, bytes: 0 },
      deleted: sizeOf(gone),
      changedPartitionCount: new Set(gone.map((it) => JSON.stringify(it.data_file.partition))).size,
      summary: withRemoval(state)
    }
  }
  return result
})

const headerOf = ({ metadata }: CommitBase, manifest: ManifestFile): ManifestHeader => ({
  schema: currentSchema(metadata),
  specId: manifest.partition_spec_id,
  specFields: specById(metadata, manifest.partition_spec_id).fields
})

const dayIndex = (header: ManifestHeader): number =>
  header.specFields.findIndex((it) => it.transform === 'day')

const mayHoldOld = (header: ManifestHeader, manifest: ManifestFile, beforeDay: number): boolean => {
  if (manifest.content !== 0) return false
  const least = manifest.partitions?.[dayIndex(header)]?.lower_bound
  return least !== null && least !== undefined && Number(decodeValue('date', least)) < beforeDay
}

const oldEntry = (header: ManifestHeader, beforeDay: number) => {
  const name = header.specFields[dayIndex(header)]?.name ?? ''
  return ({ data_file: { partition } }: ManifestEntry): boolean => {
    const day = partition[name]
    return typeof day === 'number' && day < beforeDay
  }
}

const rewrite = (
  table: Table,
  base: CommitBase,
  header: ManifestHeader,
  entries: readonly ManifestEntry[]
): { readonly manifest: ManifestFile; readonly file: FileToWrite } => {
  const uuid = table.ports.ids.uuid()
  const location = `${base.metadata.location}/metadata/${uuid}-retained.avro`
  const bytes = encodeManifest(header, entries, uuidBytes(uuid))
  rememberManifest(table, location, entries)
  return {
    manifest: describeManifest(header, entries, { path: location, length: bytes.length }, base.ids),
    file: { location, bytes }
  }
}

const sizeOf = (entries: readonly ManifestEntry[]): FileCounts => ({
  files: entries.length,
  records: entries.reduce((sum, it) => sum + it.data_file.record_count, 0),
  bytes: entries.reduce((sum, it) => sum + it.data_file.file_size_in_bytes, 0)
})
