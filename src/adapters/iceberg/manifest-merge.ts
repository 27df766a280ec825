/**
 * Merging of manifests, so that a snapshot's list stays short (spec, "Manifests"; R27).
 *
 * 1. It begins when the list has `commit.manifest.min-count-to-merge` manifests, and takes the
 *    newest ones of the current partition spec, as long as each is at most twice what has been
 *    gathered, up to the target size: an entry is rewritten a logarithmic number of times, so
 *    merging stays cheap however large the table is.
 * 2. Entries keep their original snapshot ids and sequence numbers: ADDED of older snapshots
 *    becomes EXISTING; DELETED of older snapshots is left out.
 * 3. Deletes manifests and manifests of other specs are left as they are.
 */
import * as Effect from 'effect/Effect'
import {
  encodeManifest,
  entryDeleted,
  entryExisting,
  inherited,
  type ManifestEntry,
  type ManifestHeader
} from './manifest.ts'
import { describeManifest, type ManifestFile } from './manifest-list.ts'
import { mergeCountProperty, numberProperty, targetBytesProperty } from './metadata-updates.ts'
import type { CommitBase, FileToWrite } from './snapshot-commit.ts'
import { readManifest, rememberManifest, uuidBytes, type Table } from './table.ts'

interface MergeResult {
  readonly manifests: readonly ManifestFile[]
  readonly writes: readonly FileToWrite[]
}

/** Manifests of older snapshots that a new snapshot still needs: those with live files. */
export const liveManifests = (manifests: readonly ManifestFile[]): readonly ManifestFile[] =>
  manifests.filter((it) => it.added_files_count + it.existing_files_count > 0)

/** `manifests` are all of older snapshots, oldest first. */
export const mergeManifests = Effect.fnUntraced(function* (
  table: Table,
  base: CommitBase,
  header: ManifestHeader,
  manifests: readonly ManifestFile[]
) {
  const chosen = chooseManifests(base, header, manifests)
  const unchanged: MergeResult = { manifests, writes: [] }
  if (chosen.size < 2) return unchanged
  const entries: ManifestEntry[] = []
  for (const manifest of chosen) {
    for (const entry of inherited(yield* readManifest(table, manifest), manifest)) {
      if (entry.status !== entryDeleted) entries.push({ ...entry, status: entryExisting })
    }
  }
  const uuid = table.ports.ids.uuid()
  const location = `${base.metadata.location}/metadata/${uuid}-merged.avro`
  const bytes = encodeManifest(header, entries, uuidBytes(uuid))
  rememberManifest(table, location, entries)
  table.ports.observe?.({ type: 'commit.merged_manifests', table: table.name, count: chosen.size })
  const merged = describeManifest(
    header,
    entries,
    { path: location, length: bytes.length },
    base.ids
  )
  const result: MergeResult = {
    manifests: [...manifests.filter((it) => !chosen.has(it)), merged],
    writes: [{ location, bytes }]
  }
  return result
})

/** Oldest first, as they stand in the list. */
const chooseManifests = (
  { metadata }: CommitBase,
  header: ManifestHeader,
  manifests: readonly ManifestFile[]
): ReadonlySet<ManifestFile> => {
  if (manifests.length + 1 < numberProperty(metadata, mergeCountProperty)) return new Set()
  const bytesMax = numberProperty(metadata, targetBytesProperty)
  const chosen: ManifestFile[] = []
  let [files, bytes] = [0, 0]
  for (const manifest of manifests.toReversed()) {
    if (manifest.content !== 0 || manifest.partition_spec_id !== header.specId) continue
    const liveFiles = manifest.added_files_count + manifest.existing_files_count
    if (
      bytes + manifest.manifest_length > bytesMax ||
      liveFiles > Math.max(2 * files, smallFilesMax)
    )
      break
    chosen.unshift(manifest)
    files += liveFiles
    bytes += manifest.manifest_length
  }
  return new Set(chosen)
}

/** Manifests of so few files are always worth merging. */
const smallFilesMax = 32
