/** The stages that write the table: Parquet files of one commit, and the commit of given files. */
import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import * as Effect from 'effect/Effect'
import { dataFolder, localDataFiles } from '../src/actors/lander/data-file-store.ts'
import {
  type LandedFiles,
  makeIcebergLandingTable
} from '../src/actors/lander/iceberg-landing-table.ts'
import type { PartitionAdvance } from '../src/actors/lander/lander-ports.ts'
import { tradesSpec } from '../src/actors/data-types.ts'
import { dataFolderAt, openTable } from '../src/actors/storage/data-folder.ts'
import { removeFile, syncToDisk } from '../src/adapters/disk/folders.ts'
import { fieldIdsOf } from '../src/adapters/duckdb/columns.ts'
import { openParquetWriter } from '../src/adapters/duckdb/parquet-writer.ts'
import type { DataFile } from '../src/adapters/iceberg/data-file.ts'
import { currentSchema } from '../src/adapters/iceberg/metadata.ts'
import type { BenchContext } from './context.ts'
import type { Rows } from './hot-path.ts'
import { defaults, logIdentity, topic } from './landing.ts'
import { partitionCount } from './market.ts'
import type { Measures } from './report.ts'
import { percentile } from './statistics.ts'

const commits = 100

export const measureTableStages = async (
  context: BenchContext,
  measures: Measures,
  rows: Rows
): Promise<void> => {
  for (let run = 0; run <= context.runs; run += 1) {
    const folder = await context.workspace.folder('table')
    const result = await Effect.runPromise(Effect.scoped(runOnce(folder, rows)))
    await context.workspace.discard(folder)
    if (run === 0) continue // warms up
    measures.add('Parquet', 'records/s', rows.length / result.parquetSeconds)
    measures.add('Parquet, bytes per row', 'bytes', result.bytes / rows.length)
    const { commitMs, files } = result
    measures.add(`commit of ${files} given files, p50`, 'ms', percentile(commitMs, 0.5))
    measures.add(`commit of ${files} given files, p99`, 'ms', percentile(commitMs, 0.99))
  }
  context.progress('stages Parquet and commit done')
}

const runOnce = Effect.fnUntraced(function* (dataDir: string, rows: Rows) {
  const folder = dataFolderAt(dataDir)
  yield* Effect.promise(() => mkdir(folder.temporary, { recursive: true }))
  const table = yield* openTable(tradesSpec, {
    folder,
    storage: {},
    snapshotsMax: defaults.snapshotsMax,
    nowMs: Date.now,
    uuid: randomUUID,
    observe: () => undefined
  })
  yield* Effect.promise(() => mkdir(dataFolder(table), { recursive: true }))
  const writer = yield* openParquetWriter({
    columns: rows.columns,
    fieldIds: fieldIdsOf(currentSchema(table.loaded.metadata)),
    files: { syncFile: syncToDisk, syncDirectory: syncToDisk, remove: removeFile },
    threads: 1, // as the lander has it
    memoryBytesMax: defaults.duckdbBytesMax,
    tempDirectory: folder.temporary
  })
  const landing = makeIcebergLandingTable({
    table,
    writer,
    dataFiles: localDataFiles(table, writer.sync),
    logIdentity,
    topic,
    partitionCount,
    onRemoved: () => undefined
  })
  const startedMs = performance.now()
  const { dataFiles, sync } = yield* landing.writeRows(rows, randomUUID())
  yield* sync
  const parquetSeconds = (performance.now() - startedMs) / 1_000
  const commitMs: number[] = []
  for (let index = 0; index < commits; index += 1) {
    const commitId = randomUUID()
    const attempt = { commitId, files: renamed(dataFiles, commitId), advances: advancesOf(index) }
    const cutMs = performance.now()
    const outcome = yield* landing.commit(attempt)
    commitMs.push(performance.now() - cutMs)
    if (outcome.kind !== 'landed') throw new Error(`a commit was ${outcome.kind}`)
  }
  const bytes = dataFiles.reduce((sum, { fileSizeBytes }) => sum + fileSizeBytes, 0)
  return { parquetSeconds, bytes, commitMs, files: dataFiles.length }
})

/** A commit does not open its data files, so the same ones serve under names of their own. */
const renamed = (files: readonly DataFile[], commitId: string): LandedFiles => ({
  dataFiles: files.map((file, index) => ({
    ...file,
    location: `${file.location}.${commitId}-${index}`
  })),
  sync: Effect.void
})

const advanceRecords = 32_768

const advancesOf = (index: number): readonly PartitionAdvance[] =>
  Array.from({ length: partitionCount }, (_, partition) => ({
    partition,
    fromOffset: index === 0 ? null : index * advanceRecords,
    nextOffset: (index + 1) * advanceRecords,
    statePath: `state/${topic}-${partition}-${index}.bin`
  }))
