import { Effect, Exit, Fiber } from 'effect'
import * as fc from 'fast-check'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  ParquetWriteFailed,
  type WrittenFile
} from '../../../src/adapters/duckdb/parquet-writer.ts'
import { TradeColumns } from '../../../src/adapters/duckdb/trade-columns.ts'
import { DecimalOverflow } from '../../../src/market/decimal.ts'
import type { TradeV2 } from '../../../src/market/records/trade-v2.ts'
import {
  columnsOfTrades,
  nodeFiles,
  openFixture,
  readTrades,
  tradeFieldIds,
  type WriterFixture
} from './support.ts'
import { arbitraryTrade, midnightUs, trade } from './trades.ts'

const dayUs = 86_400_000_000
let fixture: WriterFixture
let writes = 0

beforeAll(async () => {
  fixture = await openFixture()
})
afterAll(() => fixture.close())

const write = (
  rows: TradeColumns,
  on: WriterFixture = fixture
): Promise<readonly WrittenFile[]> => {
  const batch = writes++
  return Effect.runPromise(
    on.writer.write({
      rows,
      directory: on.directory,
      fileName: ({ index }) => `${batch}-${index}.parquet`
    })
  )
}

const statsOf = (file: WrittenFile, path: string) =>
  file.columns.find(({ fieldId }) => fieldId === tradeFieldIds[path])

/** Code units and code points order differently; DuckDB orders by UTF-8 bytes, as Iceberg does. */
const byUtf8 = (left: string, right: string) =>
  Buffer.compare(Buffer.from(left), Buffer.from(right))

describe('parquet writer', () => {
  test('an empty batch gives no file', async () => {
    expect(await write(new TradeColumns())).toEqual([])
  })

  test('one row: the file, its partition and its statistics', async () => {
    const record = trade({
      price: 10n ** 18n - 1n,
      quantity: 1n,
      timestamp: midnightUs + 123_456,
      vendor_data: { event_time: '1723075200123', "odd 'key'": 'é😀' },
      trade_conditions: ['a', '']
    })
    const [file, ...others] = await write(columnsOfTrades([record], 41))
    expect(others).toEqual([])
    expect(file).toMatchObject({
      partition: { exchange: 'BINANCE', day: 19_943 },
      recordCount: 1,
      splitOffsets: [4]
    })
    expect(await readTrades(file!.path)).toEqual([
      { ...record, k2_partition: 'log-1/0', k2_offset: 41 }
    ])
    expect(statsOf(file!, 'timestamp')).toMatchObject({
      min: BigInt(midnightUs + 123_456),
      max: BigInt(midnightUs + 123_456),
      nullCount: 0,
      valueCount: 1
    })
    expect(statsOf(file!, 'price')).toMatchObject({ min: 10n ** 18n - 1n, max: 10n ** 18n - 1n })
    expect(statsOf(file!, 'symbol')).toMatchObject({ min: 'BTCUSDT', max: 'BTCUSDT' })
    expect(statsOf(file!, 'platform_sequence')).toMatchObject({ nullCount: 1, valueCount: 1 })
    expect(statsOf(file!, 'platform_sequence')).not.toHaveProperty('min')
    expect(statsOf(file!, 'vendor_data.key')).toMatchObject({ valueCount: 2, nullCount: 0 })
    expect(statsOf(file!, 'vendor_data.key')).not.toHaveProperty('min')
    expect(file!.columns.map(({ fieldId }) => fieldId).sort((a, b) => a - b)).toEqual(
      Object.entries(tradeFieldIds)
        .filter(([path]) => path !== 'trade_conditions' && path !== 'vendor_data')
        .map(([, id]) => id)
        .sort((a, b) => a - b)
    )
  })

  test('two exchanges and two days, before 1970 too: a file each', async () => {
    const rows = [
      trade({ timestamp: midnightUs, source_sequence: 2 }),
      trade({ timestamp: midnightUs - 1, source_sequence: 1 }),
      trade({ timestamp: midnightUs, exchange: 'KRAKEN', source_sequence: 9 }),
      trade({ timestamp: -1, source_sequence: 0 })
    ]
    const files = await write(columnsOfTrades(rows))
    expect(
      files.map(({ partition, recordCount }) => [partition.exchange, partition.day, recordCount])
    ).toEqual([
      ['BINANCE', 19_943, 1],
      ['BINANCE', 19_942, 1],
      ['KRAKEN', 19_943, 1],
      ['BINANCE', -1, 1]
    ])
    expect(statsOf(files[3]!, 'timestamp')).toMatchObject({ min: -1n, max: -1n })
  })

  test('100,000 rows of a day: files of 32,768 rows at most, disjoint, sorted', async () => {
    const rows = new TradeColumns()
    for (let k = 0; k < 100_000; k++) {
      // Arrival order is not time order, and times repeat.
      const timestamp =
        midnightUs + ((k * 7_919) % 100_000) * 10 - ((((k * 7_919) % 100_000) * 10) % 50)
      rows.push(
        trade({ timestamp, source_sequence: k, symbol: k % 3 ? 'BTCUSDT' : 'ETHUSDT' }),
        'p',
        k
      )
    }
    const files = await write(rows)
    expect(files.map(({ recordCount }) => recordCount).reduce((sum, n) => sum + n, 0)).toBe(100_000)
    expect(files.length).toBe(4)
    let previousMax = -1n
    for (const file of files) {
      expect(file.recordCount).toBeLessThanOrEqual(32_768)
      const { min, max } = statsOf(file, 'timestamp')!
      expect((min as bigint) > previousMax).toBe(true)
      previousMax = max as bigint
    }
    const read = await readTrades(files[1]!.path)
    const sorted = [...read].sort(
      (a, b) =>
        byUtf8(a.symbol, b.symbol) ||
        a.timestamp - b.timestamp ||
        a.source_sequence! - b.source_sequence!
    )
    expect(read.map(({ message_id }) => message_id)).toEqual(
      sorted.map(({ message_id }) => message_id)
    )
  })

  test('a text bound that DuckDB cuts is left out', async () => {
    const [file] = await write(
      columnsOfTrades([trade({ currency: 'z'.repeat(300), symbol: 'A'.repeat(255) })])
    )
    expect(statsOf(file!, 'currency')).not.toHaveProperty('max')
    expect(statsOf(file!, 'symbol')).toMatchObject({ max: 'A'.repeat(255) })
  })

  test('a lone surrogate becomes U+FFFD instead of failing its neighbours', async () => {
    const record = trade({ vendor_data: { ok: 'x\ud800' }, currency: '\udc00' })
    const [file] = await write(columnsOfTrades([record]))
    const [read] = await readTrades(file!.path)
    expect(read).toMatchObject({ vendor_data: { ok: 'x\ufffd' }, currency: '\ufffd' })
  })

  test.each([1, 2, 3, 4, 8])('rows of one and the same list and map of %d', async (size) => {
    const texts = Array.from({ length: size }, (_, index) => `text ${index}`)
    const same = {
      trade_conditions: texts,
      vendor_data: Object.fromEntries(texts.map((text) => [text, 'x']))
    }
    for (const rows of [1, 2, 3, 4, 5, 9, 10, 19, 20, 39, 40]) {
      const records = Array.from({ length: rows }, (_, index) =>
        trade({ ...same, source_sequence: index + 1, timestamp: midnightUs + index })
      )
      const [file] = await write(columnsOfTrades(records))
      expect(await readTrades(file!.path)).toMatchObject(Array.from({ length: rows }, () => same))
    }
  })

  test('a map whose key is NUL is written as it is, whatever was written before', async () => {
    for (const key of ['\\', '\u0000', 'x', '\u0000']) {
      const vendor_data = { '': '', [key]: '' }
      const [file] = await write(columnsOfTrades([trade({ vendor_data })]))
      expect(await readTrades(file!.path)).toMatchObject([{ vendor_data }])
    }
  })

  test('a decimal of nineteen digits is refused and leaves no half row', async () => {
    const rows = new TradeColumns()
    rows.push(trade({ source_sequence: 1 }), 'p', 0)
    expect(() => rows.push(trade({ source_sequence: 2, quantity: 10n ** 18n }), 'p', 1)).toThrow(
      DecimalOverflow
    )
    rows.push(trade({ source_sequence: 3 }), 'p', 2)
    const [file] = await write(rows)
    expect((await readTrades(file!.path)).map(({ source_sequence }) => source_sequence)).toEqual([
      1, 3
    ])
  })

  test('buffers can be cleared and used again', async () => {
    const rows = columnsOfTrades([trade({ symbol: 'OLD' }), trade({ symbol: 'OLD' })])
    await write(rows)
    rows.clear()
    expect(rows.length).toBe(0)
    rows.push(trade({ symbol: 'NEW', currency: 'EUR' }), 'q', 7)
    const [file] = await write(rows)
    expect(await readTrades(file!.path)).toMatchObject([
      { symbol: 'NEW', currency: 'EUR', k2_partition: 'q' }
    ])
  })

  test('property: what is written is what is read back', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(arbitraryTrade, { maxLength: 40 }), async (trades) => {
        const files = await write(columnsOfTrades(trades))
        const read = (await Promise.all(files.map(({ path }) => readTrades(path)))).flat()
        const expected = trades.map((record, index) => ({
          ...asPlain(record),
          k2_partition: 'log-1/0',
          k2_offset: index
        }))
        expect([...read].sort((a, b) => a.k2_offset - b.k2_offset)).toEqual(expected)
      }),
      { numRuns: 30 }
    )
  })

  test('property: slices of a partition are disjoint in time whatever the times', async () => {
    const narrow = await openFixture({ fileRowsMax: 4 })
    try {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 40 }),
          async (times) => {
            const files = await write(
              columnsOfTrades(
                times.map((time, id) =>
                  trade({ timestamp: midnightUs + time, source_sequence: id })
                )
              ),
              narrow
            )
            const bounds = files.map((file) => statsOf(file, 'timestamp')!)
            for (let k = 1; k < bounds.length; k++) {
              expect(bounds[k]!.min! > bounds[k - 1]!.max!).toBe(true)
            }
            for (const [k, file] of files.entries()) {
              expect(file.recordCount <= 4 || bounds[k]!.min === bounds[k]!.max).toBe(true)
            }
          }
        ),
        { numRuns: 40 }
      )
    } finally {
      await narrow.close()
    }
  })

  test('a copy that fails is tagged, names the file and removes what the batch began', async () => {
    const removed: string[] = []
    const failing = await openFixture({
      files: { ...nodeFiles, remove: (path) => Effect.sync(() => removed.push(path)) }
    })
    try {
      const names = ['first.parquet', 'missing/second.parquet']
      const exit = await Effect.runPromiseExit(
        failing.writer.write({
          rows: columnsOfTrades([trade(), trade({ timestamp: midnightUs + dayUs })]),
          directory: failing.directory,
          fileName: ({ index }) => names[index]!
        })
      )
      expect(Exit.isFailure(exit)).toBe(true)
      const error = await Effect.runPromise(
        Effect.flip(exit as Exit.Exit<never, ParquetWriteFailed>)
      )
      expect(error).toBeInstanceOf(ParquetWriteFailed)
      expect(error).toMatchObject({ step: 'copy', path: join(failing.directory, names[1]!) })
      expect(removed).toEqual(names.map((name) => join(failing.directory, name)))
    } finally {
      await failing.close()
    }
  })

  test('what is synced: each file, then its directory, once', async () => {
    const synced: string[] = []
    const noting = await openFixture({
      files: {
        ...nodeFiles,
        syncFile: (path) => Effect.sync(() => synced.push(path)),
        syncDirectory: (path) => Effect.sync(() => synced.push(path))
      }
    })
    try {
      await Effect.runPromise(noting.writer.sync(['/data/a.parquet', '/data/b.parquet']))
      expect(synced).toEqual(['/data/a.parquet', '/data/b.parquet', '/data'])
    } finally {
      await noting.close()
    }
  })

  test.each(['syncFile', 'syncDirectory'] as const)(
    'a %s that fails is a failure: nothing is called durable that is not',
    async (step) => {
      const failing = await openFixture({
        files: { ...nodeFiles, [step]: () => Effect.fail(new Error('EIO')) }
      })
      try {
        const [file] = await Effect.runPromise(
          failing.writer.write({
            rows: columnsOfTrades([trade()]),
            directory: failing.directory,
            fileName: () => 'a.parquet'
          })
        )
        const error = await Effect.runPromise(Effect.flip(failing.writer.sync([file!.path])))
        expect(error).toMatchObject({ _tag: 'ParquetWriteFailed', step: 'sync' })
      } finally {
        await failing.close()
      }
    }
  )

  test('an interrupted write ends, removes its files, and the writer works on', async () => {
    const fixture = await openFixture({ fileRowsMax: 100 })
    try {
      const trades = Array.from({ length: 5_000 }, (_, index) => trade({ timestamp: index }))
      let reached: () => void = () => {}
      const begun = new Promise<void>((resolve) => {
        reached = resolve
      })
      const request = (rows: TradeColumns) => ({
        rows,
        directory: fixture.directory,
        fileName: ({ index }: { readonly index: number }) => {
          // Two are written at a time, so one is whole by now, and many have not begun.
          if (index === 2) reached()
          return `${index}.parquet`
        }
      })
      const fiber = Effect.runFork(fixture.writer.write(request(columnsOfTrades(trades))))
      await begun
      expect(await readdir(fixture.directory)).not.toEqual([])
      await Effect.runPromise(Fiber.interrupt(fiber))
      expect(await readdir(fixture.directory)).toEqual([])
      const one = await Effect.runPromise(fixture.writer.write(request(columnsOfTrades([trade()]))))
      expect(one).toHaveLength(1)
    } finally {
      await fixture.close()
    }
  })
})

/** fast-check's dictionaries have no prototype. */
const asPlain = (record: TradeV2): TradeV2 => ({
  ...record,
  vendor_data: record.vendor_data === null ? null : { ...record.vendor_data }
})
