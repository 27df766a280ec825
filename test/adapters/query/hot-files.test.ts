/** Files in memory answer as the files do, for any rows and filters; which are kept is bounded. */
import { Deferred, Effect, Exit, Scope } from 'effect'
import * as fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type HotFile, packFile } from '../../../src/adapters/query/hot-file.ts'
import { type HotFiles, makeHotFiles, readsMin } from '../../../src/adapters/query/hot-files.ts'
import { newestRows } from '../../../src/adapters/query/record-rows.ts'
import { makeDensities } from '../../../src/adapters/query/densities.ts'
import { recordJsonSql } from '../../../src/adapters/query/record-json.ts'
import type { RecordPosition } from '../../../src/adapters/query/newest-first.ts'
import type { BytesEngine, ScanFile } from '../../../src/adapters/query/query-ports.ts'
import type { RecordsFilter } from '../../../src/adapters/query/records-sql.ts'
import { tradeV2Schema } from '../../../src/market/records/trade-v2.ts'
import { arbitraryTrade, midnightUs, trade, withOwnIds } from '../duckdb/trades.ts'
import { openWarehouse, simpleFilters, type Warehouse } from './support.ts'

const select = recordJsonSql(tradeV2Schema.fields)
const source = 'read_parquet($files)'
let warehouse: Warehouse

beforeAll(async () => {
  warehouse = await openWarehouse()
})
beforeEach(() => warehouse.setFiles([]))
afterAll(() => warehouse.close())

const leased = () => Effect.runPromise(warehouse.planner.acquire({}))

/** Asks as queries do, with all files in memory or none. */
const rowsOf = async (
  hotFiles: HotFiles<never> | undefined,
  wanted: { filter: RecordsFilter; rowsMax: number; after?: RecordPosition | undefined }
) => {
  const ports = { engine: warehouse.engine, densities: makeDensities(), hotFiles }
  const found = await Effect.runPromise(newestRows(ports, await leased(), { ...wanted, select }))
  return found.rows
}

/** In several slices. */
const form = { source, select, rowsMax: 5 }

const allPacked = async (files: readonly ScanFile[]): Promise<HotFiles<never>> => {
  const packed = new Map<string, HotFile>()
  for (const file of files) {
    const hot = await Effect.runPromise(packFile(warehouse.engine, file, form))
    packed.set(file.path, hot!)
  }
  return {
    find: ({ path }) => packed.get(path),
    counters: () => ({ hotFiles: packed.size, hotFilesBytes: 0 })
  }
}

test('property: rows, order and texts are those of the files', async () => {
  const batch = fc.array(arbitraryTrade, { minLength: 1, maxLength: 12 })
  const batches = fc.array(batch, { minLength: 1, maxLength: 3 }).map(withOwnIds)
  await fc.assert(
    fc.asyncProperty(
      batches,
      simpleFilters,
      fc.integer({ min: 1, max: 9 }),
      fc.nat(8),
      async (landed, filter, rowsMax, skipped) => {
        warehouse.setFiles([])
        const files = []
        for (const batch of landed) files.push(...(await warehouse.land(batch)))
        const hot = await allPacked(files)
        const after = (await rowsOf(undefined, { filter, rowsMax: 9 }))[skipped]
        for (const from of [undefined, after]) {
          const wanted = { filter, rowsMax, after: from }
          expect(await rowsOf(hot, wanted)).toEqual(await rowsOf(undefined, wanted))
        }
      }
    ),
    { numRuns: 40, endOnFailure: true }
  )
})

test('what a filter cannot be asked of in memory is read from the files', async () => {
  const trades = [1n, 2n].map((price) => trade({ price, message_id: `${price}` }))
  const files = await warehouse.land(trades)
  const hot = await allPacked(files)
  const wanted = { filter: { minPrice: '0.00000002' }, rowsMax: 9 }
  expect((await rowsOf(hot, wanted)).map(({ messageId }) => messageId)).toEqual(['2'])
})

interface Kept {
  readonly hot: HotFiles<never>
  readonly failures: unknown[]
  readonly close: () => Promise<void>
  nowMs: number
}

const opened = async (bytesMax: number, engine: BytesEngine<unknown>): Promise<Kept> => {
  const scope = Effect.runSync(Scope.make())
  const failures: unknown[] = []
  const kept = { nowMs: 0, failures }
  const options = { bytesMax, nowMs: () => kept.nowMs, onFailed: (e: unknown) => failures.push(e) }
  const making = makeHotFiles<never, unknown>(engine, options)
  const hot = await Effect.runPromise(making.pipe(Scope.provide(scope)))
  const close = () => Effect.runPromise(Scope.close(scope, Exit.void))
  return Object.assign(kept, { hot, close })
}

const read = (hot: HotFiles<never>, file: ScanFile, times: number) => {
  const lease = { source, read: <A, E>(_: readonly ScanFile[], use: Effect.Effect<A, E>) => use }
  let found
  for (let time = 0; time < times; time++) found = hot.find(file, lease, select)
  return found
}

test('packed is what was read often; what was not used for the longest goes', async () => {
  const rows = (minute: number) =>
    Array.from({ length: 50 }, (_, n) =>
      trade({ timestamp: midnightUs + minute * 60_000_000, source_sequence: n + 1 })
    )
  const files = []
  for (const minute of [1, 2, 3]) files.push(...(await warehouse.land(rows(minute))))
  const [first, second, third] = files as [ScanFile, ScanFile, ScanFile]
  // Two of the files, of which each has some 21 kB.
  const kept = await opened(50_000, warehouse.engine)
  const { hot } = kept
  expect(read(hot, first, readsMin - 1)).toBeUndefined()
  expect(hot.counters().hotFiles).toBe(0)
  read(hot, first, 1)
  await expect.poll(() => hot.counters().hotFiles).toBe(1)
  const all = { filter: {}, after: undefined, rowsMax: 99 }
  expect(read(hot, first, 1)?.newest(all)).toHaveLength(50)
  read(hot, second, readsMin)
  await expect.poll(() => hot.counters().hotFiles).toBe(2)
  read(hot, first, 1)
  read(hot, third, readsMin)
  await expect.poll(() => read(hot, third, 1)).toBeDefined()
  expect(read(hot, second, 1)).toBeUndefined()
  expect(read(hot, first, 1)).toBeDefined()
  expect(hot.counters().hotFiles).toBe(2)
  expect(hot.counters().hotFilesBytes).toBeLessThanOrEqual(50_000)
  expect(kept.failures).toEqual([])
  await kept.close()
})

test('a file that cannot be packed is told, the next one is, and it is tried again', async () => {
  const [good] = await warehouse.land([trade()])
  const gone = { ...good!, path: `${good!.path}.gone` }
  const kept = await opened(2 ** 20, warehouse.engine)
  read(kept.hot, gone, readsMin)
  read(kept.hot, good!, readsMin)
  await expect.poll(() => kept.hot.counters().hotFiles).toBe(1)
  expect(kept.failures).toHaveLength(1)
  read(kept.hot, gone, readsMin - 1)
  expect(kept.failures).toHaveLength(1)
  read(kept.hot, gone, 1)
  await expect.poll(() => kept.failures.length).toBe(2)
  await kept.close()
})

test('more rows than there is memory for are not packed', async () => {
  const [file] = await warehouse.land([trade()])
  const over = await Effect.runPromise(Deferred.make<void>())
  const engine: BytesEngine<unknown> = {
    runBytes: (query) =>
      Effect.andThen(Deferred.succeed(over, undefined), warehouse.engine.runBytes(query))
  }
  const kept = await opened(640 * 9, engine)
  read(kept.hot, { ...file!, recordCount: 10 }, 2 * readsMin)
  read(kept.hot, { ...file!, path: file!.path, recordCount: 1 }, 2 * readsMin)
  expect(kept.hot.counters().hotFiles).toBe(0)
  await kept.close()
})
