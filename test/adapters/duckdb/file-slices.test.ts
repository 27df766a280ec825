import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { type SliceSource, sliceRows } from '../../../src/adapters/duckdb/file-slices.ts'

interface Row {
  readonly group: number
  readonly timestamp: number
  readonly sequence: number
}

const groups = [
  { exchange: 'BINANCE', symbol: 'ETHUSDT' },
  { exchange: 'BINANCE', symbol: 'BTCUSDT' },
  // Code units order these two the other way than their UTF-8 bytes do.
  { exchange: 'BINANCE', symbol: '\u{1f600}' },
  { exchange: 'BINANCE', symbol: '\uffe5' },
  { exchange: 'KRAKEN', symbol: 'BTCUSDT' }
]

const sourceOf = (rows: readonly Row[]): SliceSource => ({
  length: rows.length,
  groups,
  groupAt: (row) => rows[row]!.group,
  timestampAt: (row) => rows[row]!.timestamp,
  sequenceAt: (row) => rows[row]!.sequence,
  offsetAt: (row) => row
})

const dayUs = 86_400_000_000
const row = fc.record({
  group: fc.nat({ max: groups.length - 1 }),
  timestamp: fc.oneof(
    fc.integer({ min: -5, max: 5 }),
    fc.integer({ min: dayUs - 3, max: dayUs + 3 }),
    fc.integer({ min: 0, max: 1_000_000 })
  ),
  sequence: fc.oneof(fc.nat({ max: 5 }), fc.constant(Number.NaN))
})

test('property: every row is in one slice, of its exchange and day, in its place', () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 200 }), fc.integer({ min: 1, max: 50 }), (rows, max) => {
      const slices = sliceRows(sourceOf(rows), max)
      expect(slices.every(({ rows: inSlice }) => inSlice.length > 0)).toBe(true)
      const placed = slices.flatMap((slice) => [...slice.rows])
      expect(placed.toSorted((one, other) => one - other)).toEqual([...rows.keys()])
      expect(slices.map(({ index }) => index)).toEqual([...slices.keys()])
      for (const { exchange, day, rows: inSlice } of slices) {
        const times = [...inSlice].map((index) => rows[index]!.timestamp)
        expect(inSlice.length <= max || new Set(times).size === 1).toBe(true)
        for (const index of inSlice) {
          expect(groups[rows[index]!.group]!.exchange).toBe(exchange)
          expect(Math.floor(rows[index]!.timestamp / dayUs)).toBe(day)
        }
        expect([...inSlice]).toEqual(ordered(rows, inSlice))
      }
    })
  )
})

test('property: slices of a partition follow each other in time', () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 200 }), fc.integer({ min: 1, max: 50 }), (rows, max) => {
      const newest = new Map<string, number>()
      for (const { exchange, day, rows: inSlice } of sliceRows(sourceOf(rows), max)) {
        const times = [...inSlice].map((index) => rows[index]!.timestamp)
        const key = `${exchange} ${day}`
        expect(Math.min(...times)).toBeGreaterThan(newest.get(key) ?? Number.NEGATIVE_INFINITY)
        newest.set(key, Math.max(...times))
      }
    })
  )
})

test('no slice is empty, also where rounding leaves the last interval without rows', () => {
  const at = (timestamp: number, sequence: number) => ({ group: 0, timestamp, sequence })
  const rows = [at(0, 0), ...Array.from({ length: 10 }, (_, index) => at(1_000_002, index + 1))]
  const sizes = sliceRows(sourceOf(rows), 10).map(({ rows: inSlice }) => inSlice.length)
  expect(sizes).toEqual([1, 10])
})

test('a batch needs no more slices than its rows do, about equally large', () => {
  const rows = Array.from({ length: 100_000 }, (_, index) => ({
    group: index % 4,
    timestamp: ((index * 7_919) % 100_000) * 10,
    sequence: index
  }))
  const sizes = sliceRows(sourceOf(rows), 32_768).map(({ rows: inSlice }) => inSlice.length)
  expect(sizes).toHaveLength(4)
  expect(Math.max(...sizes)).toBeLessThanOrEqual(32_768)
  expect(Math.min(...sizes)).toBeGreaterThan(20_000)
})

const ordered = (rows: readonly Row[], inSlice: Int32Array): readonly number[] => {
  const bytesOf = (index: number) => Buffer.from(groups[rows[index]!.group]!.symbol)
  const last = (value: number) => (Number.isNaN(value) ? Number.POSITIVE_INFINITY : value)
  return [...inSlice].sort(
    (one, other) =>
      Buffer.compare(bytesOf(one), bytesOf(other)) ||
      rows[one]!.timestamp - rows[other]!.timestamp ||
      Math.sign(last(rows[one]!.sequence) - last(rows[other]!.sequence)) ||
      one - other
  )
}
