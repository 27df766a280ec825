/** Where things lie in the data folder. One place, since main thread and workers must agree. */
import { join, resolve } from 'node:path'
import * as Effect from 'effect/Effect'
import { snapshotsMaxProperty } from '../../adapters/iceberg/metadata-updates.ts'
import type { IcebergEvent, TableIdentifier } from '../../adapters/iceberg/ports.ts'
import type { AvroRecordSchema } from '../../adapters/iceberg/schema.ts'
import { openOrCreateTable } from '../../adapters/iceberg/table.ts'
import { openStores, pointersDirectory, type StorageSettings, type Stores } from './stores.ts'

export interface DataFolder {
  readonly root: string
  readonly log: string
  /** The event log of what `k2 load` brings beside a K2 that runs. */
  readonly loadLog: string
  readonly spool: string
  /** Schemas that records of log and spool were written with. */
  readonly schemas: string
  readonly warehouse: string
  readonly deadLetters: string
  /** Where DuckDB spills what exceeds its memory. */
  readonly temporary: string
  /** What the log has beyond the tables, as files for a statement of SQL each. */
  readonly sqlTails: string
  /** Data files on their way to the object store. */
  readonly staging: string
  /** Copies of data files that the object store has. */
  readonly copies: string
}

export const dataFolderAt = (path: string): DataFolder => {
  const root = resolve(path)
  return {
    root,
    log: join(root, 'log'),
    loadLog: join(root, 'load-log'),
    spool: join(root, 'spool'),
    schemas: join(root, 'schemas'),
    warehouse: join(root, 'warehouse'),
    deadLetters: join(root, 'dead-letters'),
    temporary: join(root, 'tmp'),
    sqlTails: join(root, 'tmp', 'sql-tails'),
    staging: join(root, 'staging'),
    copies: join(root, 'copies')
  }
}

export interface TableContext {
  readonly folder: DataFolder
  readonly storage: StorageSettings
  /** Snapshots of a new table that stay readable. */
  readonly snapshotsMax: number
  readonly nowMs: () => number
  readonly uuid: () => string
  readonly observe: (event: IcebergEvent) => void
  /** Fails with `TableMissing` rather than make the table. */
  readonly mustExist?: boolean
}

export interface TableSpec {
  readonly name: string
  /** Of its records. */
  readonly schema: AvroRecordSchema
}

/** Where the embedded catalog keeps a table's pointers, as a URI. */
export const pointerDirectory = (
  folder: DataFolder,
  { namespace, name }: TableIdentifier
): string => `${pointersDirectory(folder)}/${namespace}/${name}`

/** A table of the namespace `market`, made when there is none. */
export const openTable = (spec: TableSpec, context: TableContext) =>
  Effect.flatMap(
    openStores(context.storage, context.folder, context.nowMs),
    (stores) => openTableIn(stores, spec, context)
  )

/** The same in stores that are open. */
export const openTableIn = (
  { files, catalog, warehouse }: Stores,
  { name, schema }: TableSpec,
  { snapshotsMax, nowMs, uuid, observe, mustExist = false }: Omit<TableContext, 'storage'>
) =>
  openOrCreateTable({
    ports: { files, catalog, ids: { uuid }, clockMs: nowMs, observe },
    warehouse,
    identifier: { namespace: 'market', name },
    record: schema,
    mustExist,
    properties: { [snapshotsMaxProperty]: String(snapshotsMax) }
  })
