/** Tables as they are now, read beside the run: nothing takes time, and no process is asked. */
import { fileURLToPath } from 'node:url'
import * as Effect from 'effect/Effect'
import type { TableSpec } from '../../src/actors/storage/data-folder.ts'
import { currentSnapshot } from '../../src/adapters/iceberg/metadata.ts'
import {
  openOrCreateTable,
  readManifest,
  readManifestList,
  type Table
} from '../../src/adapters/iceberg/table.ts'
import { Broken } from './broken.ts'
import type { Environment } from './environment.ts'
import { embeddedCatalog, storeFiles, storesOf } from './stores.ts'

/** A table as it is now, read beside the run. */
export const peekTable = (
  environment: Environment,
  { name, schema }: TableSpec
): Effect.Effect<Table, unknown> => {
  const files = storeFiles(environment.machine.peek())
  const { catalog, warehouse } = storesOf(files, embeddedCatalog(files))
  return openOrCreateTable({
    ports: { files, catalog, ids: { uuid: () => '' }, clockMs: () => 0 },
    warehouse,
    identifier: { namespace: 'market', name },
    record: schema,
    mustExist: true
  })
}

/** All rows of a table, by a reader of its data files. */
export const readFiles = async <A>(
  table: Table,
  readFile: (path: string) => Promise<readonly A[]>
): Promise<readonly A[]> => {
  const current = currentSnapshot(table.loaded.metadata)
  if (current === null) return []
  const rows: A[] = []
  for (const manifest of await Effect.runPromise(readManifestList(table, current))) {
    for (const { status, data_file: file } of await Effect.runPromise(
      readManifest(table, manifest)
    )) {
      if (status === 2) continue
      const own = await readFile(fileURLToPath(file.file_path))
      if (own.length !== file.record_count) throw new Broken(`${file.file_path} is not whole`)
      rows.push(...own)
    }
  }
  return rows
}
