import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseTimeUs } from '../../../src/adapters/http/time-parameter.ts'

const midnightUs = 1_723_075_200_000_000

describe('times', () => {
  test.each([
    ['2024-08-08', midnightUs],
    ['2024-08-08T00:00', midnightUs],
    ['2024-08-08T00:00:00', midnightUs],
    ['2024-08-08T00:00:00Z', midnightUs],
    ['2024-08-08 00:00:00Z', midnightUs],
    ['2024-08-08T00:00:00.000001Z', midnightUs + 1],
    ['2024-08-08T00:00:00.5Z', midnightUs + 500_000],
    ['2024-08-08T10:00:00+10:00', midnightUs],
    ['2024-08-08T10:00:00 10:00', midnightUs],
    ['2024-08-07T19:00:00-0500', midnightUs],
    ['1969-12-31T23:59:59.999999Z', -1],
    ['1723075200000000', midnightUs],
    ['-1', -1],
    ['0', 0]
  ])('%s', (text, us) => {
    expect(parseTimeUs(text)).toBe(us)
  })

  test.each([
    '',
    ' ',
    'now',
    '1e3',
    '1.5',
    '2024-8-8',
    '2024-02-30',
    '2023-02-29',
    '2024-13-01',
    '2024-08-08T24:00:00Z',
    '2024-08-08T00:60:00Z',
    '2024-08-08T00:00:00.1234567Z',
    '2024-08-08T00:00:00+25:00',
    '2024-08-08T00:00:00+10:99',
    '99999999999999999',
    '9999999999999999',
    '2024-08-08T00:00:00ZZ',
    '2024-08-08T00:00:00Z; DROP'
  ])('"%s" is refused', (text) => {
    expect(parseTimeUs(text)).toBeUndefined()
  })

  test('property: every microsecond of 1970 to 2200 survives its ISO text', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 7_258_118_400_000_000 }), (us) => {
        const ms = Math.floor(us / 1_000)
        const micros = String(us % 1_000).padStart(3, '0')
        const text = `${new Date(ms).toISOString().slice(0, -1)}${micros}Z`
        expect(parseTimeUs(text)).toBe(us)
        expect(parseTimeUs(String(us))).toBe(us)
      })
    )
  })
})
