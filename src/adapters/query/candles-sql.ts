/**
 * SQL of candles over the trades of one symbol at one exchange.
 *
 * 1. Decimals stay decimals: a price by a quantity has up to 36 digits, and quote volume up to 38,
 *    sixteen of them decimals. A candle that came to more, 10^22, fails its query.
 * 2. Trades are sorted once, by time, `source_sequence`, none first, and `message_id`: that order
 *    gives first and last, and how long each price was in force.
 * 3. A volume profile has the finest levels of 1, 2 or 5 by a power of ten, counted from zero, of
 *    which at most `levelsMax` hold the candle from its low to its high.
 */
import type { CandleAxis } from '../../market/candle.ts'
import type { Cell, Parameter } from './query-ports.ts'

export interface Trades {
  readonly source: string
  readonly axis: CandleAxis
  readonly paths: readonly string[]
  readonly exchange: string
  readonly symbol: string
  /** Both at the edge of an interval, microseconds; infinite where there is none. */
  readonly fromUs: number
  readonly toUs: number
}

interface Statement {
  readonly sql: string
  readonly parameters: Readonly<Record<string, Parameter>>
}

/** Sums of an interval, before states and quotients. */
export interface CandleSums {
  readonly index: number
  readonly open: bigint
  readonly high: bigint
  readonly low: bigint
  readonly close: bigint
  readonly volume: bigint
  readonly quoteVolume: bigint
  readonly tradeCount: number
  readonly buyVolume: bigint
  readonly sellVolume: bigint
  readonly weighted: bigint
  readonly firstUs: number
  readonly lastUs: number
}

/** One trade of at most 18 digits by what has at most 18: at most 36 (1). */
const wide = (column: string): string => `${column}::DECIMAL(20,8)`
const buys = `"side" = 'BUY'`
const sells = `"side" IN ('SELL', 'SELL_SHORT')`

export const candlesSql = (
  trades: Trades,
  { rowsMax, direction }: { readonly rowsMax: number; readonly direction: 'ASC' | 'DESC' }
): Statement => ({
  sql: `WITH trades AS (${tradesSql(trades)}),
   ordered AS (
     SELECT *, lag("slot") OVER times IS DISTINCT FROM "slot" AS "is_first",
       lead("slot") OVER times IS DISTINCT FROM "slot" AS "is_last",
       lead("us") OVER times - "us" AS "in_force"
     FROM trades
     WINDOW times AS (ORDER BY "us", "source_sequence" NULLS FIRST, "message_id")
   )
   SELECT "slot", ${[
     'max("price") FILTER ("is_first")',
     'max("price")',
     'min("price")',
     'max("price") FILTER ("is_last")',
     'sum("quantity")',
     `sum(${wide('"price"')} * "quantity")`,
     `coalesce(sum("quantity") FILTER (${buys}), 0)`,
     `coalesce(sum("quantity") FILTER (${sells}), 0)`,
     `coalesce(sum(${wide('"price"')} * "in_force"::DECIMAL(18,0)) FILTER (NOT "is_last"), 0)`
   ]
     .map((value) => `(${value})::VARCHAR`)
     .join(',\n     ')},
     count(*), min("us"), max("us")
   FROM ordered GROUP BY "slot" ORDER BY "slot" ${direction} LIMIT ${rowsMax}`,
  parameters: parametersOf(trades)
})

export const candleSums = (row: readonly Cell[]): CandleSums => {
  const [index, open, high, low, close, volume, quoteVolume, buy, sell, weighted] = row
  const [count, firstUs, lastUs] = row.slice(10)
  return {
    index: Number(index),
    open: scaled(open),
    high: scaled(high),
    low: scaled(low),
    close: scaled(close),
    volume: scaled(volume),
    quoteVolume: scaled(quoteVolume),
    buyVolume: scaled(buy),
    sellVolume: scaled(sell),
    weighted: scaled(weighted),
    tradeCount: Number(count),
    firstUs: Number(firstUs),
    lastUs: Number(lastUs)
  }
}

/** Most levels: of each candle, which are few, those that have trades. */
export const profileSql = (trades: Trades, levelsMax: number): Statement => ({
  sql: `WITH trades AS (SELECT *, ${priceUnits} AS "units" FROM (${tradesSql(trades)})),
   bounds AS (SELECT "slot", min("units") AS "low", max("units") AS "high"
     FROM trades GROUP BY "slot"),
   steps AS (SELECT unnest([${steps.join(', ')}]) AS "step"),
   grids AS (SELECT "slot", min("step") AS "step" FROM bounds, steps
     WHERE ${floorDivide('"high"', '"step"')} - ${floorDivide('"low"', '"step"')} < ${levelsMax}
     GROUP BY "slot")
   SELECT "slot", "step", ${floorDivide('"units"', '"step"')} AS "level",
     sum("quantity")::VARCHAR,
     coalesce(sum("quantity") FILTER (${buys}), 0)::VARCHAR,
     coalesce(sum("quantity") FILTER (${sells}), 0)::VARCHAR,
     count(*)
   FROM trades JOIN grids USING ("slot") GROUP BY ALL ORDER BY "slot", "level"`,
  parameters: parametersOf(trades)
})

export interface LevelRow {
  readonly index: number
  readonly step: bigint
  readonly from: bigint
  readonly volume: bigint
  readonly buyVolume: bigint
  readonly sellVolume: bigint
  readonly tradeCount: number
}

export const levelOf = (row: readonly Cell[]): LevelRow => {
  const [index, step, level, volume, buy, sell, count] = row
  return {
    index: Number(index),
    step: BigInt(step!),
    from: BigInt(level!) * BigInt(step!),
    volume: scaled(volume),
    buyVolume: scaled(buy),
    sellVolume: scaled(sell),
    tradeCount: Number(count)
  }
}

/** (3) 1 to 10^18, in units of 10^-8: at the last, every price is at one side of zero. */
const steps: readonly bigint[] = Array.from({ length: 19 }, (_, power) =>
  [1n, 2n, 5n].map((digit) => digit * 10n ** BigInt(power))
)
  .flat()
  .slice(0, 55)

/** Eighteen digits fit a whole number of 64 bits. */
const priceUnits = `(${wide('"price"')} * 100000000::DECIMAL(9,0))::BIGINT`

/** Towards minus infinity; `//` goes towards zero. */
const floorDivide = (value: string, by: string): string =>
  `((${value} - ((${value} % ${by}) + ${by}) % ${by}) // ${by})`

const tradesSql = ({ source, axis, fromUs, toUs }: Trades): string => {
  const conditions = [
    '"exchange" = $exchange',
    '"symbol" = $symbol',
    ...(fromUs === -Infinity ? [] : ['"timestamp" >= $from']),
    ...(toUs === Infinity ? [] : ['"timestamp" < $to'])
  ]
  const us = 'epoch_us("timestamp")'
  const shifted = `(${us} + ${offsetSql(us, { axis, fromUs, toUs })})`
  return `SELECT ${us} AS "us", ${floorDivide(shifted, String(axis.widthUs))} AS "slot",
     "price", "quantity", "side", "source_sequence", "message_id"
   FROM ${source} WHERE ${conditions.join(' AND ')}`
}

/** Local time less UTC: as many cases as there are changes of it in the time that is asked for. */
const offsetSql = (
  us: string,
  { axis: { offsets }, fromUs, toUs }: Pick<Trades, 'axis' | 'fromUs' | 'toUs'>
): string => {
  const first = Math.max(0, offsets.findLastIndex((it) => it.fromUs <= fromUs))
  const [start, ...later] = offsets.slice(first).filter((it, n) => n === 0 || it.fromUs < toUs)
  const cases = later
    .toReversed()
    .map((it) => `WHEN ${us} >= ${it.fromUs} THEN ${it.offsetUs}`)
  return cases.length === 0
    ? String(start!.offsetUs)
    : `CASE ${cases.join(' ')} ELSE ${start!.offsetUs} END`
}

const parametersOf = (trades: Trades): Readonly<Record<string, Parameter>> => {
  const { paths, exchange, symbol, fromUs, toUs } = trades
  return {
    files: { type: 'texts', value: paths },
    exchange: { type: 'text', value: exchange },
    symbol: { type: 'text', value: symbol },
    ...(fromUs === -Infinity ? {} : { from: { type: 'timestamp', value: fromUs } }),
    ...(toUs === Infinity ? {} : { to: { type: 'timestamp', value: toUs } })
  }
}

/** Digits of a decimal of any scale, without its point. */
const scaled = (cell: Cell | undefined): bigint => BigInt(String(cell).replace('.', ''))
