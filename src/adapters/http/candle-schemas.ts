/** Candles as the API tells them. */
import * as Schema from 'effect/Schema'
import { count, decimal, decimalSum, time } from './answer-schemas.ts'

const interval = { interval_start: time, interval_end: time }

const state = Schema.Literals(['complete', 'provisional', 'gap']).annotate({
  identifier: 'CandleState',
  description:
    'complete: nothing is missing, and the symbol has traded since; gap: trades of the interval ' +
    'are missing, as the gap ledger says; provisional: it may still change'
})

const level = Schema.Struct({
  from_price: decimal,
  to_price: decimal,
  volume: decimalSum,
  buy_volume: decimalSum,
  sell_volume: decimalSum,
  trade_count: count
})

const profile = Schema.Struct({ step: decimal, levels: Schema.Array(level) }).annotate({
  identifier: 'VolumeProfile',
  description: 'Volume by price: levels of the same height, those that have trades'
})

const prices = {
  open_price: decimal,
  high_price: decimal,
  low_price: decimal,
  close_price: decimal
}

const vwap = Schema.NullOr(decimal)

const sums = {
  volume: decimalSum,
  vwap,
  twap: decimal,
  trade_count: count,
  quote_volume: decimalSum,
  buy_volume: decimalSum,
  sell_volume: decimalSum
}

export const candle = Schema.Struct({
  exchange: Schema.String,
  symbol: Schema.String,
  ...interval,
  ...prices,
  ...sums,
  volume_profile: Schema.optionalKey(profile),
  state
}).annotate({ identifier: 'Candle' })

export const summary = Schema.Struct({
  symbol: Schema.String,
  exchange: Schema.String,
  date: Schema.String,
  time_zone: Schema.String,
  ...interval,
  ...prices,
  ...sums,
  state
}).annotate({ identifier: 'Summary' })

/** Of a candle, the measures that were asked for. */
export const bucket = Schema.Struct({
  exchange: Schema.String,
  symbol: Schema.String,
  ...interval,
  open_price: Schema.optionalKey(decimal),
  high_price: Schema.optionalKey(decimal),
  low_price: Schema.optionalKey(decimal),
  close_price: Schema.optionalKey(decimal),
  volume: Schema.optionalKey(decimalSum),
  vwap: Schema.optionalKey(vwap),
  twap: Schema.optionalKey(decimal),
  trade_count: Schema.optionalKey(count),
  volume_profile: Schema.optionalKey(profile),
  state
}).annotate({ identifier: 'Bucket' })
