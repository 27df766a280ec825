/** What a trade must be to land: ids without holes, a price and a quantity above zero. */
import { fitsDecimal } from '../market/decimal.ts'
import type { TradeV2 } from '../market/records/trade-v2.ts'
import { foldArrival } from '../market/sequence.ts'
import type { RecordRules } from './partition-fold.ts'

export const tradeRules: RecordRules<TradeV2> = {
  foldArrival,
  decimalFields: ['price', 'quantity'],
  invalidField: ({ price, quantity }) => {
    if (price <= 0n || !fitsDecimal(price)) return `price ${price} is not positive or too large`
    return quantity <= 0n || !fitsDecimal(quantity)
      ? `quantity ${quantity} is not positive or too large`
      : undefined
  }
}
