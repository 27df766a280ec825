/** What a recording says, read without K2's own code: the trades that must be in the table. */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

/** A trade of the recording; numbers as the venue wrote them. */
export interface RecordedTrade {
  readonly symbol: string
  readonly id: number
  readonly price: string
  readonly quantity: string
  readonly side: 'BUY' | 'SELL'
  readonly timestampUs: number
  /** Members that no field of the record holds. */
  readonly vendor: Readonly<Record<string, string>>
}

interface Frame {
  readonly stream?: string
  readonly data?: {
    readonly e: string
    readonly E: number
    readonly s: string
    readonly t: number
    readonly p: string
    readonly q: string
    readonly b?: number
    readonly a?: number
    readonly T: number
    readonly m: boolean
    readonly M: boolean
  }
}

/** Trades of the files, whatever stands before the frame on each line. */
export const recordedTrades = (paths: readonly string[]): readonly RecordedTrade[] =>
  paths.flatMap((path) =>
    gunzipSync(readFileSync(path))
      .toString('utf8')
      .split('\n')
      .flatMap((line) => {
        const start = line.indexOf('{')
        if (start === -1) return []
        const { data } = JSON.parse(line.slice(start)) as Frame
        return data?.e === 'trade' ? [tradeOf(data)] : []
      })
  )

const tradeOf = (data: NonNullable<Frame['data']>): RecordedTrade => ({
  symbol: data.s,
  id: data.t,
  price: data.p,
  quantity: data.q,
  side: data.m ? 'SELL' : 'BUY',
  timestampUs: data.T * 1_000,
  vendor: {
    base_asset: data.s.replace('USDT', ''),
    event_time: String(data.E),
    is_best_match: String(data.M),
    ...(data.b === undefined ? {} : { buyer_order_id: String(data.b) }),
    ...(data.a === undefined ? {} : { seller_order_id: String(data.a) })
  }
})

/** One line per trade with every field of the record that the venue determines. */
export const lineOfRecorded = (trade: RecordedTrade): string =>
  JSON.stringify([
    `BINANCE:${trade.symbol}:${trade.id}`,
    `BINANCE-${trade.id}`,
    trade.symbol,
    'BINANCE',
    'crypto',
    trade.timestampUs,
    plainDecimal(trade.price),
    plainDecimal(trade.quantity),
    'USDT',
    trade.side,
    [],
    trade.id,
    null,
    sortedEntries(trade.vendor)
  ])

/** The same line of a row that another reader gave. */
export interface ReadRow {
  readonly row: Readonly<Record<string, unknown>>
  readonly timestampUs: number
  readonly price: string
  readonly quantity: string
  readonly vendor: Readonly<Record<string, unknown>>
}

export const lineOfRow = ({ row, timestampUs, price, quantity, vendor }: ReadRow): string =>
  JSON.stringify([
    row['message_id'],
    row['trade_id'],
    row['symbol'],
    row['exchange'],
    row['asset_class'],
    timestampUs,
    plainDecimal(price),
    plainDecimal(quantity),
    row['currency'],
    row['side'],
    row['trade_conditions'],
    Number(row['source_sequence']),
    row['platform_sequence'] ?? null,
    sortedEntries(vendor)
  ])

/** Decimal text without the zeros that do not change the number; no number is made of it. */
export const plainDecimal = (text: string): string => {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new Error(`"${text}" is no plain decimal`)
  const [whole = '', fraction = ''] = text.split('.')
  const significant = fraction.replace(/0+$/, '')
  const integer = whole.replace(/^0+(?=\d)/, '')
  return significant === '' ? integer : `${integer}.${significant}`
}

/** Microseconds of an ISO time in UTC, by its digits. */
export const microsOfIso = (text: string): number => {
  const match = /^(.{19})(?:\.(\d{1,6}))?(?:Z|\+00:00)$/.exec(text)
  if (match === null) throw new Error(`"${text}" is no time in UTC`)
  return Date.parse(`${match[1]}Z`) * 1_000 + Number((match[2] ?? '').padEnd(6, '0'))
}

/** The first place where two lists differ; undefined where they are equal. */
export const firstDifference = (actual: readonly string[], expected: readonly string[]) => {
  const length = Math.max(actual.length, expected.length)
  for (let index = 0; index < length; index++) {
    if (actual[index] !== expected[index]) {
      return { index, actual: actual[index], expected: expected[index] }
    }
  }
  return undefined
}

export const sortedEntries = (map: Readonly<Record<string, unknown>>) =>
  Object.entries(map).sort(([left], [right]) => (left < right ? -1 : 1))
