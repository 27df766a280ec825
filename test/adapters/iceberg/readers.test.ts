/** What independent readers see: PyIceberg and icebird, over Parquet files that DuckDB wrote. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import * as Effect from 'effect/Effect'
import { icebergRead } from 'icebird'
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest'
import { commitAppend } from '../../../src/adapters/iceberg/append.ts'
import type { DataFile } from '../../../src/adapters/iceberg/data-file.ts'
import { makeEmbeddedCatalog } from '../../../src/adapters/iceberg/embedded-catalog.ts'
import { makeScanPlanner } from '../../../src/adapters/iceberg/planner.ts'
import { removeDayPartitions } from '../../../src/adapters/iceberg/retention.ts'
import {
  dataDirectory,
  openOrCreateTable,
  refresh,
  type Table
} from '../../../src/adapters/iceberg/table.ts'
import {
  fileLocation,
  filePath,
  makeLocalFiles
} from '../../../src/adapters/object-store/local-files.ts'
import { tradeV2Schema } from '../../../src/market/records/trade-v2.ts'
import { pyIceberg, readBack } from '../../support/pyiceberg/pyiceberg.ts'
import { day0, identifier, logIdentity, topic } from './support.ts'

const run = Effect.runPromise
const symbols = ['ADAUSDT', 'BTCUSDT', 'ETHUSDT', 'SOLUSDT']

const rowsSql = (symbol: string, day: number, from: number, to: number) => `
  SELECT 'BINANCE:${symbol}:' || i AS message_id,
    'BINANCE-' || i AS trade_id, '${symbol}' AS symbol,
    'BINANCE' AS exchange, 'crypto' AS asset_class,
    make_timestamptz(${day}::BIGINT * 86400000000 + i * 1000003) AS timestamp,
    ((i * 7 + 1)::DECIMAL(18,0) / 100000000)::DECIMAL(18,8) AS price,
    (i + 0.00000001)::DECIMAL(18,8) AS quantity, 'USDT' AS currency,
    CASE WHEN i % 2 = 0 THEN 'BUY' ELSE 'SELL' END AS side,
    CASE WHEN i % 3 = 0 THEN ['a', 'ü'] ELSE []::VARCHAR[] END AS trade_conditions,
    CASE WHEN i % 5 = 0 THEN NULL ELSE i END::BIGINT AS source_sequence,
    make_timestamptz(${day}::BIGINT * 86400000000 + i * 1000003 + 5) AS ingestion_timestamp,
    NULL::BIGINT AS platform_sequence,
    CASE WHEN i % 2 = 0 THEN MAP {'k': 'v' || i} ELSE NULL END
      ::MAP(VARCHAR, VARCHAR) AS vendor_data,
    '0:0' AS k2_partition, i::BIGINT AS k2_offset
  FROM range(${from}, ${to}) t(i) ORDER BY symbol, timestamp`

const fieldIdsSql = (table: Table): string => {
  const [schema] = table.loaded.metadata.schemas
  const parts = schema?.fields.map(({ name, id, type }) => {
    if (typeof type === 'string' || type.type === 'struct') return `${name}: ${id}`
    return type.type === 'list'
      ? `${name}: {__duckdb_field_id: ${id}, element: ${type['element-id']}}`
      : `${name}: {__duckdb_field_id: ${id}, key: ${type['key-id']}, value: ${type['value-id']}}`
  })
  return `{${parts?.join(', ')}}`
}

interface Span {
  readonly symbol: string
  readonly day: number
  readonly from: number
  readonly to: number
}

const writeParquet = async (
  connection: DuckDBConnection,
  table: Table,
  span: Span
): Promise<DataFile> => {
  const { symbol, day, from, to } = span
  const partition = { exchange: 'BINANCE', timestamp_day: day }
  const location = `${dataDirectory(table, partition)}/${randomUUID()}.parquet`
  const path = filePath(location)
  mkdirSync(join(path, '..'), { recursive: true })
  const sql = `COPY (${rowsSql(symbol, day, from, to)}) TO '${path}'
    (FORMAT parquet, FIELD_IDS ${fieldIdsSql(table)}, RETURN_STATS)`
  const reader = await connection.runAndReadAll(sql)
  const stats = reader.getRowObjectsJson()[0] as Record<string, unknown>
  const ts = (i: number) => BigInt(day) * 86_400_000_000n + BigInt(i) * 1_000_003n
  const count = to - from
  const column = (fieldId: number, min: bigint | string, max: bigint | string) => ({
    fieldId,
    sizeBytes: 100,
    valueCount: count,
    nullCount: 0,
    min,
    max
  })
  return {
    location,
    recordCount: count,
    fileSizeBytes: Number(stats['file_size_bytes']),
    partition,
    columns: [
      column(3, symbol, symbol),
      column(4, 'BINANCE', 'BINANCE'),
      column(6, ts(from), ts(to - 1)),
      column(7, BigInt(from * 7 + 1), BigInt((to - 1) * 7 + 1)),
      column(17, BigInt(from), BigInt(to - 1)),
      column(1, `BINANCE:${symbol}:${from}`, `BINANCE:${symbol}:${to - 1}`)
    ],
    splitOffsets: [4],
    sorted: true
  }
}

const pythonOrSkip = (context: TestContext): string => {
  const found = pyIceberg()
  return 'missing' in found ? context.skip(found.missing) : found.python
}

describe('independent readers', () => {
  const home = mkdtempSync(join(tmpdir(), 'k2-readers-'))
  const files = makeLocalFiles()
  const warehouse = fileLocation(home)
  let table: Table
  let instance: DuckDBInstance
  let server: Server
  const days = [day0 - 2, day0 - 1, day0]
  const rowsPerSpan = 200

  beforeAll(async () => {
    table = await run(
      openOrCreateTable({
        ports: {
          files,
          catalog: makeEmbeddedCatalog({
            files,
            pointerFiles: files,
            directory: `${warehouse}/_k2/catalog`
          }),
          ids: { uuid: randomUUID },
          clockMs: Date.now
        },
        warehouse,
        identifier,
        record: tradeV2Schema
      })
    )
    instance = await DuckDBInstance.create(':memory:', { threads: '1' })
    const connection = await instance.connect()
    await connection.run(`SET TimeZone = 'UTC'`)
    let offset = 0
    for (const day of days) {
      const dataFiles: DataFile[] = []
      for (const symbol of symbols) {
        dataFiles.push(
          await writeParquet(connection, table, {
            symbol,
            day,
            from: 1_000,
            to: 1_000 + rowsPerSpan
          })
        )
      }
      const next = offset + rowsPerSpan * symbols.length
      await run(
        commitAppend(table, {
          commitId: randomUUID(),
          dataFiles,
          advances: [
            {
              logIdentity,
              topic,
              partition: 0,
              fromOffset: offset === 0 ? null : offset,
              nextOffset: next,
              statePath: `state/${next}`
            }
          ]
        })
      )
      offset = next
    }
    connection.closeSync()
    // icebird reads by URL, S3 addresses translated to HTTPS: a local server and its own base
    // address stand in.
    server = createServer((request, response) => {
      const path = join(home, decodeURI(new URL(request.url ?? '/', 'http://x').pathname))
      const body = readFileSync(path)
      const range = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '')
      if (range === null) {
        response.writeHead(200, { 'content-length': body.length })
        response.end(request.method === 'HEAD' ? undefined : body)
        return
      }
      const [from, to] = [Number(range[1]), range[2] === '' ? body.length - 1 : Number(range[2])]
      const part = body.subarray(from, to + 1)
      response.writeHead(206, {
        'content-length': part.length,
        'content-range': `bytes ${from}-${to}/${body.length}`
      })
      response.end(part)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  }, 60_000)

  afterAll(() => {
    server.close()
    instance.closeSync()
    rmSync(home, { recursive: true })
  })

  it('PyIceberg reads every row, prunes by bounds and day, and inspects', async (context) => {
    const python = pythonOrSkip(context)
    const { location } = await run(refresh(table))
    const all = readBack(python, location)
    expect(all.schema[6]).toEqual([7, 'price', 'decimal(18, 8)', true])
    expect(all.schema.map(([id]) => id)).toEqual(
      Array.from({ length: 17 }, (_, index) => index + 1)
    )
    expect(all.rows).toHaveLength(days.length * symbols.length * rowsPerSpan)
    const row = all.rows.find((it) => it['message_id'] === 'BINANCE:BTCUSDT:1002')
    expect(row).toMatchObject({
      price: '0.00007015',
      quantity: '1002.00000001',
      side: 'BUY',
      trade_conditions: ['a', 'ü'],
      source_sequence: 1002,
      platform_sequence: null,
      vendor_data: [['k', 'v1002']],
      k2_offset: 1002
    })
    expect(all.inspect_files).toHaveLength(12)
    expect(all.inspect_entries.map((it) => it['status'])).toEqual(
      Array.from({ length: 12 }, () => 1)
    )
    expect(all.inspect_snapshots.map((it) => it['operation'])).toEqual([
      'append',
      'append',
      'append'
    ])
    expect(all.inspect_partitions).toHaveLength(3)
    const day = new Date(day0 * 86_400_000).toISOString()
    const filter = `symbol = 'BTCUSDT' and timestamp >= '${day.replace('Z', '+00:00')}'`
    const pruned = readBack(python, location, filter)
    expect(pruned.files).toHaveLength(1)
    expect(pruned.rows).toEqual(
      all.rows.filter(
        (it) => it['symbol'] === 'BTCUSDT' && String(it['timestamp']) >= day.slice(0, 10)
      )
    )
    expect(pruned.rows).toHaveLength(rowsPerSpan)
    expect(readBack(python, location, `symbol = 'BTCUSDU'`).files).toHaveLength(0)
  }, 300_000)

  it('the planner chooses the files that PyIceberg chooses', async (context) => {
    const python = pythonOrSkip(context)
    const { location } = await run(refresh(table))
    const planner = makeScanPlanner(table)
    const fromUs = (day0 - 1) * 86_400_000_000
    const plan = await run(
      planner.plan({ symbol: 'ETHUSDT', fromUs, toUs: fromUs + 86_400_000_000 })
    )
    expect(plan).toMatchObject({
      filesConsidered: 12,
      filesPruned: 11,
      manifestsConsidered: 3,
      manifestsPruned: 2
    })
    const iso = (us: number) => new Date(us / 1_000).toISOString().replace('Z', '+00:00')
    const theirs = readBack(
      python,
      location,
      `symbol = 'ETHUSDT' and timestamp >= '${iso(fromUs)}'` +
        ` and timestamp < '${iso(fromUs + 86_400_000_000)}'`
    )
    expect(plan.files.map((it) => it.location)).toEqual(theirs.files)
  }, 300_000)

  it('icebird reads the same rows', async () => {
    const { location } = await run(refresh(table))
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const realFetch = globalThis.fetch
    globalThis.fetch = (input, init) =>
      realFetch((input as string).replace(warehouse, base), init)
    try {
      const rows = await icebergRead({
        tableUrl: `${warehouse}/market/trades`,
        metadataFileName: location.split('/').at(-1) ?? ''
      })
      expect(rows).toHaveLength(days.length * symbols.length * rowsPerSpan)
      const ids = new Set(
        rows.map(
          (it) => `${it['message_id']}@${(it['timestamp'] as Date).toISOString().slice(0, 10)}`
        )
      )
      expect(ids.size).toBe(rows.length)
    } finally {
      globalThis.fetch = realFetch
    }
  })

  it('retention takes out whole days, and readers agree', async (context) => {
    const removed = await run(removeDayPartitions(table, day0 - 1))
    expect(removed?.summary).toMatchObject({
      operation: 'delete',
      'deleted-data-files': '4',
      'total-data-files': '8',
      'k2.offsets': expect.stringContaining('2400')
    })
    expect(await run(removeDayPartitions(table, day0 - 1))).toBeNull()
    const python = pythonOrSkip(context)
    const { location } = await run(refresh(table))
    const left = readBack(python, location)
    expect(left.rows).toHaveLength(2 * symbols.length * rowsPerSpan)
    expect(left.inspect_entries.filter((it) => it['status'] === 2)).toHaveLength(4)
  }, 300_000)
})
