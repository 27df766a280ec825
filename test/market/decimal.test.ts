import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  DecimalMalformed,
  DecimalOverflow,
  fitsDecimal,
  formatDecimal,
  parseDecimal
} from '../../src/market/decimal.ts'

describe('decimals', () => {
  test.each([
    ['61837.63000000', 6_183_763_000_000n, '61837.63000000'],
    ['0.00000001', 1n, '0.00000001'],
    ['5', 500_000_000n, '5.00000000'],
    ['-0.5', -50_000_000n, '-0.50000000'],
    ['9999999999.99999999', 10n ** 18n - 1n, '9999999999.99999999'],
    ['1.500000000000', 150_000_000n, '1.50000000']
  ])('%s', (text, scaled, formatted) => {
    expect(parseDecimal(text)).toBe(scaled)
    expect(formatDecimal(scaled)).toBe(formatted)
  })

  test.each(['10000000000', '0.000000001', '-10000000000.0'])(
    '%s does not fit decimal(18,8)',
    (text) => {
      expect(() => parseDecimal(text)).toThrow(DecimalOverflow)
    }
  )

  test.each(['', ' ', '1e5', '.5', '5.', '+1', '0x10', '1,000', 'NaN', '1'.repeat(65)])(
    '"%s" is malformed',
    (text) => {
      expect(() => parseDecimal(text)).toThrow(DecimalMalformed)
    }
  )

  test('property: text and scaled value are the same number', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 18n) + 1n, max: 10n ** 18n - 1n }), (scaled) => {
        expect(fitsDecimal(scaled)).toBe(true)
        expect(parseDecimal(formatDecimal(scaled))).toBe(scaled)
      })
    )
  })
})
