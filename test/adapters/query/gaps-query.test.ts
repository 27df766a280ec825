import { Effect, Exit, Scope } from 'effect'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { GapColumns } from '../../../src/adapters/duckdb/gap-columns.ts'
import { type GapsFilter, makeGapsQuery } from '../../../src/adapters/query/gaps-query.ts'
import { nothingBeyond, type ScanFile } from '../../../src/adapters/query/query-ports.ts'
import { gapEventRecord } from '../../../src/market/gap-event-record.ts'
import type { GapEvent } from '../../../src/market/gap-events.ts'
import { openFixture, type WriterFixture } from '../duckdb/support.ts'
import { poolOver } from '../../support/query-pool.ts'

const { columns } = new GapColumns()
const fieldIds = Object.fromEntries(columns.map(({ name }, index) => [name, index + 1]))
const secondUs = 1_000_000

let fixture: WriterFixture
const scope = Effect.runSync(Scope.make())
const files: ScanFile[] = []
const planned: unknown[] = []
let held = 0
let query: ReturnType<typeof makeGapsQuery<never, unknown>>

const event = (number: number, change: Partial<GapEvent>): GapEvent => ({
  number,
  event: 'opened',
  dataType: 'trades',
  exchange: 'BINANCE',
  symbol: 'BTCUSDT',
  epoch: 0,
  fromId: 101,
  toId: 200,
  reason: 'shed',
  count: 100,
  afterUs: 5,
  beforeUs: 1_700_000_000_000_000,
  atUs: (number + 1) * secondUs,
  source: 'state',
  ...change
})

const events = [
  event(0, {}),
  event(1, { symbol: 'ETHUSDT', fromId: 7, toId: 9, count: 3, reason: 'restart', beforeUs: null }),
  event(2, { event: 'narrowed', fromId: 101, toId: 150, count: 50, reason: 'landed' }),
  event(3, { exchange: 'SIMULATED', fromId: 1, toId: 1, count: 1, reason: 'unknown' }),
  event(4, { event: 'closed', symbol: 'ETHUSDT', fromId: 7, toId: 9, count: 3, reason: 'landed' })
]

beforeAll(async () => {
  fixture = await openFixture({ columns, fieldIds })
  const engine = await Effect.runPromise(
    poolOver(fixture.directory).pipe(Scope.provide(scope))
  )
  const rows = new GapColumns()
  // Rows of a file are in an order of their own.
  for (const it of events.toReversed()) rows.pushEvent(gapEventRecord(it), 'ledger', it.number)
  const written = await Effect.runPromise(
    fixture.writer.write({
      rows,
      directory: fixture.directory,
      fileName: ({ index }) => `gaps-${index}.parquet`
    })
  )
  files.push(
    ...written.map(({ path, recordCount }) => ({
      path,
      recordCount,
      timestampLowerUs: -Infinity,
      timestampUpperUs: Infinity
    }))
  )
  query = makeGapsQuery<never, unknown>({
    engine,
    planner: {
      acquire: (filter) =>
        Effect.sync(() => {
          planned.push(filter)
          held++
          const source = 'read_parquet($files)'
          const release = () => void held--
          const read = <A, E>(_: unknown, use: Effect.Effect<A, E>) => use
          return { snapshotId: '7', files, source, read, beyond: nothingBeyond, release }
        })
    }
  })
})
afterAll(async () => {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  await fixture.close()
})

const list = async (filter: GapsFilter, rowsMax = 10) => {
  const { rows, ...page } = await Effect.runPromise(query.list(filter, rowsMax))
  return { ...page, gaps: rows.map((row) => JSON.parse(row) as Readonly<Record<string, unknown>>) }
}

const short = (gaps: readonly Readonly<Record<string, unknown>>[]) =>
  gaps.map((gap) => [gap['exchange'], gap['symbol'], gap['from_id'], gap['to_id'], gap['state']])

test('what is open, oldest first, as times of records are written', async () => {
  const { gaps, ...page } = await list({ state: 'open' })
  expect(short(gaps)).toEqual([
    ['BINANCE', 'BTCUSDT', 151, 200, 'open'],
    ['SIMULATED', 'BTCUSDT', 1, 1, 'open']
  ])
  expect(gaps[0]).toEqual({
    exchange: 'BINANCE',
    symbol: 'BTCUSDT',
    data_type: 'trades',
    state: 'open',
    reason: 'shed',
    epoch: 0,
    from_id: 151,
    to_id: 200,
    count: 50,
    after_time: '1970-01-01T00:00:00.000005Z',
    before_time: '2023-11-14T22:13:20.000000Z',
    opened_at: '1970-01-01T00:00:01.000000Z',
    closed_at: null,
    closed_reason: null
  })
  expect(page).toEqual({ snapshotId: '7', hasMore: false, openGaps: 2, openTrades: 51 })
})

test('what was, newest first, and all of it', async () => {
  const { gaps, openGaps } = await list({ state: 'closed' })
  expect(short(gaps)).toEqual([
    ['BINANCE', 'ETHUSDT', 7, 9, 'closed'],
    ['BINANCE', 'BTCUSDT', 101, 150, 'closed']
  ])
  expect(gaps[0]).toMatchObject({ reason: 'restart', closed_reason: 'landed', before_time: null })
  expect(openGaps).toBe(2)
  expect(short((await list({ state: 'all' })).gaps).map(([, , , , state]) => state)).toEqual([
    'open',
    'open',
    'closed',
    'closed'
  ])
})

test('by exchange, symbol and reason; no more than asked for', async () => {
  const some = await list({ state: 'all', exchange: 'BINANCE', symbol: 'BTCUSDT' }, 1)
  expect([short(some.gaps), some.hasMore]).toEqual([
    [['BINANCE', 'BTCUSDT', 151, 200, 'open']],
    true
  ])
  expect(planned.at(-1)).toEqual({ exchange: 'BINANCE', symbol: 'BTCUSDT' })
  const restarted = await list({ state: 'all', reason: 'restart' })
  expect(short(restarted.gaps)).toEqual([['BINANCE', 'ETHUSDT', 7, 9, 'closed']])
  expect(restarted.openTrades).toBe(0)
})

test('leases are given back, and a table without files is a ledger without gaps', async () => {
  const all = files.splice(0)
  const nothing = { snapshotId: '7', gaps: [], hasMore: false, openGaps: 0, openTrades: 0 }
  expect(await list({ state: 'all' })).toEqual(nothing)
  files.push(...all)
  expect(held).toBe(0)
})
