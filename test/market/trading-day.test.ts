import { expect, test } from 'vitest'
import { tradingZones } from '../../src/adapters/config/trading-zone-values.ts'
import { axisOf } from '../../src/market/candle.ts'
import {
  dayOfDate,
  dayOfTime,
  startOfDay,
  zoneOf
} from '../../src/market/trading-day.ts'

const us = (iso: string): number => Date.parse(iso) * 1_000

test('which exchange counts where is configuration; others count in UTC', () => {
  const parsed = tradingZones(8).parse('asx=Australia/Sydney, XNYS=America/New_York')
  const zones = 'value' in parsed ? parsed.value : new Map<string, string>()
  expect(['ASX', 'XNYS', 'BINANCE'].map((it) => zoneOf(zones, it))).toEqual([
    'Australia/Sydney',
    'America/New_York',
    'UTC'
  ])
  for (const text of ['ASX', 'ASX=Sydney/Australia', 'ASX=UTC,asx=UTC', 'A B=UTC']) {
    expect(tradingZones(8).parse(text)).toHaveProperty('allowed')
  }
  expect(tradingZones(1).parse('A=UTC,B=UTC')).toHaveProperty('allowed')
  expect(tradingZones(1).parse('')).toEqual({ value: new Map() })
})

test('a session of Sydney that straddles days of UTC is one trading day (R51)', () => {
  const day = dayOfDate('2014-03-11')!
  expect(startOfDay('Australia/Sydney', day)).toBe(us('2014-03-10T13:00:00Z'))
  expect(startOfDay('Australia/Sydney', day + 1)).toBe(us('2014-03-11T13:00:00Z'))
  // 10:00 and 16:10 there.
  expect(dayOfTime('Australia/Sydney', us('2014-03-10T23:00:00Z'))).toBe(day)
  expect(dayOfTime('Australia/Sydney', us('2014-03-11T05:10:00Z'))).toBe(day)
})

test('days of daylight saving have 23 or 25 hours', () => {
  const hours = (date: string) => {
    const axis = axisOf('1d', 'Australia/Sydney')
    const day = dayOfDate(date)!
    return (axis.startOf(day + 1) - axis.startOf(day)) / 3_600_000_000
  }
  expect(['2014-04-06', '2014-10-05', '2014-10-06'].map(hours)).toEqual([25, 23, 24])
})

test('dates that are none', () => {
  expect(dayOfDate('1970-01-01')).toBe(0)
  expect(dayOfDate('2024-02-29')).toBe(19_782)
  for (const text of ['2023-02-29', '2024-13-01', '2024-00-10', '2024-1-1', '20240101', '']) {
    expect(dayOfDate(text)).toBeUndefined()
  }
})
