/**
 * Reads a finished table back, independently of K2's own queries: DuckDB over the files of the
 * current snapshot. What it counts decides whether a run was exact.
 */
import { randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import * as Effect from 'effect/Effect'
import { makeScanPlanner } from '../src/adapters/iceberg/planner.ts'
import { tradesSpec } from '../src/actors/data-types.ts'
import { dataFolderAt, openTable } from '../src/actors/storage/data-folder.ts'

export interface SymbolCount {
  readonly symbol: string
  readonly rows: number
  readonly distinctIds: number
  readonly firstId: number
  readonly lastId: number
}

export interface TableContents {
  readonly rows: number
  readonly distinctMessages: number
  readonly symbols: readonly SymbolCount[]
  /** When the first and the last trade were received, µs since 1970. */
  readonly firstReceivedUs: number
  readonly lastReceivedUs: number
  /** When the current snapshot was committed, ms since 1970. */
  readonly committedMs: number
  readonly files: number
}

const snapshotsMax = 100

/** @throws if the table is empty: a benchmark that landed nothing has measured nothing. */
export const readTable = async (dataDir: string): Promise<TableContents> => {
  const { files, committedMs } = await Effect.runPromise(currentFiles(dataDir))
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' })
  const connection = await instance.connect()
  try {
    return { ...(await countRows(connection, files)), committedMs, files: files.length }
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

const currentFiles = Effect.fnUntraced(function* (dataDir: string) {
  const table = yield* openTable(tradesSpec, {
    folder: dataFolderAt(dataDir),
    snapshotsMax,
    nowMs: Date.now,
    uuid: randomUUID,
    observe: () => undefined
  })
  const { snapshotId, files } = yield* makeScanPlanner(table).plan({})
  const { snapshots } = table.loaded.metadata
  const snapshot = snapshots.find((it) => it['snapshot-id'] === snapshotId)
  if (snapshot === undefined || files.length === 0) return yield* Effect.die('the table is empty')
  return { files: files.map(({ path }) => path), committedMs: snapshot['timestamp-ms'] }
})

const countRows = async (connection: DuckDBConnection, files: readonly string[]) => {
  const paths = files.map((path) => `'${path.replaceAll("'", "''")}'`)
  const source = `read_parquet([${paths.join(', ')}])`
  const numbers = async (sql: string) =>
    (await connection.runAndReadAll(sql)).getRows().map((row) => row.map(plain))
  const [total = []] = await numbers(
    `SELECT count(*), count(DISTINCT message_id),
       min(epoch_us(ingestion_timestamp)), max(epoch_us(ingestion_timestamp)) FROM ${source}`
  )
  const symbols = await numbers(
    `SELECT symbol, count(*), count(DISTINCT source_sequence), min(source_sequence),
       max(source_sequence) FROM ${source} GROUP BY symbol ORDER BY symbol`
  )
  return {
    rows: Number(total[0]),
    distinctMessages: Number(total[1]),
    firstReceivedUs: Number(total[2]),
    lastReceivedUs: Number(total[3]),
    symbols: symbols.map(([symbol, rows, distinctIds, firstId, lastId]) => ({
      symbol: String(symbol),
      rows: Number(rows),
      distinctIds: Number(distinctIds),
      firstId: Number(firstId),
      lastId: Number(lastId)
    }))
  }
}

const plain = (value: unknown): string => String(value)

/** Lines of the dead-letter log. */
export const deadLetterLines = async (dataDir: string): Promise<number> => {
  const { deadLetters } = dataFolderAt(dataDir)
  let lines = 0
  for (const name of await readdir(deadLetters)) {
    const text = await readFile(join(deadLetters, name), 'utf8')
    lines += text.split('\n').filter((line) => line !== '').length
  }
  return lines
}
