import { describe, expect, test } from 'vitest'
import { balanced, compare, type Window } from '../../bench/windows.ts'

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

  test.each<[string, (index: number) => number]>([
    ['line', (index) => 1_000 - 50 * index],
    ['parabola', (index) => 1_000 - 200 * index + 15 * index ** 2]
  ])('in the balanced order a drift along a %s costs nothing', (_, tradesAt) => {
    const drifting = balanced.map((isAttached, index) => window(isAttached, tradesAt(index)))
    expect(compare(drifting).costShare).toBeCloseTo(0)
  })

  test('without windows of both kinds there is nothing to compare', () => {
    expect(() => compare([window(true, 10)])).toThrow(RangeError)
    expect(() => compare([window(false, 0), window(true, 10)])).toThrow(RangeError)
  })
})
