/**
 * Files below a table that nothing names: left by attempts that were cut off, or by a clean-up that
 * was (R10, R28).
 *
 * 1. A file is an orphan only if it is older than the age guard, which is longer than any commit
 *    takes: what a commit is about to name is younger.
 * 2. The store is listed first, the table is read afterwards: what was committed meanwhile counts
 *    as named.
 * 3. Named is what any retained snapshot names, on main, a branch or a tag: manifest lists,
 *    manifests, live data files, sequence states; and the current metadata, those of its log, and
 *    its statistics files.
 * 4. Where any of that cannot be read there is no answer, and nothing is removed.
 * 5. Locations are compared without scheme, and as written as well as decoded: what another engine
 *    writes in another way (`file:/x`, `s3a://b/x`) counts as named, too.
 * 6. Of files that commits stage beside the pointers of the embedded catalog only those are
 *    looked at that have a staging name.
 */
import * as Effect from 'effect/Effect'
import type { TableMissing, TableUnreadable } from './errors.ts'
import { statePathsOf } from './k2-summary.ts'
import { entryDeleted } from './manifest.ts'
import type { ManifestFile } from './manifest-list.ts'
import type { TableMetadata } from './metadata.ts'
import type { FilesFault } from './ports.ts'
import { readManifest, readManifestList, refresh, stateLocation, type Table } from './table.ts'

export interface StoredFile {
  readonly location: string
  /** Milliseconds since 1970, UTC. */
  readonly modifiedMs: number
  readonly bytes: number
}

/** Lists what is stored below a directory, at any depth; an absent directory is empty. */
export type ListStored = (directory: string) => Effect.Effect<readonly StoredFile[], FilesFault>

export interface OrphanSearch {
  readonly list: ListStored
  /** URI of the table's directory of catalog pointers, where there is one. */
  readonly pointers?: string
  readonly ageMsMin: number
}

/** Orphans now, oldest first. */
export const findOrphans = Effect.fnUntraced(function* (
  table: Table,
  { list, pointers, ageMsMin }: OrphanSearch
): Effect.fn.Return<readonly StoredFile[], FilesFault | TableUnreadable | TableMissing> {
  const listed: StoredFile[] = []
  for (const directory of [table.loaded.metadata.location, stateDirectory(table)]) {
    for (const file of yield* list(directory)) listed.push(file)
  }
  if (pointers !== undefined) {
    for (const file of yield* list(pointers)) if (isStaged(file)) listed.push(file) // (6)
  }
  const newestMs = table.ports.clockMs() - ageMsMin
  const old = listed.filter(({ modifiedMs }) => modifiedMs < newestMs) // (1)
  return yield* stillOrphans(table, old)
})

/** Of candidates those that nothing names now either: to be asked again before they are deleted. */
export const stillOrphans = Effect.fnUntraced(function* (
  table: Table,
  candidates: readonly StoredFile[]
) {
  if (candidates.length === 0) return []
  const { location, metadata } = yield* refresh(table)
  const named = new Set<string>()
  for (const it of yield* namedBy(table, metadata)) for (const form of formsOf(it)) named.add(form)
  for (const form of formsOf(location)) named.add(form)
  return candidates
    .filter((file) => !formsOf(file.location).some((form) => named.has(form)))
    .toSorted((left, right) => left.modifiedMs - right.modifiedMs)
})

const stateDirectory = (table: Table): string => stateLocation(table, 'state')

const isStaged = ({ location }: StoredFile): boolean => location.endsWith('.tmp')

/** (3) */
const namedBy = Effect.fnUntraced(function* (table: Table, metadata: TableMetadata) {
  const named = metadata['metadata-log'].map((it) => it['metadata-file'])
  named.push(...statisticsOf(metadata))
  const manifests = new Map<string, ManifestFile>()
  for (const snapshot of metadata.snapshots) {
    named.push(snapshot['manifest-list'])
    for (const path of statePathsOf(snapshot)) named.push(stateLocation(table, path))
    for (const it of yield* readManifestList(table, snapshot)) manifests.set(it.manifest_path, it)
  }
  for (const [path, manifest] of manifests) {
    named.push(path)
    for (const { status, data_file: file } of yield* readManifest(table, manifest)) {
      if (status !== entryDeleted) named.push(file.file_path)
    }
  }
  return named
})

interface WithStatistics {
  readonly statistics?: readonly { readonly 'statistics-path'?: string }[]
  readonly 'partition-statistics'?: readonly { readonly 'statistics-path'?: string }[]
}

/** Kept as another engine wrote them; K2 writes none. */
const statisticsOf = (metadata: TableMetadata): readonly string[] => {
  const { statistics = [], 'partition-statistics': byPartition = [] } = metadata as WithStatistics
  return [...statistics, ...byPartition].flatMap(({ 'statistics-path': path }) => path ?? [])
}

/** (5) */
const formsOf = (location: string): readonly string[] => {
  const rooted = location
    .replace(/^[a-z][a-z0-9+.-]*:/i, '')
    .replace(/^\/\/localhost(?=\/)/, '')
    .replace(/^\/*/, '/')
  return [rooted, decoded(rooted)]
}

const decoded = (path: string): string => {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
