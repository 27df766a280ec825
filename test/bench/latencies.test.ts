import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Latencies, merged } from '../../bench/latencies.ts'

const of = (values: readonly number[]): Latencies => {
  const latencies = new Latencies()
  for (const value of values) latencies.record(value)
  return latencies
}
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

describe('percentiles', () => {
  test.each([
    [95, 19, 20],
    [99, 99, 100],
    [99.9, 999, 1_000]
  ])('p%d of %d values is refused, of %d it is told', (percent, few, enough) => {
    expect(() => of(upTo(few)).percentileMs(percent)).toThrow(`it takes ${enough}`)
    expect(of(upTo(enough)).percentileMs(percent)).toBeCloseTo((percent / 100) * enough, 0)
  })

  test('of values that spread they differ, and where they do not, that is told', () => {
    expect(of(upTo(1_000)).fault).toBeUndefined()
    expect(of(upTo(100).map(() => 5)).fault).toContain('do not differ')
  })
})

describe('histogram', () => {
  const durations = fc.array(fc.double({ min: 0.001, max: 2e6, noNaN: true }), { minLength: 1 })

  test('every value is in a bucket, none is wider than a fifth, their number is bounded', () => {
    fc.assert(
      fc.property(durations, (values) => {
        const { buckets, count, end } = of(values).json
        expect(buckets.reduce((sum, [, inIt]) => sum + inIt, 0)).toBe(values.length)
        expect(count).toBe(values.length)
        expect(buckets.length).toBeLessThanOrEqual(96)
        const bounds = [...buckets.map(([bound]) => bound), end]
        for (const [index, bound] of bounds.slice(1).entries())
          expect(bound / bounds[index]!).toBeCloseTo(2 ** 0.25, 2)
      })
    )
  })

  test('values within the range lie between the bounds of their bucket', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.07, max: 1e6, noNaN: true }), (value) => {
        const { buckets, end } = of([value]).json
        expect(buckets).toHaveLength(1)
        expect(value).toBeGreaterThanOrEqual(buckets[0]![0] * 0.999)
        expect(value).toBeLessThanOrEqual(end * 1.001)
      })
    )
  })

  test('two runs together are one of all their values', () => {
    fc.assert(
      fc.property(durations, durations, (some, others) => {
        expect(merged(of(some).json, of(others).json)).toEqual(of([...some, ...others]).json)
      })
    )
  })
})
