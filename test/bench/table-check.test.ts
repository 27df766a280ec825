import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { countRows } from '../../bench/table-check.ts'

/** More than a double can tell from its neighbour after a division; as venues issue them. */
const firstId = 4_500_000_000_000

let folder: string
let instance: DuckDBInstance
let connection: DuckDBConnection
let fileCount = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'k2-table-check-'))
  instance = await DuckDBInstance.create(':memory:')
  connection = await instance.connect()
})

afterAll(async () => {
  connection.closeSync()
  instance.closeSync()
  await rm(folder, { recursive: true })
})

/** A data file with the columns that are read. */
const fileWith = async (symbol: string, ids: readonly number[], messageSymbol = symbol) => {
  const path = join(folder, `${(fileCount += 1)}.parquet`)
  const values = ids.map((id) => `(${firstId + id}::BIGINT)`).join(', ')
  await connection.run(
    `COPY (SELECT '${symbol}' AS symbol, 'BINANCE' AS exchange, id AS source_sequence,
       'BINANCE:${messageSymbol}:' || id AS message_id,
       make_timestamptz(1_000_000 + id - ${firstId}) AS ingestion_timestamp
     FROM (VALUES ${values}) AS ids(id)) TO '${path}' (FORMAT parquet)`
  )
  return path
}

describe('counting a table', () => {
  test('by symbol, over all files', async () => {
    const files = [
      await fileWith('BTCUSDT', [0, 1, 2]),
      await fileWith('BTCUSDT', [5, 4, 3]),
      await fileWith('ETHUSDT', [70, 71])
    ]
    expect(await countRows(connection, files)).toEqual({
      rows: 8,
      foreignMessages: 0,
      firstReceivedUs: 1_000_000,
      lastReceivedUs: 1_000_071,
      symbols: [
        { symbol: 'BTCUSDT', rows: 6, distinctIds: 6, firstId, lastId: firstId + 5 },
        { symbol: 'ETHUSDT', rows: 2, distinctIds: 2, firstId: firstId + 70, lastId: firstId + 71 }
      ]
    })
  })

  test('a repeat that hides a hole, in another file, is seen', async () => {
    const files = [await fileWith('BTCUSDT', [0, 1, 2]), await fileWith('BTCUSDT', [2, 4])]
    const { symbols } = await countRows(connection, files)
    expect(symbols).toEqual([
      { symbol: 'BTCUSDT', rows: 5, distinctIds: 4, firstId, lastId: firstId + 4 }
    ])
  })

  test('an id that is far away from the others ends in fewer ids, not in memory', async () => {
    const files = [await fileWith('BTCUSDT', [0, 1, 4_000_000_000_000])]
    const { symbols } = await countRows(connection, files)
    expect(symbols[0]).toMatchObject({ rows: 3, distinctIds: 2 })
  })

  test('a message id of another trade is counted', async () => {
    const files = [await fileWith('BTCUSDT', [0, 1]), await fileWith('ETHUSDT', [0], 'BTCUSDT')]
    expect(await countRows(connection, files)).toMatchObject({ rows: 3, foreignMessages: 1 })
  })
})
