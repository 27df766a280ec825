/**
 * Statements of candles: of one symbol at one exchange, in a range of time that begins and ends
 * with an interval.
 *
 * 1. Minutes that the table of candles has are taken from it, others are made of their trades: the
 *    caller says which. Intervals below a minute are made of trades alone.
 * 2. A volume profile has the finest levels of 1, 2 or 5 by a power of ten, counted from zero, of
 *    which at most `levelsMax` hold the candle from its low to its high.
 */
import { type CandleAxis, minuteUs } from '../../market/candle.ts'
import {
  buys,
  columnsSql,
  floorDivide,
  rolledSql,
  sells,
  slotSql,
  sumColumns,
  sumsSql,
  tradeColumns
} from './candle-sums-sql.ts'
import type { BeyondFiles, Cell, Parameter } from './query-ports.ts'

/** What a candle is made of. */
export interface CandleRange {
  readonly axis: CandleAxis
  readonly exchange: string
  readonly symbol: string
  /** Both at the edge of an interval, microseconds; infinite where there is none. */
  readonly fromUs: number
  readonly toUs: number
}

/** Files of a table, and what is beyond them. */
export interface RowSource {
  readonly source: string
  readonly paths: readonly string[]
  readonly tail?: BeyondFiles['tail']
}

/** Minutes of the table of candles, and of those which are not to be used (1). */
export interface MinuteSource extends RowSource {
  /** Microseconds of their starts; those are made of trades. */
  readonly stale: readonly number[]
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

interface CandlesRequest {
  readonly range: CandleRange
  readonly trades: RowSource
  /** Absent: all is made of trades. */
  readonly minutes?: MinuteSource | undefined
  readonly rowsMax: number
  readonly direction: 'ASC' | 'DESC'
}

export const candlesSql = (request: CandlesRequest): Statement => {
  const { range, trades, minutes, rowsMax, direction } = request
  const { axis } = range
  const isStale = minutes !== undefined && minutes.stale.length > 0
  const ofTrades = [
    ...inRange(range),
    ...(isStale
      ? [
          '"timestamp" >= $stale_from AND "timestamp" < $stale_to',
          `${minuteOf} IN (SELECT unnest($stale))`
        ]
      : [])
  ]
  const width = Math.min(axis.widthUs, minuteUs)
  const parts = [
    ...(minutes === undefined || isStale
      ? [sumsSql(`(${rowsSql(trades, tradeColumns, ofTrades)})`, width)]
      : []),
    ...(minutes === undefined || minutes.paths.length === 0 ? [] : [keptSql(minutes, range)])
  ]
  const columns = [
    ...decimalColumns.map((name) => `"${name}"::VARCHAR`),
    '"trade_count"::BIGINT',
    'epoch_us("first_time")',
    'epoch_us("last_time")'
  ]
  return {
    sql: `SELECT "slot", ${columns.join(', ')}
      FROM (${slotsSql(`(${parts.map(selected).join(' UNION ALL ')})`, range)})
      ORDER BY "slot" ${direction} LIMIT $rows`,
    parameters: {
      ...parametersOf(range),
      rows: { type: 'long', value: rowsMax },
      ...(minutes === undefined || isStale ? sourceParameters(trades) : {}),
      ...(minutes === undefined || minutes.paths.length === 0
        ? {}
        : { minute_files: { type: 'texts', value: minutes.paths } }),
      ...(isStale ? staleParameters(minutes) : {})
    }
  }
}

/** Sums of minutes, and of less, are the candles. */
const slotsSql = (sums: string, range: CandleRange): string =>
  range.axis.widthUs <= minuteUs
    ? `SELECT *, ${slotSql('epoch_us("timestamp")', range)} AS "slot" FROM ${sums}`
    : rolledSql(sums, range)

/** Minutes of the range that have rows. */
export const minutesSql = (range: CandleRange, trades: RowSource): Statement => ({
  sql: `SELECT DISTINCT ${minuteOf} FROM (${rowsSql(trades, ['timestamp'], inRange(range))})`,
  parameters: { ...parametersOf(range), ...sourceParameters(trades) }
})

const minuteOf = `${floorDivide('epoch_us("timestamp")', String(minuteUs))} * ${minuteUs}`

const selected = (sums: string): string => `SELECT ${columnsSql(sumColumns)} FROM (${sums})`

const keptSql = ({ source, stale }: MinuteSource, range: CandleRange): string => {
  const conditions = [
    ...inRange(range),
    ...(stale.length > 0 ? ['epoch_us("timestamp") NOT IN (SELECT unnest($stale))'] : [])
  ]
  return `SELECT ${columnsSql(sumColumns)}
    FROM ${source.replaceAll('$files', '$minute_files')} WHERE ${conditions.join(' AND ')}`
}

const staleParameters = ({ stale }: MinuteSource): Statement['parameters'] => ({
  stale: { type: 'longs', value: stale },
  stale_from: { type: 'timestamp', value: stale.reduce((a, b) => Math.min(a, b), Infinity) },
  stale_to: {
    type: 'timestamp',
    value: stale.reduce((a, b) => Math.max(a, b), -Infinity) + minuteUs
  }
})

/** Rows of files, and of the tail behind them. */
const rowsSql = (
  { source, paths, tail }: RowSource,
  columns: readonly string[],
  conditions: readonly string[]
): string => {
  const from = [
    ...(paths.length === 0 ? [] : [source]),
    ...(tail === undefined ? [] : [`(${tail.sql})`])
  ]
  return from
    .map((it) => `SELECT ${columnsSql(columns)} FROM ${it} WHERE ${conditions.join(' AND ')}`)
    .join(' UNION ALL ')
}

const sourceParameters = ({ paths, tail }: RowSource): Statement['parameters'] => ({
  ...(paths.length === 0 ? {} : { files: { type: 'texts', value: paths } }),
  ...tail?.parameters
})

const inRange = ({ fromUs, toUs }: CandleRange): readonly string[] => [
  '"exchange" = $exchange',
  '"symbol" = $symbol',
  ...(fromUs === -Infinity ? [] : ['"timestamp" >= $from']),
  ...(toUs === Infinity ? [] : ['"timestamp" < $to'])
]

const parametersOf = ({
  exchange,
  symbol,
  fromUs,
  toUs
}: CandleRange): Statement['parameters'] => ({
  exchange: { type: 'text', value: exchange },
  symbol: { type: 'text', value: symbol },
  ...(fromUs === -Infinity ? {} : { from: { type: 'timestamp', value: fromUs } }),
  ...(toUs === Infinity ? {} : { to: { type: 'timestamp', value: toUs } })
})

const decimalColumns = [
  'open_price',
  'high_price',
  'low_price',
  'close_price',
  'volume',
  'buy_volume',
  'sell_volume',
  'quote_volume_whole',
  'quote_volume_rest',
  'price_time'
]

export const candleSums = (row: readonly Cell[]): CandleSums => {
  const [index, open, high, low, close, volume, buy, sell, whole, rest, weighted] = row
  const [count, firstUs, lastUs] = row.slice(11)
  return {
    index: Number(index),
    open: scaled(open),
    high: scaled(high),
    low: scaled(low),
    close: scaled(close),
    volume: scaled(volume),
    quoteVolume: scaled(whole) * restUnits + scaled(rest),
    buyVolume: scaled(buy),
    sellVolume: scaled(sell),
    weighted: scaled(weighted),
    tradeCount: Number(count),
    firstUs: Number(firstUs),
    lastUs: Number(lastUs)
  }
}

/** The rest has sixteen decimals, the whole has eight. */
const restUnits = 10n ** 8n

/** Most levels: of each candle, which are few, those that have trades (2). */
export const profileSql = (
  range: CandleRange,
  trades: RowSource,
  levelsMax: number
): Statement => ({
  sql: `WITH trades AS (
     SELECT ${slotSql('epoch_us("timestamp")', range)} AS "slot", ${priceUnits} AS "units",
       "quantity", "side"
     FROM (${rowsSql(trades, tradeColumns, inRange(range))})),
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
  parameters: { ...parametersOf(range), ...sourceParameters(trades) }
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

/** 1 to 10^18, in units of 10^-8: at the last, every price is at one side of zero (2). */
const steps: readonly bigint[] = Array.from({ length: 19 }, (_, power) =>
  [1n, 2n, 5n].map((digit) => digit * 10n ** BigInt(power))
)
  .flat()
  .slice(0, 55)

/** Eighteen digits fit a whole number of 64 bits. */
const priceUnits = `("price"::DECIMAL(20,8) * 100000000::DECIMAL(9,0))::BIGINT`

/** Digits of a decimal of any scale, without its point. */
const scaled = (cell: Cell | undefined): bigint => BigInt(String(cell).replace('.', ''))
