/**
 * The queries that are measured, and what DuckDB alone answers to them over the same files: the
 * windows are those of the seed's benchmark, a day, newest first.
 */
import type { DuckDBConnection } from '@duckdb/node-api'
import { atMost, type Bar } from './bars.ts'
import type { Question } from './http-load.ts'

export interface MeasuredQuery {
  readonly name: string
  /** As the benchmark of the Python K2 calls it, which has the same five. */
  readonly seedName?: string
  readonly question: Question
  readonly rows: number
  /** Over `$files`, one text for each record or candle, its decimals digit by digit. */
  readonly sql: string
  /** The same of an answer's `data`. */
  readonly linesOf: (data: string) => readonly string[]
  readonly p50: Bar
  readonly p99: Bar
}

const dayUs = 86_400_000_000
const [btc, eth] = ['BTCUSDT', 'ETHUSDT']

const newestSql = (condition: string, rows: number): string =>
  `SELECT concat_ws(' ', message_id, epoch_us("timestamp"), price, quantity)
   FROM read_parquet($files) WHERE ${condition}
   ORDER BY "timestamp" DESC, symbol, source_sequence DESC NULLS LAST, message_id LIMIT ${rows}`

/** What is asked for, for whoever answers it: newest first. */
interface RecordsAsked {
  readonly symbols?: readonly string[]
  readonly fromUs?: number
  readonly limit: number
}

export interface RecordQuery extends MeasuredQuery {
  readonly asked: RecordsAsked
}

/** The seed's five. */
export const recordQueries = (newestUs: number): readonly RecordQuery[] => {
  const fromUs = newestUs - dayUs
  const of = (
    [name, seedName]: readonly [string, string],
    asked: RecordsAsked,
    [p50, p99]: readonly [number, number]
  ): RecordQuery => ({
    name,
    seedName,
    asked,
    rows: asked.limit,
    question: questionOf(asked),
    sql: newestSql(conditionOf(asked), asked.limit),
    linesOf: recordLines,
    p50: atMost(p50),
    p99: atMost(p99)
  })
  return [
    of(['simple filter', 'simple_filter'], { symbols: [btc], fromUs, limit: 100 }, [5, 20]),
    of(['1,000 rows', 'aggregation'], { symbols: [btc], fromUs, limit: 1_000 }, [8, 30]),
    of(['two symbols', 'multi_symbol'], { symbols: [btc, eth], fromUs, limit: 100 }, [8, 30]),
    of(['a day of all symbols', 'time_range_scan'], { fromUs, limit: 200 }, [8, 30]),
    of(['newest 100', 'api_endpoint'], { symbols: [btc], limit: 100 }, [4, 15])
  ]
}

/** One symbol is a parameter of an address, several are of a body. */
const questionOf = ({ symbols = [], fromUs, limit }: RecordsAsked): Question => {
  if (symbols.length > 1)
    return { path: '/v1/trades/query', body: { symbols, start_time: fromUs, limit } }
  const parameters = new URLSearchParams({ limit: String(limit) })
  if (symbols[0] !== undefined) parameters.set('symbol', symbols[0])
  if (fromUs !== undefined) parameters.set('start_time', String(fromUs))
  return { path: `/v1/trades?${parameters.toString()}` }
}

const conditionOf = ({ symbols, fromUs }: RecordsAsked): string =>
  [
    'true',
    ...(symbols === undefined
      ? []
      : [`symbol IN (${symbols.map((it) => `'${it}'`).join(', ')})`]),
    ...(fromUs === undefined ? [] : [`"timestamp" >= make_timestamptz(${fromUs})`])
  ].join(' AND ')

const minuteUs = 60_000_000

/** Of the last whole day, which has trades in every minute; its end is where `newestUs` is in. */
export const candlesQuery = (newestUs: number): MeasuredQuery => {
  const toUs = Math.ceil(newestUs / dayUs) * dayUs
  const fromUs = toUs - dayUs
  const order = '"timestamp", source_sequence, message_id'
  const rows = dayUs / minuteUs
  return {
    name: 'candles of a day',
    rows,
    question: {
      path:
        `/v1/candles?symbol=${btc}&interval=1m&start_time=${fromUs}&end_time=${toUs}` +
        `&limit=${rows}`
    },
    sql: `SELECT concat_ws(' ', start_us, first(price ORDER BY ${order}), max(price), min(price),
        last(price ORDER BY ${order}), sum(quantity), count(*))
      FROM (SELECT *, epoch_us("timestamp") // ${minuteUs} * ${minuteUs} AS start_us
        FROM read_parquet($files) WHERE symbol = '${btc}'
        AND "timestamp" >= make_timestamptz(${fromUs}) AND "timestamp" < make_timestamptz(${toUs}))
      GROUP BY start_us ORDER BY start_us`,
    linesOf: candleLines,
    p50: atMost(10),
    p99: atMost(40)
  }
}

const candleLines = (data: string): readonly string[] => {
  const candles = JSON.parse(data) as readonly {
    readonly interval_start: string
    readonly trade_count: number
  }[]
  const exact = (name: string) => [...data.matchAll(new RegExp(`"${name}":([-0-9.]+)`, 'g'))]
  const prices = ['open', 'high', 'low', 'close'].map((name) => exact(`${name}_price`))
  const volumes = exact('volume')
  return candles.map(({ interval_start: start, trade_count: count }, index) =>
    [
      microsOf(start),
      ...prices.map((of) => of[index]?.[1]),
      volumes[index]?.[1],
      count
    ].join(' ')
  )
}

const recordLines = (data: string): readonly string[] => {
  const records = JSON.parse(data) as readonly {
    readonly message_id: string
    readonly timestamp: string
  }[]
  const exact = (name: string) => [...data.matchAll(new RegExp(`"${name}":([-0-9.]+)`, 'g'))]
  const [prices, quantities] = [exact('price'), exact('quantity')]
  return records.map(({ message_id: id, timestamp }, index) =>
    [id, microsOf(timestamp), prices[index]?.[1], quantities[index]?.[1]].join(' ')
  )
}

/** `Date.parse` knows no more than milliseconds. */
export const microsOf = (iso: string): bigint =>
  BigInt(Date.parse(`${iso.slice(0, 19)}Z`)) * 1_000n + BigInt(iso.slice(20, 26))

export const rowsOf = async (
  connection: DuckDBConnection,
  sql: string,
  files: readonly string[]
): Promise<readonly (readonly string[])[]> => {
  const list = files.map((path) => `'${path.replaceAll("'", "''")}'`).join(', ')
  const answer = await connection.runAndReadAll(sql.replace('$files', () => `[${list}]`))
  return answer.getRows().map((row) => row.map(String))
}
