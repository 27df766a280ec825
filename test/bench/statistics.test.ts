import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { median, percentile, summarise } from '../../bench/statistics.ts'

describe('statistics', () => {
  test.each([
    [[7], 7],
    [[3, 1, 2], 2],
    [[4, 1, 3, 2], 2.5],
    [[10, 9, 100], 10] // by value, not by text
  ])('median of %j is %d', (values, expected) => {
    expect(median(values)).toBe(expected)
  })

  test('a summary has the median, the spread and the count', () => {
    expect(summarise([5, 1, 4, 2, 3])).toEqual({ median: 3, min: 1, max: 5, count: 5 })
  })

  test.each([
    [0.5, 50],
    [0.95, 95],
    [0.99, 99],
    [0.985, 99],
    [0.001, 1]
  ])('share %d of 1 to 100 is %d, by nearest rank', (share, expected) => {
    const values = Array.from({ length: 100 }, (_, index) => 100 - index)
    expect(percentile(values, share)).toBe(expected)
  })

  test('nothing is measured by no value, an odd value or an odd share', () => {
    expect(() => median([])).toThrow(RangeError)
    expect(() => summarise([1, Number.NaN])).toThrow(RangeError)
    expect(() => percentile([1, Number.POSITIVE_INFINITY], 0.5)).toThrow(RangeError)
    expect(() => percentile([1], 0)).toThrow(RangeError)
    expect(() => percentile([1], 1)).toThrow(RangeError)
    expect(() => percentile([1], 1.01)).toThrow(RangeError)
  })

  test.each([
    [0.5, 1],
    [0.75, 4],
    [0.95, 20],
    [0.99, 100],
    [0.999, 1_000]
  ])('share %d takes %d values: of fewer it would be the maximum', (share, needed) => {
    const values = Array.from({ length: needed }, (_, index) => index)
    expect(percentile(values, share)).toBeLessThanOrEqual(needed - 1)
    if (share > 0.5) expect(percentile(values, share)).toBeLessThan(needed - 1)
    expect(() => percentile(values.slice(1), share)).toThrow(RangeError)
  })

  test('a percentile is a value that its share of values does not exceed', () => {
    const values = fc.array(fc.integer(), { minLength: 100, maxLength: 150 })
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 99 }), (measured, percent) => {
        const found = percentile(measured, percent / 100)
        const atMost = measured.filter((value) => value <= found).length
        const below = measured.filter((value) => value < found).length
        expect(measured).toContain(found)
        expect(atMost / measured.length).toBeGreaterThanOrEqual(percent / 100 - 1e-9)
        expect(below / measured.length).toBeLessThan(percent / 100 + 1e-9)
      })
    )
  })

  test('a summary does not reorder what it is given', () => {
    const values = [3, 1, 2]
    summarise(values)
    expect(values).toEqual([3, 1, 2])
  })
})
