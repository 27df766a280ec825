/**
 * An open table: its current metadata and what was decoded of it, kept in memory because every file
 * is immutable.
 *
 * 1. The catalog is asked for the current version each time, and keeps what did not change.
 * 2. Sequence-state files lie outside the table's location (`<warehouse>/_k2/<table-uuid>/`), where
 *    no foreign orphan removal looks (R10); their paths in `k2.state` are relative to that
 *    directory.
 */
import * as Effect from 'effect/Effect'
import { makeByteCache, type ByteCache } from './byte-cache.ts'
import { type SchemaMismatch, TableMissing, TableUnreadable } from './errors.ts'
import { recordedState, type RecordedState, type StateError } from './k2-summary.ts'
import { decodeManifest, type ManifestEntry } from './manifest.ts'
import { decodeManifestList, type ManifestFile } from './manifest-list.ts'
import { newTableMetadata } from './metadata-updates.ts'
import { currentSchema, type Snapshot } from './metadata.ts'
import {
  tableName,
  type FilesFault,
  type IcebergPorts,
  type TableIdentifier,
  type TableVersion
} from './ports.ts'
import { evolvedSchema } from './schema-evolution.ts'
import { icebergSchemaOf, timeColumn, type AvroRecordSchema, type IcebergSchema } from './schema.ts'
import type { PartitionValue } from './transforms.ts'

export interface TableOptions {
  readonly ports: IcebergPorts
  /** URI of the directory that holds all tables, without a slash at its end. */
  readonly warehouse: string
  readonly identifier: TableIdentifier
  readonly record: AvroRecordSchema
  /** Default: `identity(exchange)`, and the day of the time column. */
  readonly partitioning?: readonly { readonly column: string; readonly transform: string }[]
  /** Default: `symbol`, and the time column. */
  readonly sortColumns?: readonly string[]
  /**
   * Table properties over the defaults: snapshots kept, manifest merging, … Those of an existing
   * table change with this process' next commit.
   */
  readonly properties?: Readonly<Record<string, string>>
  /** Fails with `TableMissing` rather than create the table. */
  readonly mustExist?: boolean
  /** Limit of decoded manifests and of decoded manifest lists in memory, each; default 64 MiB. */
  readonly cacheBytesMax?: number
}

export interface Table {
  readonly name: string
  readonly identifier: TableIdentifier
  readonly ports: IcebergPorts
  readonly warehouse: string
  /** Newest version seen; `refresh` before relying on it. */
  loaded: TableVersion
  readonly lists: ByteCache<readonly ManifestFile[]>
  readonly manifests: ByteCache<readonly ManifestEntry[]>
  /** Properties that every commit of this process sets. */
  readonly properties: Readonly<Record<string, string>>
}

/**
 * Opens a table, or creates it, or gives it the columns that it lacks (R52); two processes may do
 * so at once.
 */
export const openOrCreateTable = Effect.fnUntraced(function* (options: TableOptions) {
  const { ports, identifier } = options
  const schema = icebergSchemaOf(options.record)
  const existing = yield* ports.catalog.load(identifier, null)
  if (existing === null && options.mustExist !== true) yield* createTable(options, schema)
  const loaded = yield* evolved(options, existing ?? (yield* load(ports, identifier, null)))
  const bytesMax = options.cacheBytesMax ?? cacheBytesMaxDefault
  const table: Table = {
    name: tableName(identifier),
    identifier,
    ports,
    warehouse: options.warehouse,
    loaded,
    lists: makeByteCache(bytesMax),
    manifests: makeByteCache(bytesMax),
    properties: options.properties ?? {}
  }
  return table
})

/** Current version of the table. */
export const refresh = Effect.fnUntraced(function* (table: Table) {
  const loaded = yield* load(table.ports, table.identifier, table.loaded)
  table.loaded = loaded
  return loaded
})

/** Offsets, state paths and partition counts that the table records now (R10). */
export const readRecordedState = Effect.fnUntraced(function* (table: Table) {
  const { metadata } = yield* refresh(table)
  return yield* attempt<RecordedState, StateError>(() => recordedState(table.name, metadata))
})

/** Manifests of a snapshot. */
export const readManifestList = Effect.fnUntraced(function* (table: Table, snapshot: Snapshot) {
  const location = snapshot['manifest-list']
  const known = table.lists.get(location)
  if (known !== undefined) return known
  const bytes = yield* readFile(table, location)
  const list = yield* decoded(location, () => decodeManifestList(bytes))
  rememberList(table, location, list)
  return list
})

/** Entries of a manifest as its file has them: what they inherit is still null. */
export const readManifest = Effect.fnUntraced(function* (table: Table, manifest: ManifestFile) {
  const location = manifest.manifest_path
  const known = table.manifests.get(location)
  if (known !== undefined) return known
  const bytes = yield* readFile(table, location)
  const entries = yield* decoded(location, () => decodeManifest(bytes))
  rememberManifest(table, location, entries)
  return entries
})

export const rememberList = (table: Table, location: string, list: readonly ManifestFile[]): void =>
  table.lists.set(location, list, list.length * manifestFileBytes)

export const rememberManifest = (
  table: Table,
  location: string,
  entries: readonly ManifestEntry[]
): void => table.manifests.set(location, entries, entries.length * entryBytes)

/** Writes a partition's sequence state; the result goes into `Advance.statePath`. */
export const writeState = Effect.fnUntraced(function* (
  table: Table,
  partitionKey: string,
  bytes: Uint8Array
) {
  const name = partitionKey.replace(/[^A-Za-z0-9._-]/g, '_')
  const path = `state/${name}-${table.ports.ids.uuid()}.bin`
  yield* table.ports.files
    .writeNew(stateLocation(table, path), bytes)
    .pipe(Effect.mapError(unreadable))
  return path
})

/** Sequence state by its path; missing or unreadable stops the partition (R10). */
export const readState = (table: Table, path: string): Effect.Effect<Uint8Array, TableUnreadable> =>
  readFile(table, stateLocation(table, path))

export const stateLocation = (table: Table, path: string): string =>
  `${table.warehouse}/_k2/${table.loaded.metadata['table-uuid']}/${path}`

/** Directory for data files of a partition: `…/data/exchange=BINANCE/timestamp_day=2024-08-08`. */
export const dataDirectory = (
  table: Table,
  partition: Readonly<Record<string, PartitionValue>>
): string => {
  const parts = Object.entries(partition).map(([name, value]) => {
    const text = name.endsWith('_day') ? dayText(Number(value)) : String(value)
    return `${name}=${encodeURIComponent(text)}`
  })
  return [`${table.loaded.metadata.location}/data`, ...parts].join('/')
}

export interface SnapshotDescription {
  readonly snapshotId: bigint
  readonly parentId: bigint | null
  readonly timestampMs: number
  readonly operation: string
  readonly isCurrent: boolean
  readonly summary: Readonly<Record<string, string>>
}

/** Retained snapshots, newest first. */
export const describeSnapshots = Effect.fnUntraced(function* (table: Table) {
  const { metadata } = yield* refresh(table)
  const current = metadata['current-snapshot-id']
  return metadata.snapshots.toReversed().map((it): SnapshotDescription => {
    const { operation = 'unknown', ...summary } = it.summary
    return {
      snapshotId: it['snapshot-id'],
      parentId: it['parent-snapshot-id'] ?? null,
      timestampMs: it['timestamp-ms'],
      operation,
      isCurrent: it['snapshot-id'] === current,
      summary
    }
  })
})

/**
 * Runs code that throws tagged errors of this folder and turns those into failures; anything else
 * is a defect.
 */
export const attempt = <A, E = never>(run: () => A): Effect.Effect<A, E> =>
  Effect.try({ try: run, catch: (error) => error as E })

export const uuidBytes = (uuid: string): Uint8Array => Buffer.from(uuid.replaceAll('-', ''), 'hex')

const cacheBytesMaxDefault = 64 * 1024 * 1024
/**
 * Estimates: an entry has statistics of 17 columns; a manifest list entry is shared by the lists
 * that hold it.
 */
const entryBytes = 8_192
const manifestFileBytes = 256

const unreadable = (fault: FilesFault): TableUnreadable =>
  new TableUnreadable({
    location: fault.location,
    reason: fault._tag === 'FileMissing' ? 'missing' : fault.message
  })

const readFile = (table: Table, location: string): Effect.Effect<Uint8Array, TableUnreadable> =>
  table.ports.files.read(location).pipe(Effect.mapError(unreadable))

const decoded = <A>(location: string, decode: () => A): Effect.Effect<A, TableUnreadable> =>
  Effect.try({
    try: decode,
    catch: (error) =>
      new TableUnreadable({
        location,
        reason: error instanceof Error ? error.message : String(error)
      })
  })

const load = Effect.fnUntraced(function* (
  ports: IcebergPorts,
  identifier: TableIdentifier,
  known: TableVersion | null
) {
  const version = yield* ports.catalog.load(identifier, known)
  if (version === null) return yield* new TableMissing({ table: tableName(identifier) })
  return version
})

const createTable = Effect.fnUntraced(function* (options: TableOptions, schema: IcebergSchema) {
  const { ports, identifier, warehouse } = options
  const location = `${warehouse}/${identifier.namespace}/${identifier.name}`
  const metadata = newTableMetadata({
    uuid: ports.ids.uuid(),
    location,
    schema,
    partitioning: options.partitioning ?? [
      { column: 'exchange', transform: 'identity' },
      { column: timeColumn(schema), transform: 'day' }
    ],
    sortColumns: options.sortColumns ?? ['symbol', timeColumn(schema)],
    properties: options.properties ?? {},
    nowMs: ports.clockMs()
  })
  // Where another process was first, its table is the table.
  yield* ports.catalog.create(identifier, { metadata, uuid: ports.ids.uuid() })
})

/**
 * The table with a column for every field of the records. A table that is only looked at is
 * checked, and stays as it is.
 */
const evolved = Effect.fnUntraced(function* (options: TableOptions, opened: TableVersion) {
  const { ports, identifier, record, mustExist = false } = options
  const name = tableName(identifier)
  let version = opened
  for (let attempts = 1; attempts <= evolutionsMax; attempts += 1) {
    const { metadata } = version
    const schema = yield* attempt<IcebergSchema | null, SchemaMismatch>(() =>
      evolvedSchema(name, metadata, record)
    )
    if (schema === null || mustExist) return version
    const change = { base: version, schema, nowMs: ports.clockMs(), uuid: ports.ids.uuid() }
    const outcome = yield* ports.catalog.evolve(identifier, change)
    version = yield* load(ports, identifier, null)
    if (outcome === 'evolved') {
      const count = schema.fields.length - currentSchema(metadata).fields.length
      ports.observe?.({ type: 'schema.evolved', table: name, count })
    }
  }
  const reason = `its schema was changed by others ${evolutionsMax} times while it was opened`
  return yield* new TableUnreadable({ location: version.location, reason })
})

/** Other processes that start at the same time, each of which may be first. */
const evolutionsMax = 20

const dayText = (day: number): string => new Date(day * 86_400_000).toISOString().slice(0, 10)
