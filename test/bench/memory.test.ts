import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { growthOf, riseShareMax } from '../../bench/memory.ts'

const MiB = 1_024 ** 2
const seconds = (count: number, bytesAt: (second: number) => number) =>
  Array.from({ length: count }, (_, second) => ({ atSeconds: second, bytes: bytesAt(second) }))

describe('growth of memory', () => {
  test('a line has its slope, and what its quarters differ by', () => {
    const samples = seconds(41, (second) => (100 + 2 * second) * MiB)
    const { bytesPerSecond, quarterBytes, riseShare } = growthOf(samples, 40)
    expect(bytesPerSecond / MiB).toBeCloseTo(2)
    expect(quarterBytes / MiB).toBeCloseTo(60)
    expect(riseShare).toBeCloseTo(60 / 140)
  })

  test('only the window counts: what came before may have grown', () => {
    const samples = seconds(61, (second) => Math.min(second, 20) * 20 * MiB + 100 * MiB)
    expect(growthOf(samples, 40).riseShare).toBeCloseTo(0)
  })

  test('a saw tooth, wherever it stands, is no growth', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 9 }),
        fc.integer({ min: 0, max: 8 }),
        fc.integer({ min: 1, max: 60 }),
        (period, phase, heightMiB) => {
          const tooth = (second: number) => (((second + phase) % period) / period) * heightMiB
          const samples = seconds(61, (second) => (500 + tooth(second)) * MiB)
          expect(growthOf(samples, 40).riseShare).toBeLessThanOrEqual(riseShareMax)
        }
      )
    )
  })

  test('one peak at the end is no growth; a leak beneath the teeth is', () => {
    const peak = seconds(41, (second) => (second === 40 ? 700 : 500) * MiB)
    expect(growthOf(peak, 40).riseShare).toBeLessThanOrEqual(riseShareMax)
    const leak = seconds(41, (second) => (500 + 2 * second + (second % 5) * 10) * MiB)
    expect(growthOf(leak, 40).riseShare).toBeGreaterThan(riseShareMax)
  })

  test('memory that falls has a rise below 0', () => {
    expect(growthOf(seconds(41, (second) => (500 - second) * MiB), 40).riseShare).toBeLessThan(0)
  })

  test('too few samples say nothing', () => {
    expect(() => growthOf(seconds(3, () => MiB), 40)).toThrow(RangeError)
    expect(() => growthOf(seconds(50, () => MiB), 2)).toThrow(RangeError)
    const once = Array.from({ length: 9 }, () => ({ atSeconds: 1, bytes: MiB }))
    expect(() => growthOf(once, 40)).toThrow(RangeError)
  })
})
