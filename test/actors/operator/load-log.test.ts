import { describe, expect, test } from 'vitest'
import { isOfOwnLog } from '../../../src/actors/operator/load-log.ts'

const log = (...topics: readonly string[]) => ({
  identity: 'a',
  topics: new Map(topics.map((topic) => [topic, 1]))
})
const asx = { topic: 'market.equities.trades.asx', exchange: 'ASX' }
const binance = { topic: 'market.crypto.trades.binance', exchange: 'BINANCE' }

describe('the log of a load', () => {
  const other = log('another')
  test.each([
    { what: 'a new topic', load: asx, isOwn: false },
    { what: 'a new topic beside others', load: asx, own: other, loads: other, isOwn: false },
    { what: "one of K2's own log", load: asx, own: log(asx.topic), loads: other, isOwn: true },
    { what: 'one of the load log', load: asx, own: other, loads: log(asx.topic), isOwn: false },
    { what: 'a new one that feeds capture', load: binance, own: other, isOwn: true },
    { what: 'such a one of the load log', load: binance, loads: log(binance.topic), isOwn: false }
  ])('$what', ({ load, own, loads, isOwn }) => {
    expect(isOfOwnLog(load, own, loads)).toBe(isOwn)
  })
})
