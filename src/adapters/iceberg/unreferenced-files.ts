/**
 * Files that a table named before a commit and no longer names after it: the metadata is committed
 * first, files go later and by somebody else (R28).
 *
 * 1. A manifest is named by a connected part of the snapshot tree: a snapshot's manifests are its
 *    parent's or new. So what expired snapshots share with the retained ones shows in main's oldest
 *    retained snapshot and in the exempt ones (tags, branches, the offsets rule), and in no others.
 * 2. A data file dies with the last snapshot that holds it live: the parent of the snapshot whose
 *    manifest has its DELETED entry. Files live in an exempt snapshot stay.
 * 3. A state file goes only when no retained snapshot names it (R10).
 * 4. A commit that took place never fails here: where a file cannot be read, nothing is reported,
 *    and it stays an orphan.
 */
import * as Effect from 'effect/Effect'
import { statePathsOf } from './k2-summary.ts'
import { entryDeleted } from './manifest.ts'
import type { ManifestFile } from './manifest-list.ts'
import { exemptSnapshots } from './metadata-updates.ts'
import { currentSnapshot, lineage, type Snapshot, type TableMetadata } from './metadata.ts'
import { readManifest, readManifestList, stateLocation, type Table } from './table.ts'

export interface RemovedFile {
  readonly location: string
  readonly kind: 'metadata' | 'manifest-list' | 'manifest' | 'data' | 'state'
  readonly reason: 'metadata_log_trimmed' | 'snapshot_expired'
}

export interface MetadataStep {
  readonly after: TableMetadata
  readonly expired: readonly Snapshot[]
  readonly trimmed: readonly string[]
}

export const unreferencedFiles = (
  table: Table,
  step: MetadataStep
): Effect.Effect<readonly RemovedFile[]> => {
  const metadataFiles = step.trimmed.map((location): RemovedFile => ({
    location,
    kind: 'metadata',
    reason: 'metadata_log_trimmed'
  }))
  if (step.expired.length === 0) return Effect.succeed(metadataFiles)
  return expiredFiles(table, step).pipe(
    Effect.map((files) => [...metadataFiles, ...files]),
    Effect.catch((error) => {
      table.ports.observe?.({
        type: 'cleanup.skipped',
        table: table.name,
        count: step.expired.length,
        reason: error.message
      })
      return Effect.succeed(metadataFiles)
    })
  )
}

const expiredFiles = Effect.fnUntraced(function* (table: Table, { after, expired }: MetadataStep) {
  const exempt = exemptSnapshots(after)
  const bordering = [...lineage(after, currentSnapshot(after)).slice(-1), ...exempt]
  const kept = new Set<string>()
  for (const snapshot of bordering) {
    for (const it of yield* readManifestList(table, snapshot)) kept.add(it.manifest_path)
  }
  const manifests = new Set<string>()
  for (const snapshot of expired) {
    for (const it of yield* readManifestList(table, snapshot)) {
      if (!kept.has(it.manifest_path)) manifests.add(it.manifest_path)
    }
  }
  const data = yield* deadDataFiles(table, after, expired, exempt)
  const as =
    (kind: RemovedFile['kind']) =>
    (location: string): RemovedFile => ({ location, kind, reason: 'snapshot_expired' })
  return [
    ...expired.map((it) => it['manifest-list']).map(as('manifest-list')),
    ...[...manifests].map(as('manifest')),
    ...data.map(as('data')),
    ...deadStates(after, expired)
      .map((path) => stateLocation(table, path))
      .map(as('state'))
  ]
})

/** Files deleted by a snapshot whose parent expires now (2). */
const deadDataFiles = Effect.fnUntraced(function* (
  table: Table,
  after: TableMetadata,
  expired: readonly Snapshot[],
  exempt: readonly Snapshot[]
) {
  const gone = new Set(expired.map((it) => it['snapshot-id']))
  const children = [...expired, ...after.snapshots].filter((it) => {
    const parentId = it['parent-snapshot-id']
    return parentId !== undefined && gone.has(parentId)
  })
  const dead = new Set<string>()
  for (const child of children) {
    const deleting = (yield* readManifestList(table, child)).filter(
      (it) => it.added_snapshot_id === child['snapshot-id'] && it.deleted_files_count > 0
    )
    for (const manifest of deleting) {
      for (const entry of yield* readManifest(table, manifest)) {
        if (entry.status === entryDeleted) dead.add(entry.data_file.file_path)
      }
    }
  }
  if (dead.size > 0) for (const snapshot of exempt) yield* keepLiveFiles(table, snapshot, dead)
  return [...dead]
})

const keepLiveFiles = Effect.fnUntraced(function* (
  table: Table,
  snapshot: Snapshot,
  dead: Set<string>
) {
  const live = (it: ManifestFile) => it.added_files_count + it.existing_files_count > 0
  for (const manifest of (yield* readManifestList(table, snapshot)).filter(live)) {
    for (const entry of yield* readManifest(table, manifest)) {
      if (entry.status !== entryDeleted) dead.delete(entry.data_file.file_path)
    }
  }
})

const deadStates = (after: TableMetadata, expired: readonly Snapshot[]): readonly string[] => {
  const candidates = new Set(expired.flatMap(statePathsOf))
  for (const snapshot of after.snapshots.toReversed()) {
    if (candidates.size === 0) break
    for (const path of statePathsOf(snapshot)) candidates.delete(path)
  }
  return [...candidates]
}
