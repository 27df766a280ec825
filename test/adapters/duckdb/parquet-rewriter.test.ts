/** Rows come out as they went in, sorted and cut, or nothing is left (R9, R22). */
import { DuckDBInstance } from '@duckdb/node-api'
import { Effect, Exit, Fiber, Scope } from 'effect'
import * as fc from 'fast-check'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  openParquetRewriter,
  type ParquetRewriter,
  type RewriteRequest
} from '../../../src/adapters/duckdb/parquet-rewriter.ts'
import { fieldIdsSql } from '../../../src/adapters/duckdb/columns.ts'
import { TradeColumns } from '../../../src/adapters/duckdb/trade-columns.ts'
import type { WrittenFile } from '../../../src/adapters/duckdb/parquet-writer.ts'
import type { TradeV2 } from '../../../src/market/records/trade-v2.ts'
import {
  columnsOfTrades,
  type LandedTrade,
  nodeFiles,
  openFixture,
  readTrades,
  tradeFieldIds,
  type WriterFixture
} from './support.ts'
import { arbitraryTrade, midnightUs, trade } from './trades.ts'

const { columns } = new TradeColumns()
const bucketUs = 100_000
let fixture: WriterFixture
let rewriter: ParquetRewriter
let scope: Scope.Closeable
let names = 0

beforeAll(async () => {
  fixture = await openFixture()
  scope = Effect.runSync(Scope.make())
  rewriter = await Effect.runPromise(
    openParquetRewriter({
      columns,
      fieldIds: tradeFieldIds,
      files: nodeFiles,
      memoryBytesMax: 256 * 2 ** 20,
      tempDirectory: join(fixture.directory, 'spill-rewriter')
    }).pipe(Scope.provide(scope))
  )
})
afterAll(async () => {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  await fixture.close()
})

const write = (trades: readonly TradeV2[], firstOffset = 0): Promise<readonly WrittenFile[]> => {
  names += 1
  const batch = names
  return Effect.runPromise(
    fixture.writer.write({
      rows: columnsOfTrades(trades, firstOffset),
      directory: fixture.directory,
      fileName: ({ index }) => `in-${batch}-${index}.parquet`
    })
  )
}

const timeOf = (file: WrittenFile) => {
  const stats = file.columns.find(({ fieldId }) => fieldId === tradeFieldIds['timestamp'])!
  return { timestampLowerUs: Number(stats.min), timestampUpperUs: Number(stats.max) }
}

/** All rows into one file. */
const requestOf = (
  files: readonly WrittenFile[],
  cut: RewriteRequest['cut'] = (buckets) => [
    {
      fromUs: buckets[0]!.fromUs,
      toUs: buckets.at(-1)!.fromUs + bucketUs,
      rows: buckets.reduce((sum, { rows }) => sum + rows, 0)
    }
  ]
): RewriteRequest => {
  names += 1
  const batch = names
  return {
    inputs: files.map((file) => ({ path: file.path, ...timeOf(file) })),
    rows: files.reduce((sum, { recordCount }) => sum + recordCount, 0),
    bucketUs,
    cut,
    pathOf: (index) => join(fixture.directory, `out-${batch}-${index}.parquet`)
  }
}

const readAll = async (files: readonly { readonly path: string }[]) =>
  (await Promise.all(files.map(({ path }) => readTrades(path)))).flat()

const byOffset = (rows: readonly LandedTrade[]) =>
  rows.toSorted((left, right) => left.k2_offset - right.k2_offset)

const outputs = async () =>
  (await readdir(fixture.directory)).filter((name) => name.startsWith('out-'))

describe('parquet rewriter', () => {
  test('any rows come out unchanged, in the order of the table', async () => {
    const oneDay = fc.array(arbitraryTrade, { minLength: 1, maxLength: 30 }).map((trades) =>
      trades.map((it) => {
        const timestamp = midnightUs + (it.timestamp % 5e9)
        return { ...it, exchange: 'BINANCE', timestamp }
      })
    )
    await fc.assert(
      fc.asyncProperty(fc.tuple(oneDay, oneDay), async ([first, second]) => {
        const inputs = [...(await write(first)), ...(await write(second, first.length))]
        const files = await Effect.runPromise(rewriter.rewrite(requestOf(inputs)))
        expect(files).toHaveLength(1)
        const rows = await readAll(files)
        expect(byOffset(rows)).toEqual(byOffset(await readAll(inputs)))
        const order = rows.map(({ symbol, timestamp }) => ({ symbol, timestamp }))
        expect(order).toEqual(
          order.toSorted(
            (left, right) =>
              Buffer.compare(Buffer.from(left.symbol), Buffer.from(right.symbol)) ||
              left.timestamp - right.timestamp
          )
        )
      }),
      { numRuns: 25 }
    )
  }, 60_000)

  test('files are cut as told, each with its bounds, sizes and row groups', async () => {
    const trades = Array.from({ length: 70_000 }, (_, index) =>
      trade({
        message_id: `BINANCE:BTCUSDT:${index}`,
        symbol: index % 2 === 0 ? 'BTCUSDT' : 'ETHUSDT',
        timestamp: midnightUs + index * 1_000
      })
    )
    const inputs = await write(trades)
    const borderUs = midnightUs + 69_000_000
    const files = await Effect.runPromise(
      rewriter.rewrite(
        requestOf(inputs, () => [
          { fromUs: midnightUs, toUs: borderUs, rows: 69_000 },
          { fromUs: borderUs, toUs: borderUs + 1_000_000, rows: 1_000 }
        ])
      )
    )
    expect(files.map(({ recordCount }) => recordCount)).toEqual([69_000, 1_000])
    expect(files.map(({ splitOffsets }) => splitOffsets.length)).toEqual([9, 1])
    expect(files[0]!.splitOffsets[0]).toBe(4)
    const statsOf = (path: string) =>
      files.map((file) => {
        const { min, max, valueCount } = file.columns.find(
          ({ fieldId }) => fieldId === tradeFieldIds[path]
        )!
        return [min, max, valueCount]
      })
    expect(statsOf('timestamp')).toEqual([
      [BigInt(midnightUs), BigInt(borderUs - 1_000), 69_000],
      [BigInt(borderUs), BigInt(borderUs + 999_000), 1_000]
    ])
    expect(statsOf('symbol')).toEqual([
      ['BTCUSDT', 'ETHUSDT', 69_000],
      ['BTCUSDT', 'ETHUSDT', 1_000]
    ])
    expect(statsOf('k2_offset')).toEqual([
      [0n, 68_999n, 69_000],
      [69_000n, 69_999n, 1_000]
    ])
    await Effect.runPromise(rewriter.sync(files.map(({ path }) => path)))
  })

  test('a file of an older schema is read by field ids: what it lacks is null', async () => {
    const path = join(fixture.directory, 'older.parquet')
    const older = columns.filter(({ name }) => name !== 'platform_sequence')
    const [current] = await write([trade({ timestamp: midnightUs, platform_sequence: 7 })])
    const instance = await DuckDBInstance.create(':memory:')
    const connection = await instance.connect()
    const renamed = older.map(({ name }) => (name === 'side' ? 'side AS "taker"' : `"${name}"`))
    const ids = fieldIdsSql(older, tradeFieldIds).replace('"side":', '"taker":')
    await connection.run(
      `COPY (SELECT ${renamed.join(', ')} FROM read_parquet('${current!.path}'))
       TO '${path}' (FORMAT parquet, FIELD_IDS ${ids})`
    )
    connection.closeSync()
    instance.closeSync()
    const [file] = await Effect.runPromise(rewriter.rewrite(requestOf([{ ...current!, path }])))
    expect(await readTrades(file!.path)).toEqual([
      { ...(await readTrades(current!.path))[0], platform_sequence: null }
    ])
  })

  test.each([
    ['that the table does not know of', (request: RewriteRequest) => ({ ...request, rows: 2 })],
    [
      'that the cut leaves out',
      (request: RewriteRequest) => ({
        ...request,
        cut: (buckets: Parameters<RewriteRequest['cut']>[0]) => request.cut(buckets.slice(1))
      })
    ],
    [
      'that two ranges share',
      (request: RewriteRequest) => ({
        ...request,
        cut: (buckets: Parameters<RewriteRequest['cut']>[0]) => [
          ...request.cut(buckets),
          ...request.cut(buckets.slice(1))
        ]
      })
    ],
    [
      'that the range does not name',
      (request: RewriteRequest) => ({
        ...request,
        cut: (buckets: Parameters<RewriteRequest['cut']>[0]) =>
          request.cut(buckets).map((range) => ({ ...range, rows: range.rows - 1 }))
      })
    ]
  ])('rows %s end the rewrite, and nothing is left', async (_, wrong) => {
    const trades = [0, 1, 2].map((second) => trade({ timestamp: midnightUs + second * 1e6 }))
    const inputs = await write(trades)
    const before = await outputs()
    const error = await Effect.runPromise(Effect.flip(rewriter.rewrite(wrong(requestOf(inputs)))))
    expect(error._tag).toBe('RowsDiffer')
    expect(await outputs()).toEqual(before)
  })

  test('a file that cannot be read ends the rewrite by its name', async () => {
    const [file] = await write([trade({ timestamp: midnightUs })])
    const missing = { ...file!, path: join(fixture.directory, 'missing.parquet') }
    const error = await Effect.runPromise(Effect.flip(rewriter.rewrite(requestOf([missing]))))
    expect(error).toMatchObject({ _tag: 'RewriteFailed', step: 'measure', path: missing.path })
    expect(error).toMatchObject({ isDependency: true })
  })

  test('interrupted, it leaves nothing', async () => {
    const inputs = await write(
      Array.from({ length: 30_000 }, (_, index) => trade({ timestamp: midnightUs + index * 1_000 }))
    )
    const before = await outputs()
    const request = requestOf(inputs)
    const fiber = Effect.runFork(
      rewriter.rewrite({
        ...request,
        pathOf: (index) => {
          // The next thing that happens is the COPY to this path.
          queueMicrotask(() => Effect.runFork(Fiber.interrupt(fiber)))
          return request.pathOf(index)
        }
      })
    )
    const exit = await Effect.runPromise(Fiber.await(fiber))
    expect(Exit.isFailure(exit)).toBe(true)
    expect(await outputs()).toEqual(before)
  })
})
