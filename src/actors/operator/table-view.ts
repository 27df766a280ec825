/**
 * One version of a table with everything that it names, read once for all checks. What cannot be
 * read is a finding and left out of the rest.
 */
import * as Effect from 'effect/Effect'
import type { ManifestFile } from '../../adapters/iceberg/manifest-list.ts'
import { entryDeleted, inherited, type ManifestEntry } from '../../adapters/iceberg/manifest.ts'
import {
  currentSnapshot,
  type Snapshot,
  type TableMetadata
} from '../../adapters/iceberg/metadata.ts'
import {
  readManifest,
  readManifestList,
  refresh,
  type Table
} from '../../adapters/iceberg/table.ts'
import type { Findings } from './doctor-report.ts'

export interface ViewedManifest {
  readonly file: ManifestFile
  readonly entries: readonly ManifestEntry[]
  /** Snapshots whose lists name it. */
  readonly snapshotIds: readonly bigint[]
}

export interface TableView {
  readonly table: Table
  /** Of the metadata file. */
  readonly location: string
  readonly metadata: TableMetadata
  readonly current: Snapshot | null
  /** By snapshot id; of those whose list can be read. */
  readonly lists: ReadonlyMap<bigint, readonly ManifestFile[]>
  /** By path; those that can be read. */
  readonly manifests: ReadonlyMap<string, ViewedManifest>
}

export const viewTable = (
  table: Table,
  findings: { readonly lists: Findings; readonly manifests: Findings }
) =>
  Effect.gen(function* () {
    const { location, metadata } = yield* refresh(table)
    const lists = new Map<bigint, readonly ManifestFile[]>()
    for (const snapshot of metadata.snapshots) {
      const id = snapshot['snapshot-id']
      findings.lists.checked++
      const list = yield* readOr(readManifestList(table, snapshot), (reason) =>
        findings.lists.add(`snapshot ${id}: ${reason}`, [id])
      )
      if (list !== undefined) lists.set(id, list)
    }
    const manifests = new Map<string, ViewedManifest>()
    for (const [path, { file, snapshotIds }] of namedManifests(lists)) {
      findings.manifests.checked++
      const entries = yield* readOr(readManifest(table, file), (reason) =>
        findings.manifests.add(reason, snapshotIds)
      )
      if (entries === undefined) continue
      manifests.set(path, { file, snapshotIds, entries: inherited(entries, file) })
    }
    const current = currentSnapshot(metadata)
    const view: TableView = { table, location, metadata, current, lists, manifests }
    return view
  })

/** Live files of a snapshot. */
export const liveFiles = (view: TableView, snapshotId: bigint): readonly ManifestEntry[] =>
  (view.lists.get(snapshotId) ?? []).flatMap(({ manifest_path: path }) =>
    (view.manifests.get(path)?.entries ?? []).filter(({ status }) => status !== entryDeleted)
  )

/** Reads, or tells why that is not possible. */
export const readOr = <A, E extends { readonly message: string }>(
  reading: Effect.Effect<A, E>,
  tell: (reason: string) => void
): Effect.Effect<A | undefined> =>
  Effect.match(reading, {
    onSuccess: (value): A | undefined => value,
    onFailure: ({ message }) => {
      tell(message)
      return undefined
    }
  })

const namedManifests = (lists: ReadonlyMap<bigint, readonly ManifestFile[]>) => {
  const named = new Map<string, { file: ManifestFile; snapshotIds: bigint[] }>()
  for (const [id, list] of lists) {
    for (const file of list) {
      const known = named.get(file.manifest_path)
      if (known === undefined) named.set(file.manifest_path, { file, snapshotIds: [id] })
      else known.snapshotIds.push(id)
    }
  }
  return named
}
