/**
 * Recorded book tickers through the whole system, beside the trades of the same recording: what
 * the table and the API then say is held against the text of the recording, digit by digit.
 */
import * as Effect from 'effect/Effect'
import { parse } from 'lossless-json'
import { describe, expect, type TestContext } from 'vitest'
import { loadRecordings } from '../../src/adapters/simulator/recording-source.ts'
import type { TradeSource } from '../../src/adapters/simulator/trade-source.ts'
import { k2Fixture, type K2Process } from '../support/k2-process.ts'
import { pyIceberg, readBack } from '../support/pyiceberg/pyiceberg.ts'
import {
  lineOfQuote,
  lineOfQuoteRow,
  type RecordedQuote,
  recordedQuotes
} from '../support/recorded-quotes.ts'
import { firstDifference, microsOfIso, recordedTrades } from '../support/recorded-trades.ts'
import { recordingNames, testWithRecordings } from '../support/recordings.ts'
import { settingsOf, withSource } from '../support/venue.ts'
import { dataFiles, type OpenedTable, openTable, rowsByIcebird } from '../support/warehouse.ts'

const k2s = k2Fixture()
const testMsMax = 240_000
const topics = { trades: 'market.crypto.trades.binance', quotes: 'market.crypto.quotes.binance' }
const pageRows = 10_000

type Row = Readonly<Record<string, unknown>>

/** A venue that sends depth updates to everybody, whether or not they asked for them. */
const withDepthForAll = (source: TradeSource): TradeSource => ({
  ...source,
  play: (nowMs) => {
    const playback = source.play(nowMs)
    const isDepth = source.streams.map((name) => name.includes('@depth'))
    return {
      ...playback,
      stream: () => (isDepth[playback.stream()] === true ? -1 : playback.stream())
    }
  }
})

describe('every quote that the venue sent lands once, beside its trades', () => {
  const cases = [
    ['August 2024', [recordingNames.btc2024, recordingNames.eth2024], 28_040 + 24_077, 15_863],
    ['April 2023', [recordingNames.btc2023], 8_015, 3_144]
  ] as const
  // The larger one says nothing of its own, and takes a minute.
  const chosen = process.env['K2_TESTS'] === 'short' ? cases.slice(1) : cases
  for (const [name, files, quoteCount, tradeCount] of chosen) {
    testWithRecordings(
      name,
      files,
      async (paths, context) => {
        const { quotes, depthCount } = recordedQuotes(paths)
        expect(quotes).toHaveLength(quoteCount)
        const trades = recordedTrades(paths)
        expect(trades).toHaveLength(tradeCount)
        const dataFolder = k2s.dataFolder()
        const { source } = await Effect.runPromise(loadRecordings(paths))
        const startedUs = Date.now() * 1_000
        await withSource(withDepthForAll(source), async (venue) => {
          const symbols = [...new Set(quotes.map(({ symbol }) => symbol))]
          const k2 = k2s.start({
            ...settingsOf(venue, symbols),
            K2_DATA_DIR: dataFolder,
            K2_COMMIT_AGE: '200ms',
            K2_COMMIT_ROWS: '5000'
          })
          await k2.ready()
          await k2.atLeast('k2_landed_records', quoteCount, { topic: topics.quotes })
          await k2.atLeast('k2_landed_records', tradeCount, { topic: topics.trades })
          await k2.atLeast('k2_feed_frames_total', depthCount, { kind: 'depthUpdate' })
          await checkCounts(k2, { quoteCount, tradeCount, depthCount })
          await checkApi(k2, quotes)
          k2.kill('SIGINT')
          expect(await k2.exit(), k2.describe()).toEqual({ code: 0, signal: null })
          expect(k2.log.filter(({ level }) => level === 'error')).toEqual([])
        })
        const receivedUs = { from: startedUs, to: Date.now() * 1_000 }
        await checkByIcebird(dataFolder, quotes, receivedUs)
        await checkTradesByIcebird(dataFolder, trades)
        checkByPyIceberg(pythonOrSkip(context), dataFolder, quotes)
      },
      testMsMax
    )
  }
})

const checkCounts = async (
  k2: K2Process,
  expected: Readonly<Record<'quoteCount' | 'tradeCount' | 'depthCount', number>>
) => {
  const { quoteCount, tradeCount, depthCount } = expected
  const frames = (kind: string) => k2.metric('k2_feed_frames_total', { kind })
  expect(await frames('quote')).toBe(quoteCount)
  expect(await frames('trade')).toBe(tradeCount)
  expect(await frames('depthUpdate')).toBe(depthCount)
  expect(await k2.metric('k2_feed_rejected_frames_total')).toBe(undefined)
  expect(await k2.metric('k2_messages_shed_total')).toBe(undefined)
  for (const [dataType, count] of [
    ['quotes', quoteCount],
    ['trades', tradeCount]
  ] as const) {
    const labels = { topic: topics[dataType] }
    expect(await k2.metric('k2_landed_records', labels), dataType).toBe(count)
    expect(await k2.metric('k2_duplicate_messages_detected_total', labels), dataType).toBe(0)
    expect(await k2.metric('k2_dead_lettered_records', labels), dataType).toBe(0)
    // Of quotes most update ids are skipped, and none of them is a hole (R12).
    expect(await k2.metric('k2_sequence_gap_ids', labels), dataType).toBe(0)
  }
}

const bySymbol = (quotes: readonly RecordedQuote[], symbol: string) =>
  quotes.filter((quote) => quote.symbol === symbol).sort((left, right) => right.id - left.id)

/** All quotes, a symbol at a time, newest first, in pages that end where the last one began. */
const checkApi = async (k2: K2Process, expected: readonly RecordedQuote[]) => {
  for (const symbol of new Set(expected.map((quote) => quote.symbol))) {
    const wanted = bySymbol(expected, symbol).map(lineOfQuote)
    const lines: string[] = []
    const seen = new Set<string>()
    let end = ''
    for (let hasMore = true; hasMore;) {
      const query = `symbol=${symbol}&exchange=binance&limit=${pageRows}${end}`
      const { status, text } = await k2.get(`/v1/quotes?${query}`)
      expect(status, text.slice(0, 1_000)).toBe(200)
      const answer = parse(text) as {
        readonly data: readonly Row[]
        readonly pagination: { readonly has_more: boolean }
      }
      for (const row of answer.data) {
        const line = lineOfQuoteRow(row, String, row['vendor_data'] as Row)
        if (!seen.has(line)) lines.push(line)
        seen.add(line)
      }
      // The oldest moment of a page may go on in the next one.
      end = `&end_time=${microsOfIso(String(answer.data.at(-1)?.['timestamp'])) + 1}`
      hasMore = answer.pagination.has_more
    }
    expect(firstDifference(lines, wanted), symbol).toBe(undefined)
  }
  const { text } = await k2.get('/v1/snapshots?table=quotes&limit=1')
  expect(JSON.parse(text)).toMatchObject({ meta: { table_name: 'market.quotes' } })
  for (const query of ['limit=0', 'limit=10001', 'price=1', 'start_time=yesterday']) {
    expect(await k2.get(`/v1/quotes?${query}`)).toMatchObject({ status: 400 })
  }
}

const openedTable = (dataFolder: string, name: string): OpenedTable => {
  const table = openTable(dataFolder, name)
  if (table === undefined) throw new Error(`there is no table ${name} in ${dataFolder}`)
  return table
}

const sorted = (quotes: readonly RecordedQuote[]) => quotes.map(lineOfQuote).toSorted()

const checkByIcebird = async (
  dataFolder: string,
  expected: readonly RecordedQuote[],
  received: { readonly from: number; readonly to: number }
) => {
  const table = openedTable(dataFolder, 'quotes')
  const rows = await rowsByIcebird(table)
  const lines = rows.map((row) =>
    // Doubles there: eight decimals of these magnitudes come back whole.
    lineOfQuoteRow(row, (value) => (value as number).toFixed(8), row['vendor_data'] as Row)
  )
  expect(firstDifference(lines.toSorted(), sorted(expected))).toBe(undefined)
  for (const row of rows) {
    const timestampUs = (row['timestamp'] as Date).getTime() * 1_000
    expect((row['ingestion_timestamp'] as Date).getTime() * 1_000).toBe(timestampUs)
    expect(timestampUs).toBeGreaterThanOrEqual(received.from)
    expect(timestampUs).toBeLessThanOrEqual(received.to)
  }
  const days = new Set(rows.map((row) => Math.floor((row['timestamp'] as Date).getTime() / 864e5)))
  const files = await dataFiles(table)
  expect(files.reduce((sum, file) => sum + file.rows, 0)).toBe(expected.length)
  expect(new Set(files.map(({ partition }) => partition.timestamp_day))).toEqual(days)
  expect(new Set(files.map(({ partition }) => partition.exchange))).toEqual(new Set(['BINANCE']))
}

const checkTradesByIcebird = async (
  dataFolder: string,
  expected: ReturnType<typeof recordedTrades>
) => {
  const rows = await rowsByIcebird(openedTable(dataFolder, 'trades'))
  const idsOf = (lines: readonly string[]) => lines.toSorted()
  expect(idsOf(rows.map((row) => String(row['message_id'])))).toEqual(
    idsOf(expected.map(({ symbol, id }) => `BINANCE:${symbol}:${id}`))
  )
}

const pythonOrSkip = (context: TestContext): string => {
  const found = pyIceberg()
  return 'missing' in found ? context.skip(found.missing) : found.python
}

const checkByPyIceberg = (
  python: string,
  dataFolder: string,
  expected: readonly RecordedQuote[]
) => {
  const { metadataPath } = openedTable(dataFolder, 'quotes')
  const lineOf = (row: Row) =>
    lineOfQuoteRow(
      row,
      String,
      Object.fromEntries(row['vendor_data'] as readonly (readonly [string, string])[])
    )
  const { rows } = readBack(python, metadataPath)
  expect(firstDifference(rows.map(lineOf).toSorted(), sorted(expected))).toBe(undefined)
  const places = new Set(
    rows.map((row) => `${String(row['k2_partition'])} ${String(row['k2_offset'])}`)
  )
  expect(places.size).toBe(expected.length)
  const [symbol = ''] = expected.map((quote) => quote.symbol)
  const part = readBack(python, metadataPath, `symbol = '${symbol}'`)
  const found = part.rows.map(lineOf).toSorted()
  expect(firstDifference(found, sorted(bySymbol(expected, symbol)))).toBe(undefined)
}
