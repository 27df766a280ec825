/** Opens what a run of compaction works with, and runs it: in a thread, a test or a command. */
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import { emptyFolder, makeFolder, removeFile, syncToDisk } from '../../adapters/disk/folders.ts'
import {
  type AvroRecord,
  type Column,
  columnsOfTable,
  type ColumnUnsupported,
  fieldIdsOf
} from '../../adapters/duckdb/columns.ts'
import { openParquetRewriter } from '../../adapters/duckdb/parquet-rewriter.ts'
import { type AvroRecordSchema, timeColumn } from '../../adapters/iceberg/schema.ts'
import { currentSchema } from '../../adapters/iceberg/metadata.ts'
import { attempt } from '../../adapters/iceberg/table.ts'
import { openDataFileStore } from '../lander/data-file-store.ts'
import { openLocalCopies } from '../reading/local-copies.ts'
import { openTableIn, type TableContext } from '../storage/data-folder.ts'
import { openStores } from '../storage/stores.ts'
import { type CompactionPorts, runCompaction } from './compaction.ts'

export interface CompactionSetup
  extends Omit<TableContext, 'observe'>, Pick<CompactionPorts, 'observe' | 'onRemoved'> {
  readonly duckdbBytesMax: number
  /** Of copies of files that are in the object store. */
  readonly copiesBytesMax: number
  /** Groups of the run, at most. */
  readonly groupsMax: number
}

export const compactTable = Effect.fnUntraced(function* (
  spec: { readonly name: string; readonly schema: AvroRecordSchema & AvroRecord },
  setup: CompactionSetup
) {
  const { folder, nowMs, uuid, observe, onRemoved } = setup
  yield* makeFolder(folder.temporary)
  const stores = yield* openStores(setup.storage, folder, nowMs)
  const table = yield* openTableIn(stores, spec, { ...setup, observe: () => undefined })
  // What a run reads once is not to push out what queries read again and again.
  const inputs = join(folder.temporary, `compaction-${spec.name}-inputs`)
  yield* emptyFolder(inputs)
  const copies = yield* openLocalCopies(
    stores,
    { ...folder, copies: inputs },
    setup.copiesBytesMax
  )
  const schema = currentSchema(table.loaded.metadata)
  const rewriter = yield* openParquetRewriter({
    // All that the table has: a newer K2 may have given it more than our records have.
    columns: yield* attempt<readonly Column[], ColumnUnsupported>(() =>
      columnsOfTable(table.name, schema)
    ),
    timeColumn: timeColumn(schema),
    fieldIds: fieldIdsOf(schema),
    files: { syncFile: syncToDisk, syncDirectory: syncToDisk, remove: removeFile },
    memoryBytesMax: setup.duckdbBytesMax,
    // Two DuckDBs must not spill into one folder.
    tempDirectory: join(folder.temporary, `compaction-${spec.name}`)
  })
  const store = yield* openDataFileStore({
    table,
    stores,
    folder,
    writer: 'compaction',
    keepsCopies: false,
    sync: rewriter.sync
  })
  return yield* runCompaction(
    {
      table,
      schemaId: schema['schema-id'],
      rewriter,
      store,
      copies,
      nowMs,
      uuid,
      observe,
      onRemoved
    },
    setup.groupsMax
  )
})
