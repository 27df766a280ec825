/**
 * Holds a table's metadata, manifest lists and manifests against each other and against the files
 * that they name (spec, "Snapshots", "Manifests"). No data file is opened.
 */
import * as Effect from 'effect/Effect'
import { decodeValue } from '../../adapters/iceberg/bounds.ts'
import {
  entryAdded,
  entryDeleted,
  entryExisting,
  type ManifestEntry,
  partitionType
} from '../../adapters/iceberg/manifest.ts'
import { currentSchema, specById } from '../../adapters/iceberg/metadata.ts'
import type { Findings } from './doctor-report.ts'
import { liveFiles, readOr, type TableView, type ViewedManifest } from './table-view.ts'

const concurrency = 8

/** Snapshots, refs and the metadata log. */
export const checkMetadata = (view: TableView, findings: Findings) =>
  Effect.gen(function* () {
    const { metadata, table } = view
    const byId = new Map(metadata.snapshots.map((it) => [it['snapshot-id'], it]))
    findings.checked = 1 + metadata['metadata-log'].length
    for (const [name, ref] of Object.entries(metadata.refs)) {
      if (!byId.has(ref['snapshot-id']))
        findings.add(`ref ${name} names snapshot ${ref['snapshot-id']}, which is not retained`)
    }
    for (const snapshot of metadata.snapshots) {
      const parentId = snapshot['parent-snapshot-id']
      const parent = parentId === undefined ? undefined : byId.get(parentId)
      const { 'snapshot-id': id, 'sequence-number': sequence } = snapshot
      if (parent !== undefined && parent['sequence-number'] >= sequence)
        findings.add(`snapshot ${id} has a sequence number no higher than its parent's`)
      if (sequence > metadata['last-sequence-number'])
        findings.add(`snapshot ${id} has sequence number ${sequence}, beyond the table's last`)
    }
    for (const { 'metadata-file': location } of metadata['metadata-log']) {
      const bytes = yield* readOr(table.ports.files.size(location), (reason) =>
        findings.add(reason)
      )
      if (bytes === null) findings.add(`${location}: named by the metadata log, missing`)
    }
  })

/** Sizes, counts and partition ranges of manifests, as the lists that name them tell. */
export const checkManifests = (view: TableView, findings: Findings) =>
  Effect.forEach(
    view.manifests,
    ([path, viewed]) =>
      Effect.gen(function* () {
        const { file, entries, snapshotIds } = viewed
        const bytes = yield* readOr(view.table.ports.files.size(path), (reason) =>
          findings.add(reason, snapshotIds)
        )
        if (bytes !== undefined && bytes !== file.manifest_length)
          findings.add(
            `${path}: ${bytes} bytes, its list says ${file.manifest_length}`,
            snapshotIds
          )
        for (const [what, said, counted] of countsOf(viewed)) {
          if (said !== counted)
            findings.add(`${path}: ${counted} ${what}, its list says ${said}`, snapshotIds)
        }
        for (const text of outsideOfRanges(view, viewed)) findings.add(`${path}: ${text}`)
        for (const { data_file: data } of entries) {
          if (data.content !== 0) findings.add(`${data.file_path}: deletes are not supported`)
        }
      }),
    { concurrency, discard: true }
  )

/** What a snapshot's summary says in total, against its manifests; no file live twice. */
export const checkTotals = (view: TableView, findings: Findings): void => {
  for (const snapshot of view.metadata.snapshots) {
    const id = snapshot['snapshot-id']
    const list = view.lists.get(id)
    if (list === undefined || list.some((it) => !view.manifests.has(it.manifest_path))) continue
    findings.checked++
    const live = liveFiles(view, id).map((it) => it.data_file)
    const totals: readonly (readonly [string, number])[] = [
      ['total-records', sum(live, (it) => it.record_count)],
      ['total-data-files', live.length],
      ['total-files-size', sum(live, (it) => it.file_size_in_bytes)]
    ]
    for (const [key, counted] of totals) {
      const said = snapshot.summary[key]
      if (said !== undefined && said !== String(counted))
        findings.add(`snapshot ${id}: ${key} is ${said}, its manifests hold ${counted}`)
    }
    const paths = new Set(live.map((it) => it.file_path))
    if (paths.size !== live.length)
      findings.add(`snapshot ${id}: ${live.length - paths.size} data files are live twice`)
  }
}

/** Every data file that a retained snapshot holds live exists with its recorded size. */
export const checkDataFiles = (view: TableView, findings: Findings) =>
  Effect.gen(function* () {
    const named = namedFiles(view)
    findings.checked = named.size
    yield* Effect.forEach(
      named,
      ([location, { bytes: recorded, snapshotIds }]) =>
        Effect.gen(function* () {
          const bytes = yield* readOr(view.table.ports.files.size(location), (reason) =>
            findings.add(reason, [...snapshotIds])
          )
          if (bytes === undefined || bytes === recorded) return
          const what = bytes === null ? 'missing' : `${bytes} bytes`
          findings.add(`${location}: ${what}, recorded are ${recorded} bytes`, [...snapshotIds])
        }),
      { concurrency, discard: true }
    )
  })

/** Data files that are live in some retained snapshot. */
const namedFiles = (view: TableView) => {
  const named = new Map<string, { readonly bytes: number; readonly snapshotIds: Set<bigint> }>()
  for (const { entries, snapshotIds } of view.manifests.values()) {
    for (const { status, data_file: data } of entries) {
      if (status === entryDeleted) continue
      const known = named.get(data.file_path)
      if (known === undefined)
        named.set(data.file_path, {
          bytes: data.file_size_in_bytes,
          snapshotIds: new Set(snapshotIds)
        })
      else for (const id of snapshotIds) known.snapshotIds.add(id)
    }
  }
  return named
}

const countsOf = ({
  file,
  entries
}: ViewedManifest): readonly (readonly [what: string, said: number, counted: number])[] => {
  const of = (status: number) => entries.filter((it) => it.status === status)
  const rows = (found: readonly ManifestEntry[]) => sum(found, (it) => it.data_file.record_count)
  const [added, existing, deleted] = [of(entryAdded), of(entryExisting), of(entryDeleted)]
  return [
    ['added files', file.added_files_count, added.length],
    ['existing files', file.existing_files_count, existing.length],
    ['deleted files', file.deleted_files_count, deleted.length],
    ['added rows', file.added_rows_count, rows(added)],
    ['existing rows', file.existing_rows_count, rows(existing)],
    ['deleted rows', file.deleted_rows_count, rows(deleted)]
  ]
}

/** A reader skips a manifest by these ranges: what lies outside of them is invisible. */
const outsideOfRanges = (
  { metadata }: TableView,
  { file, entries }: ViewedManifest
): readonly string[] => {
  const schema = currentSchema(metadata)
  return specById(metadata, file.partition_spec_id).fields.flatMap((field, index) => {
    const range = file.partitions?.[index]
    if (range === undefined) return []
    const type = partitionType(schema, field)
    const [lower, upper] = [range.lower_bound, range.upper_bound].map((bytes) =>
      bytes === null ? null : decodeValue(type, bytes)
    )
    const isOutside = entries.some(({ data_file: data }) => {
      const value = data.partition[field.name] ?? null
      if (value === null) return !range.contains_null
      return (
        (lower !== null && lower !== undefined && value < lower) ||
        (upper !== null && upper !== undefined && value > upper)
      )
    })
    return isOutside ? [`a file's ${field.name} is outside of the range in the list`] : []
  })
}

const sum = <A>(items: readonly A[], of: (item: A) => number): number =>
  items.reduce((total, item) => total + of(item), 0)
