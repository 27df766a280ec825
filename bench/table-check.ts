/**
 * Reads a finished table back, independently of K2's own queries: DuckDB over the files of the
 * current snapshot. What it counts decides whether a run was exact.
 *
 * 1. Counts are exact whatever the number of rows: distinct ids are the bits that are set in one
 *    bit string per symbol, over the symbol's own id range. Tens of millions of rows cost some MB.
 * 2. A message id is a function of exchange, symbol and id, which is checked for every row: with
 *    distinct ids, message ids are distinct.
 */
import { randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import * as Effect from 'effect/Effect'
import { makeScanPlanner } from '../src/adapters/iceberg/planner.ts'
import { tradesSpec } from '../src/actors/data-types.ts'
import { dataFolderAt, openTable } from '../src/actors/storage/data-folder.ts'
import type { SymbolCount, TableContents } from './run-check.ts'

const snapshotsMax = 100
const memoryMax = '768MB'
/** A wider range of ids than any run can send is not counted bit by bit: it is a fault as it is. */
const spanMax = 150_000_000

/** @throws if the table is empty: a benchmark that landed nothing has measured nothing. */
export const readTable = async (dataDir: string): Promise<TableContents> => {
  const { files, committedMs, commits } = await Effect.runPromise(currentFiles(dataDir))
  const instance = await DuckDBInstance.create(':memory:', {
    threads: '2',
    memory_limit: memoryMax,
    temp_directory: dataFolderAt(dataDir).temporary
  })
  const connection = await instance.connect()
  try {
    return { ...(await countRows(connection, files)), committedMs, commits, files: files.length }
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

/** Local paths of the current snapshot's data files. */
export const tableFiles = async (dataDir: string): Promise<readonly string[]> =>
  (await Effect.runPromise(currentFiles(dataDir))).files

/** Path of the table's current metadata file. */
export const newestMetadata = async (dataDir: string): Promise<string> => {
  const { loaded } = await Effect.runPromise(openTrades(dataDir))
  return fileURLToPath(loaded.location)
}

const openTrades = (dataDir: string) =>
  openTable(tradesSpec, {
    folder: dataFolderAt(dataDir),
    storage: {},
    snapshotsMax,
    nowMs: Date.now,
    uuid: randomUUID,
    observe: () => undefined
  })

const currentFiles = Effect.fnUntraced(function* (dataDir: string) {
  const table = yield* openTrades(dataDir)
  const { snapshotId, files } = yield* makeScanPlanner(table).plan({})
  const { snapshots, 'last-sequence-number': commits } = table.loaded.metadata
  const snapshot = snapshots.find((it) => it['snapshot-id'] === snapshotId)
  if (snapshot === undefined || files.length === 0) return yield* Effect.die('the table is empty')
  return { files: files.map(({ path }) => path), committedMs: snapshot['timestamp-ms'], commits }
})

type Counted = Omit<SymbolCount, 'distinctIds'>

/** Counts the rows of data files; there is at least one row. */
export const countRows = async (connection: DuckDBConnection, files: readonly string[]) => {
  const paths = files.map((path) => `'${path.replaceAll("'", "''")}'`)
  const source = `read_parquet([${paths.join(', ')}])`
  const rowsOf = async (sql: string) =>
    (await connection.runAndReadAll(sql)).getRows().map((row) => row.map(String))
  const counted = await rowsOf(
    `SELECT symbol, count(*), min(source_sequence), max(source_sequence),
       count(*) FILTER (message_id IS DISTINCT FROM
         concat(exchange, ':', symbol, ':', source_sequence)),
       min(epoch_us(ingestion_timestamp)), max(epoch_us(ingestion_timestamp))
     FROM ${source} GROUP BY symbol ORDER BY symbol`
  )
  const symbols = counted.map(
    ([symbol, rows, firstId, lastId]): Counted => ({
      symbol: symbol!,
      rows: Number(rows),
      firstId: Number(firstId),
      lastId: Number(lastId)
    })
  )
  const distinct = new Map(await rowsOf(distinctSql(source, symbols)) as [string, string][])
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
  return {
    rows: sum(symbols.map(({ rows }) => rows)),
    foreignMessages: sum(counted.map((row) => Number(row[4]))),
    firstReceivedUs: Math.min(...counted.map((row) => Number(row[5]))),
    lastReceivedUs: Math.max(...counted.map((row) => Number(row[6]))),
    symbols: symbols.map((symbol) => ({
      ...symbol,
      distinctIds: Number(distinct.get(symbol.symbol) ?? 0)
    }))
  }
}

/** (1) */
const distinctSql = (source: string, symbols: readonly Counted[]): string => {
  const spans = symbols.map(({ firstId, lastId }) => lastId - firstId)
  const spanLast = Math.min(spanMax, Math.max(...spans))
  const firsts = symbols.map(({ symbol, firstId }) => `('${symbol}', ${firstId}::BIGINT)`)
  return `SELECT symbol, bit_count(bitstring_agg(source_sequence - first_id, 0, ${spanLast}))
    FROM ${source} JOIN (VALUES ${firsts.join(', ')}) AS firsts(symbol, first_id) USING (symbol)
    WHERE source_sequence - first_id <= ${spanLast} GROUP BY symbol`
}

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
