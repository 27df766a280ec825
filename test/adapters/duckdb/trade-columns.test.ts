import { Effect } from 'effect'
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { TradeColumns } from '../../../src/adapters/duckdb/trade-columns.ts'
import { type CompactTrade, tradeOf } from '../../../src/market/compact-trade.ts'
import { arbitraryCompact } from '../../support/compact-trades.ts'
import { openFixture, readTrades, type WriterFixture } from './support.ts'
import { trade } from './trades.ts'

let fixture: WriterFixture
let writes = 0
beforeAll(async () => {
  fixture = await openFixture()
})
afterAll(() => fixture.close())

const rowsOf = async (rows: TradeColumns) => {
  const batch = writes++
  const files = await Effect.runPromise(
    fixture.writer.write({
      rows,
      directory: fixture.directory,
      fileName: ({ index }) => `c-${batch}-${index}.parquet`
    })
  )
  return (await Promise.all(files.map(({ path }) => readTrades(path))))
    .flat()
    .sort((one, other) => one.k2_offset - other.k2_offset)
}

const pushCompact = (rows: TradeColumns, compact: CompactTrade, partition: string, at: number) => {
  const words = (value: number) => [value >>> 0, Math.floor(value / 2 ** 32)] as const
  const [priceLow, priceHigh] = words(compact.price)
  const [quantityLow, quantityHigh] = words(compact.quantity)
  const decoded = { ...compact, priceLow, priceHigh, quantityLow, quantityHigh }
  rows.pushCompact(compact.instrument, decoded, partition, at)
}

/** Times within the days that DuckDB's timestamps and the writer's partitions have. */
const compacts = fc.array(
  fc.tuple(
    arbitraryCompact.map((compact) => ({
      ...compact,
      timestampUs: 1_700_000_000_000_000 + (compact.timestampUs % 1_000_000)
    })),
    fc.boolean(),
    fc.constantFrom('log/topic/0', 'log/topic/1')
  ),
  { minLength: 1, maxLength: 30 }
)

test('property: a compact row is the row of its record, beside rows of records', async () => {
  const rows = new TradeColumns()
  await fc.assert(
    fc.asyncProperty(compacts, async (given) => {
      rows.clear()
      const expected = given.map(([compact, isCompact, partition], offset) => {
        if (isCompact) pushCompact(rows, compact, partition, offset)
        else rows.push(tradeOf(compact), partition, offset)
        return { ...tradeOf(compact), k2_partition: partition, k2_offset: offset }
      })
      expect(await rowsOf(rows)).toEqual(expected)
    }),
    { numRuns: 25 }
  )
})

test('records of any other form stand beside compact rows', async () => {
  const rows = new TradeColumns()
  const [compact] = fc.sample(arbitraryCompact, { numRuns: 1, seed: 5 })
  const others = [
    trade({ trade_id: 'no number', source_sequence: 7 }),
    trade({ message_id: 'x', source_sequence: null, platform_sequence: 3 }),
    trade({ vendor_data: { event_time: '007', other: 'x' } }),
    trade({ vendor_data: { event_time: '1723161255343', buyer_order_id: '1' } }),
    trade({ vendor_data: {} })
  ]
  pushCompact(rows, compact!, 'p', 0)
  others.forEach((record, index) => rows.push(record, 'p', index + 1))
  const expected = [tradeOf(compact!), ...others].map((record, index) => ({
    ...record,
    k2_partition: 'p',
    k2_offset: index
  }))
  expect(await rowsOf(rows)).toEqual(expected)
})
