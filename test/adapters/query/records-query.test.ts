import { Effect } from 'effect'
import * as fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { columnsOf, noRowsSql } from '../../../src/adapters/duckdb/columns.ts'
import { parseDecimal } from '../../../src/market/decimal.ts'
import {
  compareRecords,
  newestFirst,
  type RecordRow
} from '../../../src/adapters/query/newest-first.ts'
import type { ScanFile } from '../../../src/adapters/query/query-ports.ts'
import type { RecordsFilter } from '../../../src/adapters/query/records-sql.ts'
import { makeTokenCodec } from '../../../src/adapters/query/read-token.ts'
import { makeRecordsQuery, type RecordsRequest } from '../../../src/adapters/query/records-query.ts'
import { type TradeV2, tradeV2Schema } from '../../../src/market/records/trade-v2.ts'
import { arbitraryTrade, midnightUs, trade, withOwnIds } from '../duckdb/trades.ts'
import { openWarehouse, simpleConditions, type Warehouse } from './support.ts'
import { jsonOf } from './trade-json.ts'

const { fields } = tradeV2Schema

let warehouse: Warehouse

beforeAll(async () => {
  warehouse = await openWarehouse()
})
beforeEach(async () => {
  warehouse.setFiles([])
  await warehouse.setTail([])
  warehouse.statements.length = 0
})
afterAll(() => warehouse.close())

const json = { format: 'json', decimals: 'number' } as const
const tokens = makeTokenCodec({ uuid: 'of-the-table' })
const noRows = noRowsSql(columnsOf(tradeV2Schema))
const query = () => makeRecordsQuery({ ...warehouse, fields, noRows, tokens })

const newest = (filter: RecordsFilter, rowsMax: number) =>
  Effect.runPromise(query().newest({ filter, rowsMax, text: json }))

/** The answer of somebody who reads everything. */
const naive = (
  trades: readonly TradeV2[],
  filter: RecordsFilter,
  rowsMax: number
): readonly string[] =>
  trades
    .filter(
      (record) =>
        (filter.symbols === undefined || filter.symbols.includes(record.symbol)) &&
        (filter.exchanges === undefined || filter.exchanges.includes(record.exchange)) &&
        (filter.minPrice === undefined || record.price >= parseDecimal(filter.minPrice)) &&
        (filter.maxPrice === undefined || record.price <= parseDecimal(filter.maxPrice)) &&
        (filter.minQuantity === undefined ||
          record.quantity >= parseDecimal(filter.minQuantity)) &&
        (filter.fromUs === undefined || record.timestamp >= filter.fromUs) &&
        (filter.toUs === undefined || record.timestamp < filter.toUs)
    )
    .map((record) => ({
      timestampUs: record.timestamp,
      symbol: record.symbol,
      sourceSequence: record.source_sequence,
      messageId: record.message_id,
      text: jsonOf(record)
    }))
    .sort(compareRecords)
    .slice(0, rowsMax)
    .map(({ text }) => text)

const filters: fc.Arbitrary<RecordsFilter> = fc.record(
  {
    ...simpleConditions,
    minPrice: fc.constantFrom('-1', '0.00000001', '9999999999.99999999'),
    maxPrice: fc.constantFrom('0', '61837.63', '9999999999.99999998'),
    minQuantity: fc.constantFrom('0', '0.00000001')
  },
  { requiredKeys: [] }
)

describe('trades query', () => {
  test('a table without files', async () => {
    expect(await newest({}, 10)).toEqual({
      snapshotId: '9223372036854775807',
      rows: [],
      hasMore: false,
      missing: [],
      readToken: expect.any(String),
      nextCursor: null,
      isKnown: false,
      explain: {
        manifestsConsidered: 0,
        manifestsPruned: 0,
        filesConsidered: 0,
        filesPruned: 0,
        filesRead: 0,
        planMs: expect.any(Number),
        readMs: expect.any(Number)
      }
    })
  })

  test('exact text of a row', async () => {
    await warehouse.land([
      trade({
        source_sequence: 9_007_199_254_740_991,
        timestamp: midnightUs - 1,
        price: 10n ** 18n - 1n,
        quantity: 1n,
        trade_conditions: ['a"b'],
        vendor_data: { event_time: '1', 'odd\n': 'é😀' }
      })
    ])
    const { rows } = await newest({}, 10)
    expect(rows).toEqual([
      '{"message_id":"BINANCE:BTCUSDT:9007199254740991",' +
        '"trade_id":"BINANCE-9007199254740991","symbol":"BTCUSDT",' +
        '"exchange":"BINANCE","asset_class":"crypto","timestamp":"2024-08-07T23:59:59.999999Z",' +
        '"price":9999999999.99999999,"quantity":0.00000001,"currency":"USDT","side":"BUY",' +
        '"trade_conditions":["a\\"b"],"source_sequence":9007199254740991,' +
        '"ingestion_timestamp":"2024-08-08T00:00:00.001500Z","platform_sequence":null,' +
        '"vendor_data":{"event_time":"1","odd\\n":"é😀"}}'
    ])
    expect(() => JSON.parse(rows[0]!)).not.toThrow()
  })

  test('start is inclusive, end is exclusive, text is bound and never SQL', async () => {
    const odd = "x' OR 1=1 --"
    await warehouse.land([
      ...[0, 1, 2, 3].map((n) => trade({ source_sequence: n, timestamp: midnightUs + n })),
      trade({ symbol: odd, timestamp: midnightUs + 9 })
    ])
    const page = await newest(
      { symbols: ['BTCUSDT'], fromUs: midnightUs + 1, toUs: midnightUs + 3 },
      10
    )
    expect(page.rows.map((row) => JSON.parse(row).source_sequence)).toEqual([2, 1])
    expect((await newest({ symbols: [odd] }, 10)).rows).toHaveLength(1)
    expect((await newest({ exchanges: [odd] }, 10)).rows).toHaveLength(0)
  })

  test('reads the newest files only, in one statement where they hold the answer', async () => {
    for (let file = 0; file < 30; file++) {
      await warehouse.land(
        Array.from({ length: 20 }, (_, n) =>
          trade({ source_sequence: file * 20 + n, timestamp: midnightUs + file * 1_000 + n })
        )
      )
    }
    const page = await newest({ symbols: ['BTCUSDT'] }, 10)
    expect(page).toMatchObject({ hasMore: true, explain: { filesConsidered: 30, filesRead: 5 } })
    expect(page.rows.map((row) => JSON.parse(row).source_sequence)).toEqual(
      Array.from({ length: 10 }, (_, n) => 599 - n)
    )
    expect(warehouse.statements).toHaveLength(1)
    // Exactly as many as there are: no more, and every file had to be read to know.
    expect(await newest({}, 600)).toMatchObject({
      hasMore: false,
      explain: { filesRead: 30 }
    })
    expect(await newest({}, 599)).toMatchObject({ hasMore: true })
  })

  test('a tail that holds the answer is all that is read', async () => {
    const tradesAt = (fromUs: number) =>
      Array.from({ length: 20 }, (_, n) => trade({ source_sequence: n, timestamp: fromUs + n }))
    await warehouse.land(tradesAt(midnightUs))
    await warehouse.setTail(tradesAt(midnightUs + 100))
    expect(await newest({}, 19)).toMatchObject({ hasMore: true, explain: { filesRead: 0 } })
    expect(warehouse.statements).toHaveLength(1)
    const { rows, explain } = await newest({}, 21)
    expect(explain.filesRead).toBe(1)
    expect(rows.map((row) => JSON.parse(row).source_sequence).slice(-2)).toEqual([0, 19])
  })

  test('a row of the same microsecond in an older file still takes its place', async () => {
    await warehouse.land([
      trade({ symbol: 'ETHUSDT', source_sequence: 5 }),
      trade({ symbol: 'ETHUSDT', source_sequence: 4 })
    ])
    await warehouse.land([trade({ symbol: 'BTCUSDT', source_sequence: 1 })])
    const { rows } = await newest({}, 1)
    expect(JSON.parse(rows[0]!).symbol).toBe('BTCUSDT')
  })

  test('the lease is released also when the engine fails', async () => {
    await warehouse.land([trade()])
    const before = { ...warehouse.leases }
    const failing = makeRecordsQuery({
      planner: warehouse.planner,
      engine: { run: () => Effect.fail('broken') },
      fields,
      noRows,
      tokens
    })
    const request = { filter: {}, rowsMax: 1, text: json }
    expect(await Effect.runPromise(Effect.flip(failing.newest(request)))).toBe('broken')
    expect(warehouse.leases).toEqual({ taken: before.taken + 1, released: before.released + 1 })
  })

  test('property: over real files and a tail, the planned answer is the naive one', async () => {
    const batch = fc.array(arbitraryTrade, { minLength: 1, maxLength: 12 })
    const batches = fc.array(batch, { maxLength: 4 }).map(withOwnIds)
    await fc.assert(
      fc.asyncProperty(
        batches,
        filters,
        fc.integer({ min: 1, max: 20 }),
        async ([tail = [], ...landed], filter, rowsMax) => {
          warehouse.setFiles([])
          for (const batch of landed) await warehouse.land(batch)
          await warehouse.setTail(tail)
          const page = await newest(filter, rowsMax)
          const expected = naive([...tail, ...landed.flat()], filter, rowsMax + 1)
          expect(page.rows.map((row) => JSON.parse(row))).toEqual(
            expected.slice(0, rowsMax).map((row) => JSON.parse(row))
          )
          expect(page.hasMore).toBe(expected.length > rowsMax)
        }
      ),
      { numRuns: 25 }
    )
  })
})

describe('pages', () => {
  const pageAt = (
    filter: RecordsFilter,
    rowsMax: number,
    from: NonNullable<RecordsRequest['from']>
  ) => Effect.runPromise(query().newest({ filter, rowsMax, text: json, from }))

  /** Walks from the first page to the last, as clients do; things happen between two pages. */
  const walk = async (
    filter: RecordsFilter,
    rowsMax: number,
    happenings: ReadonlyArray<() => Promise<void>>
  ) => {
    const all: string[] = []
    const first = await newest(filter, rowsMax)
    for (let [page, pages] = [first, 0]; ; pages++) {
      all.push(...page.rows)
      expect(page.readToken).toBe(first.readToken)
      expect(page.hasMore).toBe(page.nextCursor !== null)
      if (page.nextCursor === null) {
        // What did not come between two pages comes now: a tail that never landed would be lost.
        for (const happening of happenings.slice(pages)) await happening()
        return { all, token: first.readToken! }
      }
      expect(page.rows).toHaveLength(rowsMax)
      await happenings[pages]?.()
      page = await pageAt(filter, rowsMax, { cursor: page.nextCursor })
    }
  }

  test('property: joined they are one read of their point, whatever comes between', async () => {
    const batches = fc
      .uniqueArray(arbitraryTrade, {
        selector: ({ message_id }) => message_id,
        minLength: 1,
        maxLength: 40
      })
      .map((trades) => ({
        landed: [trades.slice(0, 9), trades.slice(20, 30)],
        tail: trades.slice(9, 20),
        later: trades.slice(30)
      }))
    await fc.assert(
      fc.asyncProperty(
        batches,
        filters,
        fc.integer({ min: 1, max: 7 }),
        async ({ landed, tail, later }, filter, rowsMax) => {
          warehouse.setFiles([])
          for (const batch of landed) if (batch.length > 0) await warehouse.land(batch)
          await warehouse.setTail(tail)
          const expected = naive([...tail, ...landed.flat()], filter, 1_000)
          const { rows } = await newest(filter, 1_000)
          const { all, token } = await walk(filter, rowsMax, [
            async () => warehouse.landTail(),
            () => warehouse.setTail(later.slice(0, 5)),
            async () => void (later.length > 5 && (await warehouse.land(later.slice(5))))
          ])
          expect(all.map((row) => JSON.parse(row))).toEqual(expected.map((row) => JSON.parse(row)))
          expect(all).toEqual(rows)
          await warehouse.setTail(later)
          const again = await pageAt(filter, 1_000, { token })
          expect(again).toMatchObject({ rows, readToken: token })
        }
      ),
      { numRuns: 25, endOnFailure: true }
    )
  })

  test('a cursor is of its query; a token of its table', async () => {
    await warehouse.land([1, 2, 3].map((n) => trade({ source_sequence: n })))
    const { nextCursor, readToken } = await newest({ symbols: ['BTCUSDT'] }, 1)
    const refused = (filter: RecordsFilter, from: NonNullable<RecordsRequest['from']>) =>
      Effect.runPromise(Effect.flip(query().newest({ filter, rowsMax: 1, text: json, from })))
    for (const filter of [{}, { symbols: ['ETHUSDT'] }, { symbols: ['BTCUSDT'], fromUs: 1 }])
      expect(await refused(filter, { cursor: nextCursor! })).toMatchObject({
        _tag: 'CursorInvalid'
      })
    for (const token of [nextCursor!, `${readToken!}x`, readToken!.slice(1), 'r1..'])
      expect(await refused({}, { token })).toMatchObject({ _tag: 'ReadTokenInvalid' })
    const choice = { kind: 'tag', name: 'x' } as const
    expect(await refused({}, { token: readToken!, choice })).toMatchObject({
      _tag: 'ReadTokenInvalid'
    })
    expect((await pageAt({}, 9, { token: readToken! })).rows).toHaveLength(3)
    const two = await pageAt({ symbols: ['BTCUSDT'] }, 2, { cursor: nextCursor! })
    expect(two).toMatchObject({ hasMore: false, nextCursor: null, readToken })
  })

  test('rows are left out after the filter, and before the limit', async () => {
    await warehouse.land([1, 2, 3, 4, 5, 6].map((n) => trade({ source_sequence: n })))
    await warehouse.land([trade({ symbol: 'ETHUSDT' })])
    const ids = async (offset: number) => {
      const filter = { symbols: ['BTCUSDT'] }
      const request = { filter, rowsMax: 4, text: json, offset }
      const { rows, hasMore } = await Effect.runPromise(query().newest(request))
      return [rows.map((row) => JSON.parse(row).source_sequence), hasMore]
    }
    expect(await ids(0)).toEqual([[6, 5, 4, 3], true])
    expect(await ids(2)).toEqual([[4, 3, 2, 1], false])
    expect(await ids(5)).toEqual([[1], false])
    expect(await ids(6)).toEqual([[], false])
    expect(await ids(7)).toEqual([[], false])
  })

  test('what the client has is not read', async () => {
    await warehouse.land([trade()])
    const { readToken } = await newest({}, 1)
    warehouse.statements.length = 0
    const request = { filter: {}, rowsMax: 1, text: json }
    const known = await Effect.runPromise(
      query().newest({ ...request, isKnown: (token) => token === readToken })
    )
    expect(known).toMatchObject({ isKnown: true, readToken, rows: [] })
    expect(warehouse.statements).toEqual([])
  })

  test('files that are newer than the position are not read again', async () => {
    for (let file = 0; file < 30; file++) {
      await warehouse.land([trade({ source_sequence: file, timestamp: midnightUs + file })])
    }
    const first = await newest({}, 10)
    const second = await pageAt({}, 5, { cursor: first.nextCursor! })
    expect(second.rows.map((row) => JSON.parse(row).source_sequence)).toEqual([19, 18, 17, 16, 15])
    expect(second.explain.filesRead).toBe(21)
  })
})

describe('text of records', () => {
  const text = async (
    fields: readonly string[],
    form: RecordsRequest['text']
  ): Promise<readonly string[]> =>
    (await Effect.runPromise(query().newest({ filter: {}, rowsMax: 9, text: form, fields }))).rows

  test('fields in the order they are asked for, decimals as text', async () => {
    await warehouse.land([trade({ price: 1n })])
    expect(await text(['price', 'symbol'], { format: 'json', decimals: 'string' })).toEqual([
      '{"price":"0.00000001","symbol":"BTCUSDT"}'
    ])
  })

  test('CSV: what needs quotes has them, what is absent is empty', async () => {
    await warehouse.land([
      trade({ currency: 'a"b,c', trade_conditions: ['x', 'y'], price: 10n ** 18n - 1n }),
      trade({ timestamp: midnightUs - 1, currency: 'two\nlines', source_sequence: null })
    ])
    const names = ['timestamp', 'currency', 'price', 'trade_conditions', 'source_sequence']
    expect(await text([...names, 'vendor_data'], { format: 'csv', decimals: 'number' })).toEqual([
      '2024-08-08T00:00:00.000000Z,"a""b,c",9999999999.99999999,"[""x"",""y""]",1,',
      '2024-08-07T23:59:59.999999Z,"two\nlines",61837.63000000,[],,'
    ])
  })
})

describe('newest first', () => {
  /** A file as its rows; bounds may be wider than the data, as truncated ones are. */
  const arbitraryFile = fc.record({
    times: fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 40, size: 'max' }),
    slack: fc.integer({ min: 0, max: 3 })
  })

  test('property: any layout of files gives what reading them all gives', async () => {
    let [narrowed, misses] = [0, 0]
    await fc.assert(
      fc.asyncProperty(
        fc.array(arbitraryFile, { maxLength: 40 }),
        fc.integer({ min: 1, max: 12 }),
        fc.constantFrom(0.1, 1, 3),
        fc.constantFrom('none', 'in memory', 'in the engine'),
        async (layout, rowsMax, rowsPerMatch, whereTail) => {
          const rowsByPath = new Map<string, readonly RecordRow[]>()
          const scanned: ScanFile[] = layout.map(({ times, slack }, index) => {
            const path = `file-${index}`
            rowsByPath.set(
              path,
              times.map((timestampUs, n) => ({
                timestampUs,
                symbol: n % 2 === 0 ? 'A' : 'B',
                sourceSequence: n % 3 === 0 ? null : n,
                messageId: `${index}-${n}`,
                text: `${index}-${n}`
              }))
            )
            return {
              path,
              recordCount: times.length,
              timestampLowerUs: Math.min(...times, 30) - slack,
              timestampUpperUs: Math.max(...times, 0) + slack
            }
          })
          const [tail, files] = whereTail !== 'none'
            ? [scanned[0], scanned.slice(1)]
            : [undefined, scanned]
          files.sort((a, b) => b.timestampUpperUs - a.timestampUpperUs)
          const floors: (number | undefined)[] = []
          const read = (group: readonly ScanFile[], floorUs: number | undefined) => {
            floors.push(floorUs)
            return Effect.succeed(
              group
                .flatMap(({ path }) => rowsByPath.get(path)!)
                .filter(({ timestampUs }) => floorUs === undefined || timestampUs >= floorUs)
                .sort(compareRecords)
                .slice(0, rowsMax)
            )
          }
          const sources = {
            files,
            read,
            tail: tail && {
              ...tail,
              isInMemory: whereTail === 'in memory',
              read: (floorUs?: number) => read([tail], floorUs)
            }
          }
          const { rows, filesRead } = await Effect.runPromise(
            newestFirst(sources, { rowsMax, rowsPerMatch, isDense: true })
          )
          if (floors[0] !== undefined) narrowed += 1
          if (floors[0] !== undefined && floors.length > 1 && floors[1] === undefined) misses += 1
          expect(rows).toEqual(
            [...rowsByPath.values()].flat().sort(compareRecords).slice(0, rowsMax)
          )
          expect(filesRead).toBeLessThanOrEqual(files.length)
        }
      ),
      { numRuns: 300 }
    )
    // Both outcomes of the first, narrow look were among them.
    expect(Math.min(narrowed - misses, misses)).toBeGreaterThan(0)
  })
})
