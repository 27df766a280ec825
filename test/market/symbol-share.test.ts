import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { isAmong, placeOf } from '../../src/market/symbol-share.ts'

const symbols = Array.from({ length: 2_000 }, (_, index) =>
  `${index.toString(36)}USDT`.toUpperCase()
)

test('a share of all symbols is about that share, and a larger one has the same and more', () => {
  for (const share of [0.25, 0.5, 0.75]) {
    const taken = symbols.filter((symbol) => isAmong(share, symbol)).length / symbols.length
    expect(Math.abs(taken - share)).toBeLessThan(0.03)
  }
  fc.assert(
    fc.property(fc.string(), fc.double({ min: 0, max: 1, noNaN: true }), (symbol, share) => {
      const place = placeOf(symbol)
      expect(place >= 0 && place < 1).toBe(true)
      expect(isAmong(share, symbol)).toBe(place < share)
    })
  )
})

test('none of the share 0, all of the share 1', () => {
  for (const symbol of symbols) {
    expect([isAmong(0, symbol), isAmong(1, symbol)]).toEqual([false, true])
  }
})

test('is the same on every machine', () => {
  expect(['BTCUSDT', 'DOGEUSDT', 'ADAUSDT'].map((symbol) => placeOf(symbol).toFixed(6))).toEqual(
    ['0.027673', '0.937358', '0.139666']
  )
})
