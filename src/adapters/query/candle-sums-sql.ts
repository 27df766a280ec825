/**
 * SQL of the sums that candles are made of: of trades, and of shorter sums. Text only: queries run
 * it, and so does who keeps the sums of minutes as a table (R21).
 *
 * 1. Decimals stay exact decimals, and no sum overflows: price by quantity, which has up to 36
 *    digits, is the sum of price by the whole part of the quantity and of price by the rest of it.
 * 2. Trades are ordered by time, `source_sequence`, none first, and `message_id`: that order gives
 *    first and last, and how long each price was in force.
 * 3. Sums of parts of an interval give those of the whole: between two parts the closing price of
 *    the earlier one is in force.
 */
import type { CandleAxis } from '../../market/candle.ts'
import type { CandleV1 } from '../../market/records/candle-v1.ts'

/** What sums are made of. */
export const tradeColumns = [
  'exchange',
  'symbol',
  'timestamp',
  'price',
  'quantity',
  'side',
  'source_sequence',
  'message_id'
] as const

/** What `sumsSql` gives, and what the table of candles has. */
export const sumColumns = [
  'exchange',
  'symbol',
  'timestamp',
  'first_time',
  'last_time',
  'open_price',
  'high_price',
  'low_price',
  'close_price',
  'volume',
  'buy_volume',
  'sell_volume',
  'quote_volume_whole',
  'quote_volume_rest',
  'price_time',
  'trade_count'
] as const satisfies readonly (keyof CandleV1)[]

export const columnsSql = (columns: readonly string[]): string =>
  columns.map((name) => `"${name}"`).join(', ')

/** Towards minus infinity; `//` goes towards zero. */
export const floorDivide = (value: string, by: string): string =>
  `((${value} - ((${value} % ${by}) + ${by}) % ${by}) // ${by})`

export const buys = `"side" = 'BUY'`
export const sells = `"side" IN ('SELL', 'SELL_SHORT')`

/** Of 20 digits: room for factors of up to 18. */
const wide = (column: string): string => `${column}::DECIMAL(20,8)`

/** (1) A whole part has up to ten digits. */
const wholePart = 'trunc("quantity")::DECIMAL(10,0)'
const restPart = '("quantity" - trunc("quantity"))::DECIMAL(9,8)'

/**
 * Sums by exchange, symbol and interval of `widthUs` from 1970-01-01 UTC on.
 *
 * @param trades a FROM item with `tradeColumns`
 */
export const sumsSql = (trades: string, widthUs: number): string => `
  SELECT "exchange", "symbol", make_timestamptz("slot" * ${widthUs}) AS "timestamp",
    make_timestamptz(min("us")) AS "first_time", make_timestamptz(max("us")) AS "last_time",
    max("price") FILTER ("is_first") AS "open_price", max("price") AS "high_price",
    min("price") AS "low_price", max("price") FILTER ("in_force" IS NULL) AS "close_price",
    sum("quantity")::DECIMAL(38,8) AS "volume",
    coalesce(sum("quantity") FILTER (${buys}), 0)::DECIMAL(38,8) AS "buy_volume",
    coalesce(sum("quantity") FILTER (${sells}), 0)::DECIMAL(38,8) AS "sell_volume",
    sum("price"::DECIMAL(28,8) * ${wholePart})::DECIMAL(38,8) AS "quote_volume_whole",
    sum(${wide('"price"')} * ${restPart})::DECIMAL(38,16) AS "quote_volume_rest",
    coalesce(sum(${wide('"price"')} * "in_force"::DECIMAL(18,0)), 0)::DECIMAL(38,8)
      AS "price_time",
    count(*) AS "trade_count"
  FROM (
    SELECT *, lag("us") OVER times IS NULL AS "is_first",
      lead("us") OVER times - "us" AS "in_force"
    FROM (
      SELECT *, ${floorDivide('"us"', String(widthUs))} AS "slot"
      FROM (SELECT *, epoch_us("timestamp") AS "us" FROM ${trades})
    )
    WINDOW times AS (
      PARTITION BY "exchange", "symbol", "slot"
      ORDER BY "us", "source_sequence" NULLS FIRST, "message_id"
    )
  )
  GROUP BY "exchange", "symbol", "slot"`

/** Where intervals are counted from, in the time that is asked for. */
export interface SlotAxis {
  readonly axis: Pick<CandleAxis, 'widthUs' | 'offsets'>
  /** Infinite where there is no bound. */
  readonly fromUs: number
  readonly toUs: number
}

/** Number of the interval that a time lies in; `us` is SQL of microseconds. */
export const slotSql = (us: string, { axis, fromUs, toUs }: SlotAxis): string =>
  floorDivide(`(${us} + ${offsetSql(us, { axis, fromUs, toUs })})`, String(axis.widthUs))

/**
 * Sums by exchange, symbol and longer interval, with its number as `slot` (3).
 *
 * @param sums a FROM item with `sumColumns`, none of which is of two intervals
 */
export const rolledSql = (sums: string, slots: SlotAxis): string => `
  SELECT "exchange", "symbol", "slot",
    min("first_time") AS "first_time", max("last_time") AS "last_time",
    arg_min("open_price", "timestamp") AS "open_price", max("high_price") AS "high_price",
    min("low_price") AS "low_price", arg_max("close_price", "timestamp") AS "close_price",
    sum("volume") AS "volume", sum("buy_volume") AS "buy_volume",
    sum("sell_volume") AS "sell_volume", sum("quote_volume_whole") AS "quote_volume_whole",
    sum("quote_volume_rest") AS "quote_volume_rest",
    sum("price_time")
      + coalesce(sum(${wide('"close_price"')} * "idle"::DECIMAL(18,0)), 0) AS "price_time",
    sum("trade_count") AS "trade_count"
  FROM (
    SELECT *, lead(epoch_us("first_time")) OVER (
        PARTITION BY "exchange", "symbol", "slot" ORDER BY "timestamp"
      ) - epoch_us("last_time") AS "idle"
    FROM (SELECT *, ${slotSql('epoch_us("timestamp")', slots)} AS "slot" FROM ${sums})
  )
  GROUP BY "exchange", "symbol", "slot"`

/** Local time less UTC: as many cases as there are changes of it in the time that is asked for. */
const offsetSql = (us: string, { axis: { offsets }, fromUs, toUs }: SlotAxis): string => {
  const first = Math.max(0, offsets.findLastIndex((it) => it.fromUs <= fromUs))
  const [start, ...later] = offsets.slice(first).filter((it, n) => n === 0 || it.fromUs < toUs)
  const cases = later
    .toReversed()
    .map((it) => `WHEN ${us} >= ${it.fromUs} THEN ${it.offsetUs}`)
  return cases.length === 0
    ? String(start!.offsetUs)
    : `CASE ${cases.join(' ')} ELSE ${start!.offsetUs} END`
}
