/** Text bounds are compared as Iceberg orders text, whatever characters are in it. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { indexOfFiles } from '../../../src/adapters/iceberg/scan-filter.ts'

const file = { timestampLowerUs: 0, timestampUpperUs: 1, exchange: 'BINANCE' }
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 4 }),
  fc.constantFrom('BTC', 'BTCUSDT', 'é', '\ue000', '\uffff', '𐀀', '😀', 'A😀', 'A\uffff')
)

test('property: a file may match exactly where its bounds, by UTF-8 bytes, hold the symbol', () => {
  fc.assert(
    fc.property(text, text, text, (symbol, symbolLower, symbolUpper) => {
      const order = (left: string, right: string) =>
        Buffer.compare(Buffer.from(left), Buffer.from(right))
      const matching = indexOfFiles([{ ...file, symbolLower, symbolUpper }])
      const mayMatch = order(symbol, symbolLower) >= 0 && order(symbol, symbolUpper) <= 0
      expect(matching({ symbols: [symbol] })).toHaveLength(Number(mayMatch))
    }),
    { numRuns: 2_000, examples: [['😀', '\uffff', '😀'], ['\uffff', '😀', '😀']] }
  )
})
