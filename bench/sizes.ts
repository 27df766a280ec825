/**
 * Bytes per trade: as Avro in the log, as JSON, and as Parquet in the table that maintenance has
 * laid out, each measured from what K2 writes.
 */
import { stat } from 'node:fs/promises'
import { DuckDBInstance } from '@duckdb/node-api'
import { compressFrameSync } from 'lz4-napi'
import { tradesSpec } from '../src/actors/data-types.ts'
import { recordJsonSql } from '../src/adapters/query/record-json.ts'
import type { BenchContext } from './context.ts'
import { openMarket, packRecords } from './market.ts'
import { openQueryTable } from './query-table.ts'
import { Measures, type Outcome } from './report.ts'
import { tableFiles } from './table-check.ts'

const sampleTrades = 100_000
/** Of all partitions together, as a busy feed packs them for Kafka: some 800 records a batch. */
const kafkaTrades = 3_200

export const measureSizes = async (context: BenchContext): Promise<Outcome> => {
  const table = await openQueryTable(context.progress, context.tableRows)
  const files = await tableFiles(table.folder)
  const measures = new Measures()
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size))
  const parquet = sizes.reduce((sum, size) => sum + size, 0) / table.rows
  const trades = openMarket().trades(sampleTrades)
  const batches = packRecords(trades).flat()
  const packed = slices(trades, kafkaTrades).flatMap((slice) =>
    packRecords(slice).flatMap((them) => them.map(({ bytes }) => bytes))
  )
  const avro = batches.reduce((sum, { bytes }) => sum + bytes.length, 0) / sampleTrades
  const lz4 =
    packed.reduce((sum, bytes) => sum + compressFrameSync(bytes).length, 0) / sampleTrades
  const json = await jsonBytes(files[0]!)
  if (![parquet, avro, lz4, json].every((bytes) => bytes > 0))
    measures.failures.push('nothing to weigh')
  measures.add('bytes per trade: Avro in the log, with its batch', 'B', avro)
  measures.add('bytes per trade: Avro in batches, compressed by lz4 as for Kafka', 'B', lz4)
  measures.add('bytes per trade: JSON as /v1/trades writes it', 'B', json)
  measures.add('bytes per trade: Parquet of the table', 'B', parquet)
  measures.add('JSON over Parquet', '×', json / parquet)
  return measures.outcome
}

const slices = <A>(all: readonly A[], size: number): readonly (readonly A[])[] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, index) =>
    all.slice(index * size, (index + 1) * size)
  )

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
