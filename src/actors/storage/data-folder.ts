/** Where things lie in the data folder. One place, since main thread and workers must agree. */
import { join, resolve } from 'node:path'
import { makeEmbeddedCatalog } from '../../adapters/iceberg/embedded-catalog.ts'
import { snapshotsMaxProperty } from '../../adapters/iceberg/metadata-updates.ts'
import type { IcebergEvent, TableIdentifier } from '../../adapters/iceberg/ports.ts'
import type { AvroRecordSchema } from '../../adapters/iceberg/schema.ts'
import { openOrCreateTable } from '../../adapters/iceberg/table.ts'
import { fileLocation, makeLocalFiles } from '../../adapters/object-store/local-files.ts'

export interface DataFolder {
  readonly root: string
  readonly log: string
  readonly warehouse: string
  readonly deadLetters: string
  /** Where DuckDB spills what exceeds its memory. */
  readonly temporary: string
}

export const dataFolderAt = (path: string): DataFolder => {
  const root = resolve(path)
  return {
    root,
    log: join(root, 'log'),
    warehouse: join(root, 'warehouse'),
    deadLetters: join(root, 'dead-letters'),
    temporary: join(root, 'tmp')
  }
}

export interface TableContext {
  readonly folder: DataFolder
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

const catalogDirectory = (folder: DataFolder): string =>
  `${fileLocation(folder.warehouse)}/_catalog`

/** Where the embedded catalog keeps a table's pointers, as a URI. */
export const pointerDirectory = (
  folder: DataFolder,
  { namespace, name }: TableIdentifier
): string => `${catalogDirectory(folder)}/${namespace}/${name}`

/** A table of the namespace `market` in the embedded catalog, made when there is none. */
export const openTable = (
  { name, schema }: TableSpec,
  { folder, snapshotsMax, nowMs, uuid, observe, mustExist = false }: TableContext
) => {
  const warehouse = fileLocation(folder.warehouse)
  const files = makeLocalFiles()
  return openOrCreateTable({
    ports: {
      files,
      catalog: makeEmbeddedCatalog({
        files,
        pointerFiles: files,
        directory: catalogDirectory(folder)
      }),
      ids: { uuid },
      clockMs: nowMs,
      observe
    },
    warehouse,
    identifier: { namespace: 'market', name },
    record: schema,
    mustExist,
    properties: { [snapshotsMaxProperty]: String(snapshotsMax) }
  })
}
