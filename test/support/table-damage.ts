/**
 * Wrong tables, made on purpose: rows that no lander would have written, and data files that were
 * written over. The table stays one that readers open.
 */
import { randomUUID } from 'node:crypto'
import { copyFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import { fieldIdsOf } from '../../src/adapters/duckdb/columns.ts'
import { openParquetWriter } from '../../src/adapters/duckdb/parquet-writer.ts'
import { removeFile, syncToDisk } from '../../src/adapters/disk/folders.ts'
import { tradesSpec } from '../../src/actors/data-types.ts'
import { dataFolder } from '../../src/actors/lander/data-file-store.ts'
import { commitAppend } from '../../src/adapters/iceberg/append.ts'
import type { DataFile } from '../../src/adapters/iceberg/data-file.ts'
import { currentSchema, currentSnapshot } from '../../src/adapters/iceberg/metadata.ts'
import type { Table } from '../../src/adapters/iceberg/table.ts'
import { partitionOf } from '../../src/adapters/log/partitioner.ts'
import { fileLocation } from '../../src/adapters/object-store/local-files.ts'
import type { TradeV2 } from '../../src/market/records/trade-v2.ts'
import { landedTable, landedTopic } from './landed-folder.ts'
import { dataFiles, openTable, runSql } from './warehouse.ts'

type Places = Record<string, Record<string, Record<string, never>>>

export interface ForgedRows {
  /** Offset that the first row pretends to come from. */
  readonly offset: number
  readonly isWrongPartition?: boolean
  /** Partition value of the file, days since 1970; absent: that of its rows. */
  readonly day?: number
}

/** Adds rows in a commit that moves no offset. */
export const commitRows = async (
  root: string,
  trades: readonly TradeV2[],
  { offset, isWrongPartition = false, day }: ForgedRows
): Promise<void> => {
  const table = await landedTable(root)
  const summary = currentSnapshot(table.loaded.metadata)!.summary
  const of = (key: string) => JSON.parse(summary[key]!) as Places
  const [identity = ''] = Object.keys(of('k2.offsets'))
  const count = Number(of('k2.partitions')[identity]![landedTopic])
  const rows = tradesSpec.makeRows()
  const shift = isWrongPartition ? 1 : 0
  trades.forEach((trade, index) => {
    const partition = (partitionOf(trade.symbol, count) + shift) % count
    rows.push(trade, `${identity}/${landedTopic}/${partition}`, offset + index)
  })
  const program = Effect.gen(function* () {
    const writer = yield* openParquetWriter({
      columns: rows.columns,
      fieldIds: fieldIdsOf(currentSchema(table.loaded.metadata)),
      files: { syncFile: syncToDisk, syncDirectory: syncToDisk, remove: removeFile },
      threads: 1,
      memoryBytesMax: 128 * 1_024 ** 2,
      tempDirectory: tmpdir()
    })
    const name = randomUUID()
    const written = yield* writer.write({
      rows,
      directory: dataFolder(table),
      fileName: ({ index }) => `${name}-${index}.parquet`
    })
    const [[partition, nextOffset] = ['0', 0]] = Object.entries(
      of('k2.offsets')[identity]![landedTopic]!
    )
    yield* commitAppend(table, {
      commitId: name,
      dataFiles: written.map((file): DataFile => ({
        location: fileLocation(file.path),
        recordCount: file.recordCount,
        fileSizeBytes: file.fileSizeBytes,
        partition: {
          exchange: file.partition.exchange,
          timestamp_day: day ?? file.partition.day
        },
        columns: file.columns,
        splitOffsets: file.splitOffsets,
        sorted: true
      })),
      advances: [
        {
          logIdentity: identity,
          topic: landedTopic,
          partition: Number(partition),
          fromOffset: nextOffset,
          nextOffset,
          statePath: of('k2.state')[identity]![landedTopic]![partition]!
        }
      ]
    })
  })
  await Effect.runPromise(Effect.scoped(program))
}

/** Replaces every data file by the result of a query over `input`; the manifests stay. */
export const rewriteFiles = async (root: string, sql: string): Promise<void> => {
  const table = await landedTable(root)
  for (const { path } of await dataFiles(openTable(root)!)) {
    const copy = join(tmpdir(), `${randomUUID()}.parquet`)
    try {
      copyFileSync(path, copy)
      await runSql(
        `COPY (WITH input AS (SELECT * FROM read_parquet('${copy}')) ${sql})
         TO '${path}' (FORMAT parquet, FIELD_IDS {${fieldIds(table)}})`
      )
    } finally {
      rmSync(copy, { force: true })
    }
  }
}

/** Of all columns, as `COPY` takes them: readers find columns by these. */
const fieldIds = (table: Table): string =>
  currentSchema(table.loaded.metadata)
    .fields.map(({ name, id, type }) => {
      if (typeof type === 'string' || type.type === 'struct') return `${name}: ${id}`
      const parts =
        type.type === 'list'
          ? `element: ${type['element-id']}`
          : `key: ${type['key-id']}, value: ${type['value-id']}`
      return `${name}: {__duckdb_field_id: ${id}, ${parts}}`
    })
    .join(', ')
