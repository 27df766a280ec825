/**
 * Changes of table metadata: a new table, and a new snapshot on main with the retention that
 * belongs to it (R27). Pure.
 *
 * 1. Main keeps its newest `snapshotsMax` snapshots. Tagged snapshots, branches, and the newest
 *    ancestor that carries `k2.offsets` stay whatever their age (R10, R27). One commit expires at
 *    most `expiredPerCommitMax`, oldest first.
 * 2. A commit's time never lies before its predecessor's.
 * 3. Expiry removes the entries of the snapshot log up to the last expired one (spec, "Snapshots").
 */
import { offsetsKey } from './k2-summary.ts'
import {
  currentSnapshot,
  lineage,
  snapshotById,
  type PartitionSpec,
  type Snapshot,
  type SortOrder,
  type TableMetadata
} from './metadata.ts'
import type { SchemaChange, TableCommit, TableVersion } from './ports.ts'
import { fieldNamed, lastColumnId, type IcebergSchema } from './schema.ts'

export const snapshotsMaxProperty = 'k2.snapshots-max'
const versionsMaxProperty = 'write.metadata.previous-versions-max'
const deleteOldMetadataProperty = 'write.metadata.delete-after-commit.enabled'
export const mergeCountProperty = 'commit.manifest.min-count-to-merge'
export const targetBytesProperty = 'commit.manifest.target-size-bytes'

const defaultProperties: Readonly<Record<string, string>> = {
  [snapshotsMaxProperty]: '100',
  [versionsMaxProperty]: '100',
  [deleteOldMetadataProperty]: 'true',
  [mergeCountProperty]: '100',
  [targetBytesProperty]: String(8 * 1024 * 1024),
  'write.format.default': 'parquet'
}

/** A whole number of the table's properties, or its default. */
export const numberProperty = (metadata: TableMetadata, key: string): number => {
  const value = Number(metadata.properties[key] ?? defaultProperties[key])
  return Number.isSafeInteger(value) && value > 0 ? value : Number(defaultProperties[key])
}

export interface NewTable {
  readonly uuid: string
  readonly location: string
  readonly schema: IcebergSchema
  readonly partitioning: readonly { readonly column: string; readonly transform: string }[]
  /** Columns that data files are sorted by, ascending. */
  readonly sortColumns: readonly string[]
  /** Over the defaults. */
  readonly properties: Readonly<Record<string, string>>
  readonly nowMs: number
}

export const newTableMetadata = (table: NewTable): TableMetadata => {
  const spec = partitionSpec(table)
  return {
    'format-version': 2,
    'table-uuid': table.uuid,
    location: table.location,
    'last-sequence-number': 0,
    'last-updated-ms': table.nowMs,
    'last-column-id': lastColumnId(table.schema),
    schemas: [table.schema],
    'current-schema-id': table.schema['schema-id'],
    'partition-specs': [spec],
    'default-spec-id': spec['spec-id'],
    'last-partition-id': firstPartitionId - 1 + spec.fields.length,
    'sort-orders': [{ 'order-id': 0, fields: [] }, ...sortOrders(table)],
    'default-sort-order-id': table.sortColumns.length > 0 ? 1 : 0,
    properties: { ...defaultProperties, ...table.properties },
    snapshots: [],
    'snapshot-log': [],
    'metadata-log': [],
    refs: {}
  }
}

export interface SnapshotChange {
  readonly next: TableMetadata
  /** Metadata files that its log no longer names, oldest first. */
  readonly trimmed: readonly string[]
}

/** Metadata after a commit on the version that `base` is. */
export const withSnapshot = (
  { metadata, location }: TableVersion,
  { snapshot, expired, properties }: Omit<TableCommit, 'base' | 'uuid'>
): SnapshotChange => {
  const id = snapshot['snapshot-id']
  const at = snapshot['timestamp-ms']
  const log = [
    ...metadata['metadata-log'],
    { 'metadata-file': location, 'timestamp-ms': metadata['last-updated-ms'] }
  ]
  const grown: TableMetadata = {
    ...withHead(metadata, snapshot),
    properties,
    'last-sequence-number': snapshot['sequence-number'],
    'last-updated-ms': at,
    'snapshot-log': [...metadata['snapshot-log'], { 'snapshot-id': id, 'timestamp-ms': at }]
  }
  const trimCount = Math.max(0, log.length - numberProperty(grown, versionsMaxProperty))
  const next = { ...grown, 'metadata-log': log.slice(trimCount) }
  return {
    next: expired.length === 0 ? next : withoutSnapshots(next, expired),
    trimmed:
      properties[deleteOldMetadataProperty] === 'true'
        ? log.slice(0, trimCount).map((it) => it['metadata-file'])
        : []
  }
}

/** Metadata with another current schema. Its log is trimmed by the next commit. */
export const withSchema = ({ base, schema, nowMs }: SchemaChange): TableMetadata => {
  const { metadata, location } = base
  return {
    ...metadata,
    schemas: [...metadata.schemas, schema],
    'current-schema-id': schema['schema-id'],
    'last-column-id': Math.max(metadata['last-column-id'], lastColumnId(schema)),
    'last-updated-ms': commitTimeMs(metadata, nowMs),
    'metadata-log': [
      ...metadata['metadata-log'],
      { 'metadata-file': location, 'timestamp-ms': metadata['last-updated-ms'] }
    ]
  }
}

/** Snapshots that leave the table when `snapshot` becomes the head of main (1), oldest first. */
export const expiredBy = (metadata: TableMetadata, snapshot: Snapshot): readonly Snapshot[] =>
  expirable(withHead(metadata, snapshot))

const withHead = (metadata: TableMetadata, snapshot: Snapshot): TableMetadata => {
  const id = snapshot['snapshot-id']
  return {
    ...metadata,
    'current-snapshot-id': id,
    snapshots: [...metadata.snapshots, snapshot],
    refs: {
      ...metadata.refs,
      main: { ...metadata.refs['main'], type: 'branch', 'snapshot-id': id }
    }
  }
}

/**
 * Retained snapshots that lie outside main's unbroken newest part: what only a ref or the offsets
 * rule keeps.
 */
export const exemptSnapshots = (metadata: TableMetadata): readonly Snapshot[] => {
  const main = new Set(lineage(metadata, currentSnapshot(metadata)))
  return metadata.snapshots.filter((it) => !main.has(it))
}

/** A commit's time (2). */
export const commitTimeMs = (metadata: TableMetadata, nowMs: number): number =>
  Math.max(nowMs, metadata['last-updated-ms'])

const expiredPerCommitMax = 200
const firstPartitionId = 1_000

const partitionSpec = ({ schema, partitioning }: NewTable): PartitionSpec => ({
  'spec-id': 0,
  fields: partitioning.map(({ column, transform }, index) => ({
    'source-id': fieldNamed(schema, column).id,
    'field-id': firstPartitionId + index,
    name: transform === 'identity' ? column : `${column}_${transform.replace(/\[.*/, '')}`,
    transform
  }))
})

const sortOrders = ({ schema, sortColumns }: NewTable): readonly SortOrder[] =>
  sortColumns.length === 0
    ? []
    : [
        {
          'order-id': 1,
          fields: sortColumns.map((column) => ({
            transform: 'identity',
            'source-id': fieldNamed(schema, column).id,
            direction: 'asc',
            'null-order': 'nulls-first'
          }))
        }
      ]

const expirable = (metadata: TableMetadata): readonly Snapshot[] => {
  const main = lineage(metadata, currentSnapshot(metadata))
  const beyond = main.slice(numberProperty(metadata, snapshotsMaxProperty))
  if (beyond.length === 0) return []
  const kept = keptByRule(metadata, main)
  return beyond
    .filter((it) => !kept.has(it))
    .toReversed()
    .slice(0, expiredPerCommitMax)
}

const keptByRule = (metadata: TableMetadata, main: readonly Snapshot[]): ReadonlySet<Snapshot> => {
  const kept = new Set(
    main.slice(0, main.findIndex((it) => it.summary[offsetsKey] !== undefined) + 1).slice(-1)
  )
  const onMain = new Set(main)
  for (const [name, ref] of Object.entries(metadata.refs)) {
    const head = name === 'main' ? null : snapshotById(metadata, ref['snapshot-id'])
    if (head === null) continue
    kept.add(head)
    // A branch keeps its own part; where it left main, main's rule decides.
    for (const it of lineage(metadata, head))
      if (ref.type === 'branch' && !onMain.has(it)) kept.add(it)
  }
  return kept
}

const withoutSnapshots = (metadata: TableMetadata, expired: readonly Snapshot[]): TableMetadata => {
  const gone = new Set(expired.map((it) => it['snapshot-id']))
  const log = metadata['snapshot-log']
  const lastGone = log.findLastIndex((it) => gone.has(it['snapshot-id']))
  return {
    ...metadata,
    snapshots: metadata.snapshots.filter((it) => !gone.has(it['snapshot-id'])),
    'snapshot-log': log.slice(lastGone + 1)
  }
}
