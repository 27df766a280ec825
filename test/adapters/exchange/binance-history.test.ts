import type { IncomingMessage, ServerResponse } from 'node:http'
import { Effect } from 'effect'
import * as fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { fetchHistory, fetchWeightLimit } from '../../../src/adapters/exchange/binance-history.ts'
import { parseFrame } from '../../../src/adapters/exchange/binance-frames.ts'
import { type HistoryReply, readHistory } from '../../../src/adapters/exchange/history-reply.ts'
import { binanceRestDefaults, type RestEvent } from '../../../src/adapters/exchange/rest-request.ts'
import type { AskedHistory } from '../../../src/market/asked-history.ts'
import { type Instrument, longMax } from '../../../src/market/instrument.ts'
import { type FakeVenue, openFakeVenue } from '../../support/fake-venue.ts'
import { ExchangeClient, idsOf, withSimulator } from '../simulator/exchange-client.ts'

const instrument: Instrument = {
  exchange: 'BINANCE', symbol: 'BTCUSDT', assetClass: 'crypto', baseAsset: 'BTC', quoteAsset: 'USDT'
}
const receivedUs = 1_700_000_100_000_000
const known = { instrument, receivedUs }

/** As the venue writes it. */
const entry = (id: number, change: object = {}) => ({
  id,
  price: '61837.63000000',
  qty: '0.00100000',
  quoteQty: '61.83763000',
  time: 1_700_000_000_000 + id,
  isBuyerMaker: id % 2 === 0,
  isBestMatch: true,
  ...change
})
const entries = (...ids: readonly number[]) => ids.map((id) => entry(id))

/** Ids 5 to 8 are missing, 4 and 9 have landed. */
const asked: AskedHistory = {
  fromId: 4, limit: 6, isFirstKnown: true, wanted: [{ from: 5, to: 8 }], afterUs: null,
  beforeUs: null
}

const idsIn = (reply: HistoryReply) =>
  reply.type === 'read'
    ? {
        published: reply.published, skipped: reply.skipped, rejected: reply.rejected,
        trades: reply.trades.map(({ source_sequence: id }) => id)
      }
    : { refused: reply.fault }

const nothing = { published: [], skipped: [], rejected: [], trades: [] }
const span = (from: number, to: number) => ({ from, to })

describe('a reply', () => {
  test.each([
    [
      'all of it',
      entries(4, 5, 6, 7, 8, 9),
      { ...nothing, published: [span(5, 8)], trades: [5, 6, 7, 8] }
    ],
    ['nothing', [], nothing],
    ['only what had landed', entries(4), nothing],
    [
      'a part, the history being behind',
      entries(4, 5, 6),
      { ...nothing, published: [span(5, 6)], trades: [5, 6] }
    ],
    [
      'without ids that have both neighbours',
      entries(4, 5, 8, 9),
      { ...nothing, published: [span(5, 5), span(8, 8)], skipped: [span(6, 7)], trades: [5, 8] }
    ],
    [
      'without any, and more behind them',
      entries(4, 9, 10, 11, 12, 13),
      { ...nothing, skipped: [span(5, 8)] }
    ],
    [
      'with a quantity that no record holds',
      [entry(4), entry(5, { qty: '10000000000.00000000' }), ...entries(6, 7, 8, 9)],
      { ...nothing, published: [span(6, 8)], rejected: [span(5, 5)], trades: [6, 7, 8] }
    ],
    [
      'with a price of zero',
      [entry(4), entry(5, { price: '0.00000000' }), ...entries(6, 7, 8, 9)],
      { ...nothing, published: [span(6, 8)], rejected: [span(5, 5)], trades: [6, 7, 8] }
    ],
    [
      'with a nonsense of what is not wanted',
      [entry(4, { qty: '0' }), ...entries(5, 6, 7, 8), entry(9, { price: null })],
      { ...nothing, published: [span(5, 8)], trades: [5, 6, 7, 8] }
    ]
  ])('%s', (_, body, expected) => {
    expect(idsIn(readHistory(body, asked, known))).toEqual(expected)
  })

  test.each<[name: string, body: unknown, fault: string]>([
    ['no list', { symbols: [] }, 'form'],
    ['null', null, 'form'],
    ['of another form', [[4, '1.0']], 'form'],
    ['without ids', [{ ...entry(4), id: '4' }], 'form'],
    ['with an id that no double holds', [entry(4), entry(longMax + 1)], 'form'],
    ['with a price that is a number', [entry(4), entry(5, { price: 61_837.63 })], 'form'],
    ['with a price that is a word', [entry(4), entry(5, { price: 'free' })], 'form'],
    ['without a time', [entry(4), entry(5, { time: undefined })], 'form'],
    ['with a time that is none', [entry(4), entry(5, { time: 12 })], 'form'],
    ['of another symbol', [entry(4), entry(5, { symbol: 'ETHUSDT' })], 'symbol'],
    ['of a range before', entries(1, 2, 3, 4, 5, 6), 'range'],
    ['of a range behind', entries(700, 701, 702), 'range'],
    ['longer than asked for', entries(4, 5, 6, 7, 8, 9, 10), 'range'],
    ['in descending order', entries(4, 9, 8, 7, 6, 5), 'order'],
    ['with an id twice', entries(4, 5, 5, 6), 'order']
  ])('%s is refused as a whole', (_, body, fault) => {
    expect(idsIn(readHistory(body, asked, known))).toEqual({ refused: fault })
  })

  test('where it is not known that the venue has the first, it may begin later', () => {
    const free = { ...asked, fromId: 5, isFirstKnown: false }
    expect(idsIn(readHistory(entries(7, 8, 9), free, known))).toEqual({
      ...nothing, published: [span(7, 8)], trades: [7, 8]
    })
  })

  test('of a time far from that of the neighbours is somebody else\'s', () => {
    const timed = { ...asked, afterUs: 1_700_000_000_004_000, beforeUs: 1_700_000_000_009_000 }
    expect(readHistory(entries(4, 5), timed, known).type).toBe('read')
    for (const time of [1_700_000_070_010, 1_699_999_939_000]) {
      const body = [entry(4), entry(5, { time })]
      expect(idsIn(readHistory(body, timed, known))).toEqual({ refused: 'time' })
    }
  })

  test('whatever it is, it is read or refused, and what is read was wanted', () => {
    const odd = fc.oneof(
      fc.jsonValue(),
      fc.record({
        id: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.double(), fc.string()),
        price: fc.oneof(fc.constant('1.5'), fc.string()),
        qty: fc.oneof(fc.constant('0.1'), fc.string()),
        time: fc.oneof(fc.constant(1_700_000_000_000), fc.double()),
        isBuyerMaker: fc.oneof(fc.boolean(), fc.string())
      })
    )
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.array(odd, { maxLength: 8 })), (body) => {
        const reply = readHistory(body, asked, known)
        if (reply.type === 'refused') return
        for (const { source_sequence: id } of reply.trades) {
          expect(id).toBeGreaterThanOrEqual(5)
          expect(id).toBeLessThanOrEqual(8)
        }
      })
    )
  })
})

describe('against the simulated exchange', () => {
  test('a trade of the history equals the one that was sent, in all that both have', async () => {
    await withSimulator({}, async ({ url, restUrl }) => {
      const client = await ExchangeClient.open(`${url}/stream?streams=btcusdt@trade`)
      const texts = await client.take(300)
      const ids = idsOf(texts, 'BTCUSDT')
      const wanted = [{ from: ids[0]!, to: ids.at(-1)! }]
      const question = { ...asked, fromId: ids[0]!, limit: 1_000, isFirstKnown: true, wanted }
      const reply = await Effect.runPromise(
        fetchHistory({ baseUrl: restUrl, instrument, asked: question }, () => receivedUs, {
          ...binanceRestDefaults,
          observe: () => undefined
        })
      )
      if (reply.type !== 'read') expect.fail(JSON.stringify(reply))
      expect(reply.published).toEqual(wanted)
      const sent = texts.map((text) => {
        const frame = {
          bytes: Buffer.from(text), frameBytes: text.length, isBinary: false, receivedUs
        }
        const result = parseFrame(frame, new Map([['BTCUSDT', instrument]]))
        if (result.kind !== 'trade') expect.fail(text)
        const { event_time: _, ...vendor } = result.trade.vendor_data!
        return { ...result.trade, vendor_data: { source: 'history', ...vendor } }
      })
      expect(reply.trades).toEqual(sent)
    })
  })

  test('it announces its limit, the one that it was told', async () => {
    await withSimulator({ weightMax: 77_000 }, async ({ restUrl }) => {
      const events: RestEvent[] = []
      const limit = await Effect.runPromise(
        fetchWeightLimit(restUrl, 'BTCUSDT', {
          ...binanceRestDefaults,
          observe: (event) => events.push(event)
        })
      )
      expect(limit).toMatchObject({ limit: 77_000, intervalMs: 60_000 })
      expect(events).toMatchObject([{ usedWeight: 20 }])
    })
  })
})

const opened: FakeVenue[] = []
afterEach(async () => {
  for (const venue of opened.splice(0)) await venue.close()
})

const ask = async (answer: (request: IncomingMessage, response: ServerResponse) => void) => {
  const venue = await openFakeVenue({ rest: answer })
  opened.push(venue)
  const options = { ...binanceRestDefaults, requestMsMax: 300, observe: () => undefined }
  const question = { baseUrl: venue.restUrl, instrument, asked }
  return Effect.runPromise(Effect.flip(fetchHistory(question, () => receivedUs, options)))
}

describe('a venue that misbehaves', () => {
  test('is asked by id', async () => {
    const urls: string[] = []
    const venue = await openFakeVenue({
      rest: (request, response) => {
        urls.push(request.url ?? '')
        response.end(JSON.stringify(entries(4, 5, 6, 7, 8, 9)))
      }
    })
    opened.push(venue)
    const options = { ...binanceRestDefaults, observe: () => undefined }
    const question = { baseUrl: venue.restUrl, instrument, asked }
    const reply = await Effect.runPromise(fetchHistory(question, () => receivedUs, options))
    expect(reply.type).toBe('read')
    expect(urls).toEqual(['/api/v3/historicalTrades?symbol=BTCUSDT&fromId=4&limit=6'])
  })

  test.each<[name: string, status: number, body: string, expected: object]>([
    [
      'too much asked', 429, '{"code":-1003,"msg":"Too much"}',
      { _tag: 'VenueRefused', status: 429, retryAfterMs: 11_000 }
    ],
    [
      'banned', 418, '{"code":-1003,"msg":"Banned"}',
      { _tag: 'VenueRefused', status: 418, retryAfterMs: 11_000 }
    ],
    ['broken', 502, '<html>', { _tag: 'VenueRefused', status: 502 }],
    ['truncated', 200, '[{"id":4,"price":"1', { _tag: 'VenueUnavailable' }]
  ])('%s', async (_, status, body, expected) => {
    const failure = await ask((_request, response) => {
      response.writeHead(status, { 'Retry-After': '11' }).end(body)
    })
    expect(failure).toMatchObject({ ...expected, isDependency: true })
  })

  test('silent', async () => {
    expect(await ask(() => undefined)).toMatchObject({ _tag: 'VenueUnavailable' })
  })
})

describe('limits', () => {
  test.each([
    ['the shortest interval of weight', [
      { rateLimitType: 'ORDERS', interval: 'SECOND', intervalNum: 10, limit: 100 },
      { rateLimitType: 'REQUEST_WEIGHT', interval: 'DAY', intervalNum: 1, limit: 90_000 },
      { rateLimitType: 'REQUEST_WEIGHT', interval: 'MINUTE', intervalNum: 5, limit: 9_000 }
    ], { limit: 9_000, intervalMs: 300_000, serverTimeMs: 7 }],
    ['none', [], null],
    ['of an unknown interval', [
      { rateLimitType: 'REQUEST_WEIGHT', interval: 'MOON', intervalNum: 1, limit: 5 }
    ], null]
  ])('%s', async (_, rateLimits, expected) => {
    const venue = await openFakeVenue({
      rest: (_request, response) => response.end(JSON.stringify({ serverTime: 7, rateLimits }))
    })
    opened.push(venue)
    const options = { ...binanceRestDefaults, observe: () => undefined }
    expect(await Effect.runPromise(fetchWeightLimit(venue.restUrl, 'BTCUSDT', options))).toEqual(
      expected
    )
  })
})
