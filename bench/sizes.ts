/**
 * Bytes per trade: as Avro in the log, as JSON, and as Parquet in the table that maintenance has
 * laid out, each measured from what K2 writes.
 */
import { stat } from 'node:fs/promises'
import { DuckDBInstance } from '@duckdb/node-api'
import { tradesSpec } from '../src/actors/data-types.ts'
import { recordJsonSql } from '../src/adapters/query/record-json.ts'
import type { BenchContext } from './context.ts'
import { openMarket, packRecords } from './market.ts'
import { openQueryTable } from './query-table.ts'
import { Measures, type Outcome } from './report.ts'
import { tableFiles } from './table-check.ts'

const sampleTrades = 100_000

export const measureSizes = async (context: BenchContext): Promise<Outcome> => {
  const table = await openQueryTable(context.progress, context.tableRows)
  const files = await tableFiles(table.folder)
  const measures = new Measures()
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size))
  const parquet = sizes.reduce((sum, size) => sum + size, 0) / table.rows
  const batches = packRecords(openMarket().trades(sampleTrades)).flat()
  const avro = batches.reduce((sum, { bytes }) => sum + bytes.length, 0) / sampleTrades
  const json = await jsonBytes(files[0]!)
  if (![parquet, avro, json].every((bytes) => bytes > 0)) measures.failures.push('nothing to weigh')
  measures.add('bytes per trade: Avro in the log, with its batch', 'B', avro)
  measures.add('bytes per trade: JSON as /v1/trades writes it', 'B', json)
  measures.add('bytes per trade: Parquet of the table', 'B', parquet)
  measures.add('JSON over Parquet', '×', json / parquet)
  return measures.outcome
}

const jsonBytes = async (file: string): Promise<number> => {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const connection = await instance.connect()
  try {
    await connection.run("SET TimeZone = 'UTC'")
    const answer = await connection.runAndReadAll(
      `SELECT avg(strlen(${recordJsonSql(tradesSpec.schema.fields)})) FROM read_parquet($1)`,
      [file]
    )
    return Number(answer.getRows()[0]![0])
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}
