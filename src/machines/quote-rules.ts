/**
 * What a quote must be to land: ascending ids, prices and quantities that fit. A side may be empty,
 * and bid and ask may touch or cross, as some venues' do: the table holds what the venue said.
 */
import { fitsDecimal } from '../market/decimal.ts'
import { foldIncreasing } from '../market/increasing-sequence.ts'
import type { QuoteV2 } from '../market/records/quote-v2.ts'
import type { RecordRules } from './partition-fold.ts'

const decimalFields = ['bid_price', 'bid_quantity', 'ask_price', 'ask_quantity'] as const

export const quoteRules: RecordRules<QuoteV2> = {
  foldArrival: foldIncreasing,
  decimalFields,
  invalidField: (quote) => {
    const field = decimalFields.find((name) => quote[name] < 0n || !fitsDecimal(quote[name]))
    return field === undefined ? undefined : `${field} ${quote[field]} is negative or too large`
  }
}
