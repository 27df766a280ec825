/**
 * Frames that are neither trades nor quotes, injected into a running connection: each costs itself
 * only, is counted by what it is, and what was refused stands in the dead-letter log with reason
 * and bytes.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { k2Fixture } from '../support/k2-process.ts'
import { firstDifference, recordedTrades } from '../support/recorded-trades.ts'
import { recordingNames, testWithRecordings } from '../support/recordings.ts'
import { type Venue, settingsOf, withRecordings } from '../support/venue.ts'
import { namesIn, openTable, rowsByIcebird } from '../support/warehouse.ts'

const k2s = k2Fixture()
const testMsMax = 240_000

const combined = (stream: string, data: unknown): string => JSON.stringify({ stream, data })
const trade = (changes: Readonly<Record<string, unknown>>): string =>
  combined('btcusdt@trade', {
    e: 'trade',
    E: 1680652700000,
    s: 'BTCUSDT',
    t: 9,
    p: '1.0',
    q: '1.0',
    T: 1680652700000,
    m: true,
    M: true,
    ...changes
  })

const quote = (changes: Readonly<Record<string, unknown>>): string =>
  combined('btcusdt@bookTicker', {
    u: 9,
    s: 'BTCUSDT',
    b: '1.0',
    B: '1.0',
    a: '2.0',
    A: '1.0',
    ...changes
  })

/** Frames of streams that K2 does not read, by the kind under which they are counted. */
const unsupported: Readonly<Record<string, string>> = {
  bookTicker: combined('!bookTicker', { u: 1, s: 'BTCUSDT', b: '1', B: '1', a: '2', A: '1' }),
  depthUpdate: combined('btcusdt@depth@100ms', {
    e: 'depthUpdate',
    E: 1,
    s: 'BTCUSDT',
    U: 1,
    u: 2,
    b: [],
    a: []
  }),
  aggTrade: combined('btcusdt@aggTrade', {
    e: 'aggTrade',
    E: 1,
    s: 'BTCUSDT',
    a: 1,
    p: '1',
    q: '1',
    T: 1,
    m: true
  }),
  kline: combined('btcusdt@kline_1m', { e: 'kline', E: 1, s: 'BTCUSDT', k: {} }),
  depthSnapshot: JSON.stringify({ lastUpdateId: 1, bids: [['1', '1']], asks: [] }),
  other: combined('btcusdt@novelty', { e: 'novelty', E: 1 })
}

/** Frames that are refused, with the reason. The id is of no recording. */
const refused: readonly (readonly [reason: string, text: string])[] = [
  ['malformed_json', '{"stream":"btcusdt@trade","data":{"e":"trade",'],
  ['malformed_json', 'not JSON at all'],
  ['unknown_shape', '[1,2,3]'],
  ['missing_field', trade({ p: undefined })],
  ['bad_decimal', trade({ p: '1e9' })],
  ['bad_price', trade({ p: '0.00000000' })],
  ['decimal_overflow', trade({ q: '99999999999.00000000' })],
  ['bad_id', trade({ t: 9_007_199_254_740_993n.toString() }).replace(/"(9007199254740993)"/, '$1')],
  ['bad_time', trade({ T: 12 })],
  ['unknown_symbol', trade({ s: 'DOGEUSDT' })],
  ['symbol_mismatch', trade({}).replace('btcusdt@trade', 'ethusdt@trade')],
  ['bad_decimal', quote({ b: 1 })],
  ['bad_price', quote({ a: '-2.0' })],
  ['bad_quantity', quote({ B: '0.0' })],
  ['symbol_mismatch', quote({}).replace('btcusdt@bookTicker', 'ethusdt@bookTicker')]
]
const binary = Buffer.from([0, 1, 2, 255])
const oversizedBytes = 2 * 1_024 * 1_024
/** Bytes of a refused frame that the dead-letter log keeps. */
const keptBytesMax = 64 * 1_024

const injectAll = (venue: Venue) => {
  const inject = (injection: { text: string } | { base64: string } | { textBytes: number }) =>
    expect(venue.control.request({ inject: injection })).toHaveProperty('value')
  for (const text of Object.values(unsupported)) inject({ text })
  for (const [, text] of refused) inject({ text })
  inject({ base64: binary.toString('base64') })
  inject({ textBytes: oversizedBytes })
}

interface Letter {
  readonly reason: string
  readonly raw: string
  readonly raw_bytes: number
}

const lettersOf = (dataFolder: string): readonly Letter[] => {
  const folder = join(dataFolder, 'dead-letters')
  return namesIn(folder)
    .filter((name) => name.startsWith('feed-') && name.endsWith('.ndjson'))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n'))
    .map((line) => JSON.parse(line) as Letter)
}

testWithRecordings(
  'odd frames before, between and after the trades of a recording',
  [recordingNames.btc2023],
  async ([path]) => {
    const expected = recordedTrades([path])
    const dataFolder = k2s.dataFolder()
    // The venue withholds its own frames until it is healed, so that the odd ones come first.
    const options = { faults: { stall: true } }
    const body = async (venue: Venue) => {
      const k2 = k2s.start({
        ...settingsOf(venue, ['BTCUSDT']),
        K2_DATA_DIR: dataFolder,
        K2_COMMIT_AGE: '200ms'
      })
      await k2.ready()
      injectAll(venue)
      await k2.atLeast('k2_feed_rejected_frames_total', refused.length + 2)
      venue.control.request({ stall: false })
      injectAll(venue)
      const topic = 'market.crypto.trades.binance'
      await k2.atLeast('k2_landed_records', expected.length, { topic })
      injectAll(venue)
      await k2.atLeast('k2_feed_rejected_frames_total', 3 * (refused.length + 2))

      const frames = (kind: string) => k2.metric('k2_feed_frames_total', { kind })
      const rejected = (reason: string) => k2.metric('k2_feed_rejected_frames_total', { reason })
      expect(await frames('trade')).toBe(expected.length)
      for (const kind of Object.keys(unsupported)) expect(await frames(kind), kind).toBe(3)
      expect(await frames('rejected')).toBe(3 * (refused.length + 2))
      for (const reason of new Set(refused.map(([it]) => it))) {
        const count = refused.filter(([it]) => it === reason).length
        expect(await rejected(reason), reason).toBe(3 * count)
      }
      expect(await rejected('binary')).toBe(3)
      expect(await rejected('oversized')).toBe(3)
      // They cost themselves only: the one connection carried all of it.
      expect(await k2.metric('k2_feed_reconnects_total')).toBe(undefined)
      expect(venue.control.status().connections).toHaveLength(1)
      k2.kill('SIGINT')
      expect(await k2.exit(), k2.describe()).toEqual({ code: 0, signal: null })
      expect(k2.log.filter(({ level }) => level === 'error')).toEqual([])
    }
    await withRecordings([path], body, options)

    const oversized = Buffer.alloc(keptBytesMax, 'x').toString('base64')
    const wanted = [
      ...refused.map(([reason, text]) => [reason, Buffer.from(text).toString('base64')] as const),
      ['binary', binary.toString('base64')] as const,
      ['oversized', oversized] as const
    ].flatMap((letter) => [letter, letter, letter].map((it) => it.join(' ')))
    const letters = lettersOf(dataFolder).map(({ reason, raw }) => `${reason} ${raw}`)
    expect(firstDifference(letters.toSorted(), wanted.toSorted())).toBe(undefined)

    const table = openTable(dataFolder)
    const rows = table === undefined ? [] : await rowsByIcebird(table)
    const ids = rows.map((row) => Number(row['source_sequence']))
    const byNumber = (left: number, right: number) => left - right
    expect(ids.sort(byNumber)).toEqual(expected.map(({ id }) => id).sort(byNumber))
  },
  testMsMax
)
