import { describe, expect, test } from 'vitest'
import { compare, type Window } from '../../bench/windows.ts'

const window = (isAttached: boolean, trades: number, cpuSeconds = 1): Window => ({
  isAttached,
  seconds: 5,
  trades,
  cpuSeconds
})

describe('windows with and without a watcher', () => {
  test('the cost is what a watcher takes of the throughput', () => {
    const compared = compare([window(false, 1_000), window(true, 970, 0.97 * 1.02)])
    expect(compared.costShare).toBeCloseTo(0.03)
    expect(compared.cpuCostShare).toBeCloseTo(0.02)
    expect(compared.without.tradesPerSecond).toBe(200)
  })

  test('in the order A B B A a steady drift costs nothing', () => {
    const order = [false, true, true, false, false, true, true, false]
    const drifting = order.map((isAttached, index) => window(isAttached, 1_000 - 50 * index))
    expect(compare(drifting).costShare).toBeCloseTo(0)
  })

  test('without windows of both kinds there is nothing to compare', () => {
    expect(() => compare([window(true, 10)])).toThrow(RangeError)
    expect(() => compare([window(false, 0), window(true, 10)])).toThrow(RangeError)
  })
})
