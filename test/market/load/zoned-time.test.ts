import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { calendarMs, utcOf } from '../../../src/market/load/zoned-time.ts'

const sydney = utcOf('Australia/Sydney')
const localMs = (text: string) => Date.parse(`${text}Z`)
const shown = (ms: number | undefined) =>
  ms === undefined ? 'never' : new Date(ms).toISOString().slice(0, 19)

test.each([
  // Summer time, UTC+11, until 6 April 2014, 03:00; then UTC+10 until 5 October, 02:00.
  ['2014-03-10T10:00:00', '2014-03-09T23:00:00'],
  ['2014-03-11T00:00:00', '2014-03-10T13:00:00'],
  ['2014-04-06T01:59:59', '2014-04-05T14:59:59'],
  // Twice: the first.
  ['2014-04-06T02:00:00', '2014-04-05T15:00:00'],
  ['2014-04-06T02:59:59', '2014-04-05T15:59:59'],
  ['2014-04-06T03:00:00', '2014-04-05T17:00:00'],
  ['2014-10-05T01:59:59', '2014-10-04T15:59:59'],
  ['2014-10-05T02:00:00', 'never'],
  ['2014-10-05T02:59:59', 'never'],
  ['2014-10-05T03:00:00', '2014-10-04T16:00:00'],
  ['2014-07-01T12:00:00', '2014-07-01T02:00:00']
])('%s in Sydney is %s', (local, utc) => {
  expect(shown(sydney(localMs(local)))).toBe(utc)
})

test('a zone that changes by half an hour', () => {
  const lordHowe = utcOf('Australia/Lord_Howe')
  expect(shown(lordHowe(localMs('2014-10-05T02:15:00')))).toBe('never')
  expect(shown(lordHowe(localMs('2014-10-05T02:30:00')))).toBe('2014-10-04T15:30:00')
  expect(shown(lordHowe(localMs('2014-04-06T01:45:00')))).toBe('2014-04-05T14:45:00')
})

test('the calendar is that of Date, days that there are not are none', () => {
  fc.assert(
    fc.property(fc.integer({ min: -2_000_000_000, max: 7_000_000_000 }), (seconds) => {
      const date = new Date(seconds * 1_000)
      const ms = calendarMs(
        { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() },
        { hour: date.getUTCHours(), minute: date.getUTCMinutes(), second: date.getUTCSeconds() }
      )
      expect(ms).toBe(seconds * 1_000)
      expect(utcOf('UTC')(seconds * 1_000)).toBe(seconds * 1_000)
    }),
    { numRuns: 100 }
  )
  const noon = { hour: 12, minute: 0, second: 0 }
  expect(calendarMs({ year: 2014, month: 2, day: 29 }, noon)).toBeUndefined()
  expect(calendarMs({ year: 1900, month: 2, day: 29 }, noon)).toBeUndefined()
  expect(calendarMs({ year: 2000, month: 2, day: 29 }, noon)).toBe(Date.UTC(2000, 1, 29, 12))
  expect(calendarMs({ year: 2014, month: 13, day: 1 }, noon)).toBeUndefined()
})
