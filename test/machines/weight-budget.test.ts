import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  charged,
  limited,
  openBudget,
  refusedBudget,
  usedAt,
  waitForWeight,
  type WeightBudget
} from '../../src/machines/weight-budget.ts'

const minute = { limit: 6_000, intervalMs: 60_000 }
const weight = 25
const slackMs = 500

const open = (nowMs = 60_000, skewMs = 0) => openBudget(minute, { nowMs, skewMs })
const used = (budget: WeightBudget, atMs: number, usedWeight: number) =>
  charged(budget, { atMs, weight, usedWeight })
const wait = (budget: WeightBudget, nowMs: number, share = 0.8) =>
  waitForWeight(budget, { nowMs, weight, share })

describe('the share of a window', () => {
  test('is used up to its last request, and waited for to the end of the window', () => {
    const budget = used(open(), 70_000, 4_775)
    expect(wait(budget, 70_000)).toBe(0)
    const full = used(budget, 70_100, 4_800)
    expect(wait(full, 70_100)).toBe(120_000 + slackMs - 70_100)
    expect(wait(full, 120_000 + slackMs - 1)).toBe(1)
    expect(wait(full, 120_000 + slackMs)).toBe(0)
  })

  test("windows are the venue's: its clock may be another", () => {
    const budget = used(open(70_000, 20_000), 70_000, 6_000)
    expect(wait(budget, 70_000)).toBe(100_000 + slackMs - 70_000)
  })

  test('what the venue tells holds over what was counted', () => {
    const counted = charged(open(), { atMs: 70_000, weight, usedWeight: null })
    expect(usedAt(counted, 70_000)).toBe(25)
    expect(usedAt(used(counted, 70_001, 900), 70_001)).toBe(900)
    const more = charged(used(counted, 70_001, 900), { atMs: 70_002, weight, usedWeight: null })
    expect(usedAt(more, 70_002)).toBe(925)
    expect(usedAt(more, 130_000)).toBe(0)
  })

  test('a limit below the weight of a request lets one through per window', () => {
    const budget = openBudget({ limit: 10, intervalMs: 60_000 }, { nowMs: 70_000, skewMs: 0 })
    expect(wait(budget, 70_000)).toBe(0)
    expect(wait(used(budget, 70_000, 25), 70_001)).toBeGreaterThan(0)
  })

  test('a limit that is announced anew keeps what is used, and the refusal', () => {
    const refused = refusedBudget(used(open(), 70_000, 100), { atMs: 70_000, retryAfterMs: 9_000 })
    const more = limited(refused, { limit: 60_000, intervalMs: 60_000, skewMs: 0 }, 71_000)
    expect([more.limit, usedAt(more, 71_000)]).toEqual([60_000, 100])
    expect(wait(more, 71_000)).toBe(8_000)
  })
})

describe('a venue that refuses', () => {
  test.each([
    ['for as long as it says', 30_000, 30_000],
    ['or to the end of the window', null, 120_000 + slackMs - 70_000],
    ['for three days at most', 1e12, 3 * 86_400_000]
  ] as const)('is left alone %s', (_, retryAfterMs, waitMs) => {
    const refused = refusedBudget(open(), { atMs: 70_000, retryAfterMs })
    expect(wait(refused, 70_000)).toBe(waitMs)
    expect(wait(refused, 70_000 + waitMs)).toBe(0)
  })

  test('a shorter refusal does not take back a longer one', () => {
    const long = refusedBudget(open(), { atMs: 70_000, retryAfterMs: 120_000 })
    const short = refusedBudget(long, { atMs: 71_000, retryAfterMs: 1_000 })
    expect(wait(short, 71_000)).toBe(119_000)
  })
})

test('whatever clocks, shares and charges: never beyond the share, nor waiting for ever', () => {
  const step = fc.record({ ms: fc.integer({ min: 0, max: 20_000 }), others: fc.nat(200) })
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 200 }),
      fc.integer({ min: -90_000, max: 90_000 }),
      fc.constantFrom(0.2, 0.8),
      fc.integer({ min: 100, max: 6_000 }),
      (steps, skewMs, share, limit) => {
        // The venue keeps its own account of the same address.
        const venue = { window: -1, used: 0 }
        const charge = (atMs: number, by: number) => {
          const window = Math.floor((atMs + skewMs) / 60_000)
          if (window !== venue.window) Object.assign(venue, { window, used: 0 })
          venue.used += by
          return venue.used
        }
        let nowMs = 1_000_000
        let budget = openBudget({ limit, intervalMs: 60_000 }, { nowMs, skewMs })
        for (const { ms, others } of steps) {
          nowMs += ms
          charge(nowMs, others)
          const waitMs = wait(budget, nowMs, share)
          expect(waitMs).toBeLessThanOrEqual(60_000)
          nowMs += waitMs
          expect(wait(budget, nowMs, share)).toBe(0)
          const isFirst = usedAt(budget, nowMs) === 0
          const usedWeight = charge(nowMs, weight)
          budget = charged(budget, { atMs: nowMs, weight, usedWeight })
          // What others have used since the last answer is not known before the next one.
          if (!isFirst) expect(usedWeight - others).toBeLessThanOrEqual(limit * share)
        }
      }
    )
  )
})
