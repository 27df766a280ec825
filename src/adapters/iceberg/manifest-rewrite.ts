/**
 * Manifests of a commit that takes data files out of a table and puts others in.
 *
 * 1. A touched manifest is rewritten: its other files are EXISTING with their own numbers, in one
 *    manifest with those of the other touched ones; the replaced ones are DELETED in a manifest of
 *    their own, which the next snapshot drops.
 * 2. What an attempt has written is reused by the next if the touched manifests are the same.
 */
import * as Effect from 'effect/Effect'
import { dataFileEntry, type DataFile } from './data-file.ts'
import { invariant } from './errors.ts'
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
import { currentSchema, defaultSpec } from './metadata.ts'
import type { CommitBase, FileToWrite } from './snapshot-commit.ts'
import type { FileCounts } from './snapshot-summary.ts'
import { readManifest, rememberManifest, uuidBytes, type Table } from './table.ts'

export interface FileExchange {
  /** Locations of the files that go. */
  readonly replaced: readonly string[]
  readonly dataFiles: readonly DataFile[]
  /**
   * Whether new files have the data sequence number of the newest that they replace, as those have
   * that hold the same rows; else that of the snapshot.
   */
  readonly keepsSequence: boolean
}

/** Entries of the manifests that hold a replaced file, and the files that none holds. */
export const findReplaced = Effect.fnUntraced(function* (
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

export interface Written {
  readonly header: ManifestHeader
  readonly entries: readonly ManifestEntry[]
  /** null: no entries, no manifest. */
  readonly file: FileToWrite | null
}

/** Of the manifest list; none where there is nothing in it. */
export const described = (written: Written, base: CommitBase): readonly ManifestFile[] =>
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

interface Rewritten {
  readonly kept: readonly Written[]
  readonly deleted: Written
  readonly added: Written
}

type Touched = ReadonlyMap<ManifestFile, readonly ManifestEntry[]>
export type Rewrite = (base: CommitBase, touched: Touched) => Rewritten

/** About the target size of a manifest. */
const entriesMax = 8_192

export const makeRewrite = (table: Table, exchange: FileExchange): Rewrite => {
  const { replaced } = exchange
  let made: { readonly key: string; readonly value: Rewritten } | null = null
  const names = new Set(replaced)
  return (base, touched) => {
    const key = JSON.stringify([...touched.keys()].map((it) => it.manifest_path).sort())
    if (made?.key === key) return made.value // (2)
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
      added: write('compacted', addedEntries(base, header, going, exchange))
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
  { dataFiles, keepsSequence }: FileExchange
): readonly ManifestEntry[] => {
  const newest = going.reduce((most, it) => Math.max(most, it.sequence_number ?? 0), 0)
  const sequence = keepsSequence ? newest : null
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

export const sizeOf = (entries: readonly ManifestEntry[]): FileCounts => ({
  files: entries.length,
  records: entries.reduce((sum, it) => sum + it.data_file.record_count, 0),
  bytes: entries.reduce((sum, it) => sum + it.data_file.file_size_in_bytes, 0)
})
