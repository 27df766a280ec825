/** Opens what a run of compaction works with, and runs it: in a thread, a test or a command. */
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import { makeFolder, removeFile, syncToDisk } from '../../adapters/disk/folders.ts'
import { type AvroRecord, columnsOf, fieldIdsOf } from '../../adapters/duckdb/columns.ts'
import { openParquetRewriter } from '../../adapters/duckdb/parquet-rewriter.ts'
import type { AvroRecordSchema } from '../../adapters/iceberg/schema.ts'
import { currentSchema } from '../../adapters/iceberg/metadata.ts'
import { fileLocation } from '../../adapters/object-store/local-files.ts'
import { dataFolder } from '../lander/iceberg-landing-table.ts'
import { openTable, type TableContext } from '../storage/data-folder.ts'
import { type CompactionPorts, runCompaction } from './compaction.ts'

export interface CompactionSetup
  extends Omit<TableContext, 'observe'>, Pick<CompactionPorts, 'observe' | 'onRemoved'> {
  readonly duckdbBytesMax: number
  /** Groups of the run, at most. */
  readonly groupsMax: number
}

export const compactTable = Effect.fnUntraced(function* (
  spec: { readonly name: string; readonly schema: AvroRecordSchema & AvroRecord },
  setup: CompactionSetup
) {
  const { folder, nowMs, uuid, observe, onRemoved } = setup
  yield* makeFolder(folder.temporary)
  const table = yield* openTable(spec, { ...setup, observe: () => undefined })
  yield* makeFolder(dataFolder(table))
  const rewriter = yield* openParquetRewriter({
    columns: columnsOf(spec.schema),
    fieldIds: fieldIdsOf(currentSchema(table.loaded.metadata)),
    files: { syncFile: syncToDisk, syncDirectory: syncToDisk, remove: removeFile },
    memoryBytesMax: setup.duckdbBytesMax,
    // Two DuckDBs must not spill into one folder.
    tempDirectory: join(folder.temporary, `compaction-${spec.name}`)
  })
  return yield* runCompaction(
    {
      table,
      rewriter,
      pathOf: (name) => join(dataFolder(table), name),
      locationOf: fileLocation,
      nowMs,
      uuid,
      observe,
      onRemoved
    },
    setup.groupsMax
  )
})
