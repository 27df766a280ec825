/** A trade as the API writes it, made by hand. */
import { formatDecimal } from '../../../src/market/decimal.ts'
import type { TradeV2 } from '../../../src/market/records/trade-v2.ts'

const isoOf = (us: number): string => {
  const ms = Math.floor(us / 1_000)
  return `${new Date(ms).toISOString().slice(0, -1)}${String(us - ms * 1_000).padStart(3, '0')}Z`
}

export const jsonOf = (record: TradeV2): string =>
  `{${Object.entries(record)
    .map(([name, value]) => {
      if (name === 'price' || name === 'quantity') {
        return `"${name}":${formatDecimal(value as bigint)}`
      }
      if (name.endsWith('timestamp')) return `"${name}":"${isoOf(value as number)}"`
      return `"${name}":${JSON.stringify(value)}`
    })
    .join(',')}}`
