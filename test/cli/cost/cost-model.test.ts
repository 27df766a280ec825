import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ancestorClaims, ancestorSums } from '../../../src/cli/cost/ancestor-cost.ts'
import {
  type Cost,
  costOf,
  type Prices,
  type TradeCosts,
  type Workload,
  zoneCrossings
} from '../../../src/cli/cost/cost-model.ts'

const load: Workload = {
  rate: 1_000_000,
  retentionDays: 10,
  logRetentionDays: 2,
  replication: 3,
  utilisation: 0.5
}
const trade: TradeCosts = {
  ratePerCore: 100_000,
  brokerRatePerCore: 500_000,
  logBytes: 30,
  tableBytes: 10,
  rowsRewritten: 2
}
const prices: Prices = {
  vcpuHour: 0.1,
  blockGbMonth: 0.07,
  objectGbMonth: 0.02,
  putPer1000: 0.005,
  getPer1000: 0.0005,
  zoneGb: 0.02
}

const part = ({ parts }: Cost, id: string) => parts.find((it) => it.id === id)!

describe('by hand', () => {
  const cost = costOf(load, trade, prices)

  test.each([
    // 1 M / 100 k / 0.5, at 73 a month
    ['k2', 20, 1_460],
    // 3 × 1 M / 500 k / 0.5
    ['brokers', 12, 876],
    // 30 MB/s × 86,400 × 2 days × 3 / 0.7
    ['log', 22_217.142857, 1_555.2],
    // 10 MB/s × 86,400 × 10 days
    ['table', 8_640, 172.8],
    // 30 MB/s × 2,628,000 s × 4
    ['network', 315_360, 6_307.2]
  ])('%s: %d of it, %d a month', (id, quantity, monthly) => {
    expect(part(cost, id).quantity).toBeCloseTo(quantity, 4)
    expect(part(cost, id).monthly).toBeCloseTo(monthly, 4)
  })

  test('requests: files, merged files and what a commit has beside them', () => {
    const files = 1e6 / 32_768
    const merged = 2e6 / 131_072
    const commits = 1e6 / 131_072
    const thousands = (perSecond: number) => (perSecond * 730 * 3_600) / 1_000
    expect(part(cost, 'puts').quantity).toBeCloseTo(thousands(files + merged + commits * 8), 6)
    expect(part(cost, 'gets').quantity).toBeCloseTo(thousands(files + merged), 6)
  })

  test('a million messages cost their share of the month', () => {
    expect(cost.messagesPerMonth).toBe(2_628_000_000_000)
    expect(cost.perMillion).toBeCloseTo(cost.monthly / 2_628_000, 10)
  })

  test('a quiet market still has its machines and its commits by age', () => {
    const quiet = costOf({ ...load, rate: 1 }, trade, prices)
    expect(part(quiet, 'k2').quantity).toBe(2)
    expect(part(quiet, 'brokers').quantity).toBe(6)
    expect(part(quiet, 'puts').quantity).toBeCloseTo((0.2 * 9 + 2 / 131_072) * 2_628, 4)
  })

  test.each([
    [1, 0],
    // Half of it lies elsewhere: producer, the other copy, lander and tail.
    [2, 2.5],
    [3, 4],
    [6, 6]
  ])('with %d copies each byte goes %d times from zone to zone', (copies, crossings) => {
    expect(zoneCrossings(copies)).toBe(crossings)
  })
})

const positive = (min: number, max: number) => fc.double({ min, max, noNaN: true })
const price = positive(0.0001, 10)
const anyLoad = fc.record({
  rate: fc.integer({ min: 1, max: 1e8 }),
  retentionDays: positive(0.1, 4_000),
  logRetentionDays: positive(0.1, 400),
  replication: fc.integer({ min: 1, max: 15 }),
  utilisation: positive(0.05, 1)
})
const anyTrade = fc.record({
  ratePerCore: positive(1_000, 1e7),
  brokerRatePerCore: positive(1_000, 1e7),
  logBytes: positive(1, 1_000),
  tableBytes: positive(1, 1_000),
  rowsRewritten: positive(0.1, 10)
})
const anyPrices = fc.record({
  vcpuHour: price,
  blockGbMonth: price,
  objectGbMonth: price,
  putPer1000: price,
  getPer1000: price,
  zoneGb: price
})

const seed = Number(process.env['K2_TEST_SEED'] ?? Date.now() % 2 ** 31)

describe(`for any load (seed ${seed})`, () => {
  const options = { seed, numRuns: 300 }

  test('the total is the sum of its parts, each a quantity times a price', () => {
    fc.assert(
      fc.property(anyLoad, anyTrade, anyPrices, (someLoad, someTrade, somePrices) => {
        const cost = costOf(someLoad, someTrade, somePrices)
        const sum = cost.parts.reduce((total, it) => total + it.quantity * it.unitPrice, 0)
        expect(cost.monthly / sum).toBeCloseTo(1, 9)
        expect((cost.perMillion * cost.messagesPerMonth) / 1e6 / cost.monthly).toBeCloseTo(1, 9)
        expect(cost.parts.every(({ monthly }) => monthly >= 0)).toBe(true)
      }),
      options
    )
  })

  test('more of anything never costs less', () => {
    const growth = fc.record({
      of: fc.constantFrom('rate', 'retentionDays', 'logRetentionDays', 'replication'),
      by: fc.integer({ min: 2, max: 5 })
    })
    fc.assert(
      fc.property(anyLoad, anyTrade, anyPrices, growth, (some, costs, known, { of, by }) => {
        const more = { ...some, [of]: some[of] * by }
        const before = costOf(some, costs, known).monthly
        expect(costOf(more, costs, known).monthly).toBeGreaterThanOrEqual(before)
      }),
      options
    )
  })

  test('above the floors, k times the rate costs k times as much', () => {
    const factor = fc.integer({ min: 2, max: 9 })
    fc.assert(
      fc.property(anyTrade, anyPrices, factor, (costs, known, by) => {
        // Two processors each are busy, and commits are made by rows.
        const least = Math.max(2 * costs.ratePerCore, 2 * costs.brokerRatePerCore, 700_000)
        const once = costOf({ ...load, rate: least }, costs, known)
        const often = costOf({ ...load, rate: by * least }, costs, known)
        expect(often.monthly / once.monthly).toBeCloseTo(by, 6)
        expect(often.perMillion / once.perMillion).toBeCloseTo(1, 6)
      }),
      options
    )
  })

  test('prices that are twice as high make it twice as dear', () => {
    fc.assert(
      fc.property(anyLoad, anyTrade, anyPrices, (someLoad, someTrade, known) => {
        const doubled = Object.entries(known).map(([key, one]) => [key, 2 * one])
        const twice = Object.fromEntries(doubled) as Prices
        const { monthly } = costOf(someLoad, someTrade, known)
        expect(costOf(someLoad, someTrade, twice).monthly / monthly).toBeCloseTo(2, 9)
      }),
      options
    )
  })
})

test("the ancestor's prices per million are about a hundred times its own sums", () => {
  const [small, middle, large] = ancestorClaims.map(ancestorSums)
  expect(middle!.millions).toBe(2_592_000)
  expect(middle!.actual).toBeCloseTo(0.00851, 5)
  for (const { timesTooHigh } of [small!, middle!, large!]) {
    expect(timesTooHigh).toBeGreaterThan(90)
    expect(timesTooHigh).toBeLessThan(101)
  }
})
