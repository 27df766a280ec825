/** Opens a writer over a fresh directory with the real file system behind its port. */
import { DuckDBInstance, DuckDBListValue, DuckDBMapValue } from '@duckdb/node-api'
import { Effect, Exit, Scope } from 'effect'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FieldIds, leafPaths } from '../../../src/adapters/duckdb/columns.ts'
import {
  type DurableFiles,
  openParquetWriter,
  type ParquetWriter,
  type ParquetWriterOptions
} from '../../../src/adapters/duckdb/parquet-writer.ts'
import { TradeColumns } from '../../../src/adapters/duckdb/trade-columns.ts'
import type { TradeV2 } from '../../../src/market/records/trade-v2.ts'

const { columns: tradeColumns } = new TradeColumns()

const paths = [
  ...tradeColumns.map(({ name }) => name),
  ...tradeColumns.flatMap((column) => leafPaths(column).filter((path) => path !== column.name))
]

/** As an Iceberg schema assigns them: top-level fields first, nested ones behind. */
export const tradeFieldIds: FieldIds = Object.fromEntries(
  paths.map((path, index) => [path, index + 1])
)

const sync = (path: string) =>
  Effect.promise(async () => {
    const handle = await open(path)
    await handle.sync().finally(() => handle.close())
  })

export const nodeFiles: DurableFiles = {
  syncFile: sync,
  syncDirectory: sync,
  // A file that was not begun is a failure here, as it is to `removeFile`.
  remove: (path) => Effect.tryPromise(() => rm(path))
}

export interface WriterFixture {
  readonly writer: ParquetWriter
  readonly directory: string
  readonly close: () => Promise<void>
}

export const openFixture = async (
  overrides: Partial<ParquetWriterOptions> = {}
): Promise<WriterFixture> => {
  const directory = await mkdtemp(join(tmpdir(), 'k2-parquet-'))
  const scope = Effect.runSync(Scope.make())
  const writer = await Effect.runPromise(
    openParquetWriter({
      columns: tradeColumns,
      fieldIds: tradeFieldIds,
      files: nodeFiles,
      threads: 1,
      memoryBytesMax: 512 * 2 ** 20,
      tempDirectory: join(directory, 'spill'),
      ...overrides
    }).pipe(Scope.provide(scope))
  )
  return {
    writer,
    directory,
    close: async () => {
      await Effect.runPromise(Scope.close(scope, Exit.void))
      await rm(directory, { recursive: true })
    }
  }
}

export const columnsOfTrades = (trades: readonly TradeV2[], firstOffset = 0): TradeColumns => {
  const rows = new TradeColumns()
  trades.forEach((record, index) => rows.push(record, 'log-1/0', firstOffset + index))
  return rows
}

export type LandedTrade = TradeV2 & { readonly k2_partition: string; readonly k2_offset: number }

/** Rows of a file in file order, as records. */
export const readTrades = async (path: string): Promise<readonly LandedTrade[]> => {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  try {
    const names = tradeColumns.map(({ name, kind }) =>
      kind === 'timestamp' ? `epoch_us("${name}") AS "${name}"` : `"${name}"`
    )
    const file = path.replaceAll("'", "''")
    const sql =
      `SELECT ${names.join(', ')} FROM read_parquet('${file}', file_row_number = true) ` +
      'ORDER BY file_row_number'
    const result = await connection.runAndReadAll(sql)
    return result
      .getRowObjects()
      .map((row) => Object.fromEntries(Object.entries(row).map(plain)) as unknown as LandedTrade)
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

const plain = ([name, value]: [string, any]): [string, unknown] => {
  if (value instanceof DuckDBListValue) return [name, value.items]
  if (value instanceof DuckDBMapValue) {
    return [name, Object.fromEntries(value.entries.map((entry) => [entry.key, entry.value]))]
  }
  if (name === 'price' || name === 'quantity') return [name, value.value]
  return [name, typeof value === 'bigint' ? Number(value) : value]
}
