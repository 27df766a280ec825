/** What a recording says, read without K2's own code: the quotes that must be in the table. */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { plainDecimal, sortedEntries } from './recorded-trades.ts'

/** A quote of the recording; numbers as the venue wrote them. */
export interface RecordedQuote {
  readonly symbol: string
  readonly id: number
  readonly bidPrice: string
  readonly bidQuantity: string
  readonly askPrice: string
  readonly askQuantity: string
}

interface Frame {
  readonly stream?: string
  readonly data?: Readonly<Record<'s' | 'b' | 'B' | 'a' | 'A', string>> & { readonly u: number }
}

export interface RecordedStreams {
  readonly quotes: readonly RecordedQuote[]
  /** Frames of the depth streams. */
  readonly depthCount: number
}

/** Quotes of the files in their order, whatever stands before the frame on each line. */
export const recordedQuotes = (paths: readonly string[]): RecordedStreams => {
  const quotes: RecordedQuote[] = []
  let depthCount = 0
  for (const path of paths) {
    for (const line of gunzipSync(readFileSync(path)).toString('utf8').split('\n')) {
      const start = line.indexOf('{')
      if (start === -1) continue
      const { stream = '', data } = JSON.parse(line.slice(start)) as Frame
      if (stream.includes('@depth')) depthCount += 1
      if (data === undefined || !stream.endsWith('@bookTicker')) continue
      quotes.push({
        symbol: data.s,
        id: data.u,
        bidPrice: data.b,
        bidQuantity: data.B,
        askPrice: data.a,
        askQuantity: data.A
      })
    }
  }
  return { quotes, depthCount }
}

/** One line per quote with every field of the record that the venue determines. */
export const lineOfQuote = (quote: RecordedQuote): string =>
  JSON.stringify([
    `BINANCE:${quote.symbol}:${quote.id}`,
    `BINANCE-${quote.id}`,
    quote.symbol,
    'BINANCE',
    'crypto',
    ...[quote.bidPrice, quote.bidQuantity, quote.askPrice, quote.askQuantity].map(plainDecimal),
    'USDT',
    quote.id,
    null,
    [
      ['base_asset', quote.symbol.replace('USDT', '')],
      ['timestamp_source', 'received']
    ]
  ])

/** The same line of a row that another reader gave; `decimal` gives the text of its numbers. */
export const lineOfQuoteRow = (
  row: Readonly<Record<string, unknown>>,
  decimal: (value: unknown) => string,
  vendor: Readonly<Record<string, unknown>>
): string =>
  JSON.stringify([
    row['message_id'],
    row['quote_id'],
    row['symbol'],
    row['exchange'],
    row['asset_class'],
    ...['bid_price', 'bid_quantity', 'ask_price', 'ask_quantity'].map((name) =>
      plainDecimal(decimal(row[name]))
    ),
    row['currency'],
    Number(row['source_sequence']),
    row['platform_sequence'] ?? null,
    sortedEntries(vendor)
  ])
