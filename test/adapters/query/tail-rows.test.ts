/**
 * The newest rows of a tail in memory are those that DuckDB finds in the tables of the same tail:
 * whatever the records, what is in files already, when the hold began and what is asked for.
 */
import { Effect } from 'effect'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { columnsOf } from '../../../src/adapters/duckdb/columns.ts'
import type { QueryPool } from '../../../src/adapters/duckdb/query-pool.ts'
import { makeTailStore, type TailStore } from '../../../src/adapters/duckdb/tail-store.ts'
import { TradeColumns } from '../../../src/adapters/duckdb/trade-columns.ts'
import { makeDensities } from '../../../src/adapters/query/densities.ts'
import type { RecordPosition, RecordRow } from '../../../src/adapters/query/newest-first.ts'
import { nothingBeyond, type TailPart } from '../../../src/adapters/query/query-ports.ts'
import type { ReadPoint } from '../../../src/adapters/query/read-point.ts'
import { recordTextSql } from '../../../src/adapters/query/record-json.ts'
import { newestRows } from '../../../src/adapters/query/record-rows.ts'
import { recordTextOf } from '../../../src/adapters/query/record-text.ts'
import type { RecordsFilter } from '../../../src/adapters/query/records-sql.ts'
import { newestInMemory } from '../../../src/adapters/query/tail-rows.ts'
import { type TradeV2, tradeV2Schema } from '../../../src/market/records/trade-v2.ts'
import { arbitraryTrade, midnightUs, trade } from '../duckdb/trades.ts'
import { poolInMemory } from '../../support/query-pool.ts'
import { simpleFilters } from './support.ts'

const pool = poolInMemory()
let stores = 0
let nowMs = 0

const newStore = (): TailStore =>
  makeTailStore(pool(), {
    name: `rows_${stores++}`,
    columns: columnsOf(tradeV2Schema),
    nowMs: () => nowMs
  })

const labels = ['log-1/trades/0', 'log-1/trades/1'] as const

interface Slice {
  readonly partition: 0 | 1
  readonly trades: readonly TradeV2[]
  /** So many offsets before the last one the row was decided by. */
  readonly late: readonly number[]
  /** Offsets that are read again, as by whoever begins anew. */
  readonly again: number
}

/** Offsets of a partition are those of its records, one behind the other. */
class Log {
  readonly store = newStore()
  readonly ends = [0, 0]
  ids = 0
  append({ partition, trades, late, again }: Slice): void {
    const rows = this.store.open(() => new TradeColumns())
    const from = Math.max(0, this.ends[partition]! - again)
    const first = rows.length
    const decided: number[] = []
    trades.forEach((one, index) => {
      const id = `${one.message_id}${this.ids++}`
      rows.push({ ...one, message_id: id }, labels[partition], from + index)
      decided.push(Math.min(from + index + (late[index] ?? 0), from + trades.length - 1))
    })
    const watermark = from + trades.length
    this.store.append({
      partition: labels[partition],
      rows,
      decidedAt: (row) => decided[row - first]!,
      watermark,
      undecided: []
    })
    this.ends[partition] = Math.max(this.ends[partition]!, watermark)
  }
}

const slice: fc.Arbitrary<Slice> = fc.record({
  partition: fc.constantFrom(0 as const, 1 as const),
  trades: fc.array(
    fc
      .tuple(arbitraryTrade, fc.option(fc.constantFrom('BTCUSDT', 'ETHUSDT')))
      .map(([one, symbol]) => (symbol === null ? one : { ...one, symbol })),
    { minLength: 1, maxLength: 8 }
  ),
  late: fc.array(fc.nat(3), { maxLength: 8 }),
  again: fc.oneof(fc.constant(0), fc.nat(9))
})


interface Asked {
  readonly filter: RecordsFilter
  readonly rowsMax: number
  readonly after?: RecordPosition | undefined
  readonly within?: ReadPoint | undefined
}

const text = { format: 'json', decimals: 'number' } as const
const { fields } = tradeV2Schema

/** By the way that records go, over a lease of no files. */
const found = async (tail: TailPart | undefined, { within, ...asked }: Asked) => {
  const lease = {
    files: [],
    source: '',
    read: <A, E>(_: unknown, use: Effect.Effect<A, E>) => use,
    beyond: { ...nothingBeyond, tail },
    within
  }
  const wanted = {
    ...asked,
    select: recordTextSql(fields, text),
    textOf: recordTextOf(fields, text)
  }
  const ports = { engine: pool(), densities: makeDensities() }
  return (await Effect.runPromise(newestRows(ports, lease, wanted))).rows
}

type Part = NonNullable<
  ReturnType<ReturnType<TailStore['hold']>['partFrom']>
>

const bothWays = async (part: Part | undefined, asked: Asked): Promise<readonly RecordRow[]> => {
  if (part === undefined) return []
  const inMemory = await found({ ...asRows(part), rows: part.rows }, asked)
  await Effect.runPromise(part.load)
  const stored: TailPart = { ...asRows(part), sql: part.sql, since: () => stored }
  const bySql = await found(stored, asked)
  expect(inMemory).toEqual(bySql)
  return inMemory
}

const asRows = (part: Part): TailPart => ({
  sql: 'SELECT error($$not by SQL$$)',
  parameters: part.parameters,
  rowsMax: part.rowsMax,
  timestampLowerUs: part.timestampLowerUs,
  timestampUpperUs: part.timestampUpperUs,
  since: () => asRows(part)
})

interface Played {
  readonly before: readonly Slice[]
  readonly after: readonly Slice[]
  readonly floors: readonly [number, number]
  readonly asked: Pick<Asked, 'filter' | 'rowsMax'>
  readonly point: readonly [number, number] | null
  readonly held: readonly number[]
  readonly isSlow: boolean
}

const played: fc.Arbitrary<Played> = fc.record({
  before: fc.array(slice, { minLength: 1, maxLength: 6 }),
  after: fc.array(slice, { maxLength: 3 }),
  floors: fc.tuple(fc.nat(6), fc.nat(6)),
  asked: fc.record({
    filter: fc.oneof(fc.constant({}), simpleFilters),
    rowsMax: fc.integer({ min: 1, max: 12 })
  }),
  point: fc.option(fc.tuple(fc.nat(20), fc.nat(20))),
  held: fc.array(fc.nat(20), { maxLength: 3 }),
  isSlow: fc.boolean()
})

describe('the newest rows of a tail', () => {
  test('property: memory has what DuckDB has', async () => {
    let rows = 0
    const play = async ({ before, after, floors, asked, point, held, isSlow }: Played) => {
      const log = new Log()
      for (const one of before) log.append(one)
      const hold = log.store.hold()
      const from = new Map(labels.map((label, index) => [label, floors[index]!]))
      const part = hold.partFrom(from, asked.filter)
      // Some of it may be in DuckDB already, or be gone from it again.
      if (isSlow && part !== undefined) {
        const other = log.store.hold()
        await Effect.runPromise(other.partFrom(from, {})?.load ?? Effect.void)
        other.release()
        nowMs += 20_000
      }
      for (const one of after) log.append(one)
      if (isSlow) await Effect.runPromise(log.store.trim(from))
      const first = await bothWays(part, asked)
      rows += first.length
      const last = first.at(-1)
      if (last !== undefined) await bothWays(part, { ...asked, after: last })
      if (point !== null) {
        const within: ReadPoint = {
          snapshotId: null,
          removals: 0,
          missing: [],
          watermarks: new Map([[labels[0], point[0]], [labels[1], point[1]]]),
          undecided: new Map([[labels[0], held]])
        }
        await bothWays(part, { ...asked, within })
      }
      hold.release()
      await Effect.runPromise(log.store.clear)
    }
    await fc.assert(fc.asyncProperty(played, play), { numRuns: 150 })
    // It is not of nothing.
    expect(rows).toBeGreaterThan(100)
  }, 240_000)

  test('a hold does not see what came later; who begins anew adds nothing', async () => {
    const log = new Log()
    const slice = (again: number, ...ids: readonly number[]): Slice => ({
      partition: 0,
      trades: ids.map((id) => trade({ source_sequence: id, timestamp: midnightUs + id })),
      late: [],
      again
    })
    const seen = async (hold = log.store.hold()) => {
      const asked = { filter: {}, rowsMax: 100 }
      const rows = await bothWays(hold.partFrom(new Map([[labels[0], 1]]), {}), asked)
      return rows.map(({ sourceSequence }) => sourceSequence)
    }
    log.append(slice(0, 1, 2, 3))
    const early = log.store.hold()
    expect(await seen()).toEqual([3, 2])
    log.append(slice(3, 1, 2, 3))
    expect(log.store.rowCount()).toBe(3)
    log.append(slice(2, 2, 3, 4))
    expect(await seen()).toEqual([4, 3, 2])
    expect(await seen(early)).toEqual([3, 2])
    early.release()
  })

  test('maps whose keys V8 takes for each other', async () => {
    const log = new Log()
    const keys = ['\\', '\\', '\u0000', '\\', '\n', '"']
    const trades = keys.map((key, id) =>
      trade({ source_sequence: id, vendor_data: { origin: '', [key]: '' } })
    )
    log.append({ partition: 0, trades, late: [], again: 0 })
    const part = log.store.hold().partFrom(new Map(), {})
    for (const rowsMax of [2, 6, 6]) {
      const rows = await bothWays(part, { filter: {}, rowsMax })
      expect(rows).toHaveLength(rowsMax)
    }
  })

  test('over many blocks, of many symbols', async () => {
    const log = new Log()
    const symbols = Array.from({ length: 70 }, (_, index) => `S${index}`)
    for (let batch = 0; batch < 20; batch++) {
      const trades = Array.from({ length: 2_000 }, (_, index) => {
        const id = batch * 2_000 + index
        // One symbol is of the first rows only, and time goes back now and then.
        const symbol = id < 300 && id % 3 === 0 ? 'RARE' : symbols[(id * 31) % 70]!
        const timestamp = midnightUs + Math.floor(id / 3) - (id % 97 === 0 ? 5_000 : 0)
        return trade({ symbol, source_sequence: id, timestamp })
      })
      log.append({ partition: batch % 2 === 0 ? 0 : 1, trades, late: [], again: 0 })
    }
    const hold = log.store.hold()
    const asks = [
      { filter: {}, rowsMax: 101 },
      { filter: {}, rowsMax: 3_000 },
      { filter: { symbols: ['RARE'] }, rowsMax: 60 },
      { filter: { symbols: ['S3', 'S69'], toUs: midnightUs + 9_000 }, rowsMax: 250 },
      { filter: { symbols: ['NONE'] }, rowsMax: 5 },
      { filter: { fromUs: midnightUs + 13_000 }, rowsMax: 10_000 }
    ]
    for (const asked of asks) {
      const part = hold.partFrom(new Map([[labels[1], 6_000]]), asked.filter)
      const rows = await bothWays(part, asked)
      expect(rows.length > 0).toBe(asked.filter.symbols?.[0] !== 'NONE')
    }
    hold.release()
  }, 60_000)

  test('of one moment, those that come first in the order may lie in any block', async () => {
    const log = new Log()
    const trades = Array.from({ length: 3_000 }, (_, index) =>
      trade({ source_sequence: 3_000 - index })
    )
    log.append({ partition: 0, trades, late: [], again: 0 })
    const hold = log.store.hold()
    const rows = await bothWays(hold.partFrom(new Map(), {}), { filter: {}, rowsMax: 2 })
    expect(rows.map(({ sourceSequence }) => sourceSequence)).toEqual([3_000, 2_999])
    hold.release()
  })

  test('rows that DuckDB cannot be given fail the read, and are given the next time', async () => {
    let isBroken = true
    const failing = {
      write: (use: Parameters<QueryPool['write']>[0]) =>
        pool().write(async (connection) => {
          if (isBroken) await connection.run('SELECT no_such_column')
          return use(connection)
        })
    } as QueryPool
    const store = makeTailStore(failing, { name: 'failing', columns: columnsOf(tradeV2Schema) })
    const rows = store.open(() => new TradeColumns())
    rows.push(trade(), labels[0], 0)
    store.append({
      partition: labels[0],
      rows,
      decidedAt: () => 0,
      watermark: 1,
      undecided: []
    })
    const hold = store.hold()
    const part = hold.partFrom(new Map(), {})!
    expect((await Effect.runPromiseExit(part.load))._tag).toBe('Failure')
    expect(() => part.sql).toThrow('before DuckDB has them')
    isBroken = false
    expect(await bothWays(part, { filter: {}, rowsMax: 5 })).toHaveLength(1)
    hold.release()
  })
})

test('nothing wanted is nothing found', () => {
  const textOf = recordTextOf(fields, text)
  const wanted = { filter: {}, after: undefined, within: undefined, rowsMax: 5, textOf }
  expect(newestInMemory([], wanted)).toEqual([])
})
