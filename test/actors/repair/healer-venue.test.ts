/** What becomes of each way in which a venue can answer, against a server that does so. */
import type { ServerResponse } from 'node:http'
import * as Effect from 'effect/Effect'
import { afterEach, describe, expect, test } from 'vitest'
import { type HealRequested, HealerVenue } from '../../../src/actors/repair/healer-venue.ts'
import type { HealRequest } from '../../../src/machines/heal-facts.ts'
import type { TradeV2 } from '../../../src/market/records/trade-v2.ts'
import { type FakeVenue, openFakeVenue } from '../../support/fake-venue.ts'

const opened: FakeVenue[] = []
afterEach(async () => {
  for (const venue of opened.splice(0)) await venue.close()
})

const listing = {
  serverTime: 1_000_500,
  rateLimits: [
    { rateLimitType: 'REQUEST_WEIGHT', interval: 'MINUTE', intervalNum: 1, limit: 6_000 }
  ],
  symbols: [{ symbol: 'BTCUSDT', baseAsset: 'BTC', quoteAsset: 'USDT' }]
}
const request: HealRequest = {
  exchange: 'BINANCE', symbol: 'BTCUSDT', epoch: 0, fromId: 4, limit: 6, isFirstKnown: true,
  wanted: [{ from: 5, to: 8 }], afterUs: null, beforeUs: null
}
const trades = (...ids: readonly number[]) =>
  ids.map((id) => ({
    id, price: '1.5', qty: '0.1', time: 1_700_000_000_000 + id, isBuyerMaker: true,
    isBestMatch: true
  }))

type Answer = (response: ServerResponse) => void
const json =
  (body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Answer =>
  (response) =>
    void response.writeHead(status, headers).end(JSON.stringify(body))

const openVenue = async (history: Answer, { refused = 0, listed = json(listing) } = {}) => {
  const asked: string[] = []
  const venue = await openFakeVenue({
    rest: ({ url = '' }, response) => {
      asked.push(url)
      response.setHeader('X-MBX-USED-WEIGHT-1M', '77')
      if (url.startsWith('/api/v3/exchangeInfo')) listed(response)
      else history(response)
    }
  })
  opened.push(venue)
  const published: TradeV2[] = []
  const events: HealRequested[] = []
  let nowMs = 1_000_000
  const client = new HealerVenue({
    exchange: 'SIMULATED',
    restUrls: Effect.succeed([venue.restUrl]),
    requestWeight: 25,
    nowMs: () => nowMs,
    observe: () => undefined,
    publish: (records) =>
      Effect.sync(() => {
        published.push(...records)
        return refused
      }),
    observeRequest: (event) => events.push(event)
  })
  return {
    client, asked, published, events,
    pass: (ms: number) => void (nowMs += ms),
    learn: (...symbols: readonly string[]) => Effect.runPromise(client.learn(symbols)),
    heal: (change: Partial<HealRequest> = {}) =>
      Effect.runPromise(client.heal({ ...request, ...change })),
    failure: () => Effect.runPromise(Effect.flip(client.heal(request)))
  }
}

const learned = async (history: Answer, options: Parameters<typeof openVenue>[1] = {}) => {
  const world = await openVenue(history, options)
  await world.learn('BTCUSDT')
  return world
}

describe('what is learned', () => {
  test('listing and limit at first, then what is unknown, all after an hour', async () => {
    const { learn, asked, client, pass } = await openVenue(json([]))
    expect(await learn('BTCUSDT')).toEqual({
      announced: { limit: 6_000, intervalMs: 60_000, skewMs: 500 },
      charge: { atMs: 1_000_000, weight: 40, usedWeight: 77 },
      limited: null
    })
    expect(client.tierOf('BTCUSDT')).toBe(1)
    expect(client.tierOf('NOPE')).toBe(3)
    expect(await learn('BTCUSDT')).toEqual({ announced: null, charge: null, limited: null })
    expect(await learn('BTCUSDT', 'NOPE')).toMatchObject({ announced: null })
    expect(await learn('NOPE')).toEqual({ announced: null, charge: null, limited: null })
    expect(asked).toHaveLength(3)
    pass(3_600_001)
    expect((await learn('BTCUSDT')).announced).not.toBeNull()
  })

  test('nothing to know, nothing to ask', async () => {
    const { learn, asked } = await openVenue(json([]))
    expect(await learn()).toEqual({ announced: null, charge: null, limited: null })
    expect(asked).toEqual([])
  })

  test('a refusal for the weight is told, and no failure', async () => {
    const listed = json({ code: -1_003, msg: 'Too much' }, 429, { 'Retry-After': '9' })
    const { learn } = await openVenue(json([]), { listed })
    expect(await learn('BTCUSDT')).toEqual({
      announced: null, charge: null, limited: { retryAfterMs: 9_000 }
    })
  })
})

describe('what comes of a request', () => {
  test('trades, under the exchange code of this process', async () => {
    const { heal, published, events } = await learned(json(trades(4, 5, 6, 7, 8, 9)))
    expect(await heal()).toEqual({
      atMs: 1_000_000,
      outcome: 'healed',
      answer: {
        type: 'read', atMs: 1_000_000, published: [{ from: 5, to: 8 }], skipped: [], rejected: []
      },
      charge: { atMs: 1_000_000, weight: 25, usedWeight: 77 },
      limited: null
    })
    expect(published.map(({ message_id }) => message_id)).toEqual(
      [5, 6, 7, 8].map((id) => `SIMULATED:BTCUSDT:${id}`)
    )
    expect(events).toMatchObject([{ outcome: 'healed', trades: 4 }])
  })

  test('none that is missing', async () => {
    const { heal, published } = await learned(json([]))
    expect(await heal()).toMatchObject({ outcome: 'nothing', answer: { type: 'read' } })
    expect(published).toEqual([])
  })

  test('trades that have no room are as good as not asked for', async () => {
    const { heal, events } = await learned(json(trades(4, 5, 6)), { refused: 1 })
    expect(await heal()).toMatchObject({ outcome: 'no_room', answer: { type: 'abandoned' } })
    expect(events).toMatchObject([{ outcome: 'no_room', trades: 1 }])
  })

  test.each<[name: string, answer: Answer, outcome: string]>([
    ['another range', json(trades(500, 501)), 'range'],
    ['another order', json(trades(4, 6, 5)), 'order'],
    ['another symbol', json([{ ...trades(4)[0], symbol: 'ETHUSDT' }]), 'symbol'],
    ['another form', json({ trades: [] }), 'form'],
    ['a refusal of the question', json({ code: -1_121, msg: 'Invalid symbol.' }, 400), 'question']
  ])('%s is of no use, and counted', async (_, answer, outcome) => {
    const { heal, published, events } = await learned(answer)
    expect(await heal()).toMatchObject({ outcome: 'useless', answer: { type: 'useless' } })
    expect(published).toEqual([])
    expect(events).toMatchObject([{ outcome, trades: 0, detail: expect.any(String) }])
  })

  test('a symbol that the venue does not list is not asked for', async () => {
    const { heal, learn, asked, events } = await learned(json([]))
    await learn('NOPE')
    const before = asked.length
    expect(await heal({ symbol: 'NOPE' })).toMatchObject({ outcome: 'useless', charge: null })
    expect(events).toMatchObject([{ outcome: 'unlisted' }])
    expect(asked).toHaveLength(before)
  })

  test.each([
    [429, { 'Retry-After': '11' }, 11_000],
    [418, { 'Retry-After': '300' }, 300_000],
    [429, {}, null],
    [418, {}, 120_000]
  ])('too much asked: %i %j', async (status, headers, retryAfterMs) => {
    const { heal, events } = await learned(json({ code: -1_003, msg: 'Too much' }, status, headers))
    expect(await heal()).toMatchObject({
      outcome: 'limited', answer: { type: 'abandoned' }, limited: { retryAfterMs }
    })
    expect(events).toMatchObject([{ outcome: 'limited' }])
  })

  test.each<[name: string, answer: Answer]>([
    ['broken', (response) => void response.writeHead(503).end('<html>')],
    ['truncated', (response) => void response.end('[{"id":4,"pri')],
    ['cut off', (response) => void response.destroy()]
  ])('a venue that is %s is unavailable', async (_, answer) => {
    const { failure, events, published } = await learned(answer)
    expect(await failure()).toMatchObject({ isDependency: true })
    expect(events).toMatchObject([{ outcome: 'unavailable' }])
    expect(published).toEqual([])
  })

  test('after a failure the next address is asked', async () => {
    const good = await openFakeVenue({
      rest: ({ url = '' }, response) =>
        void response.end(JSON.stringify(url.includes('exchangeInfo') ? listing : trades(4, 5)))
    })
    const bad = await openFakeVenue({ rest: (_, response) => void response.writeHead(500).end() })
    opened.push(good, bad)
    const client = new HealerVenue({
      exchange: 'BINANCE',
      restUrls: Effect.succeed([bad.restUrl, good.restUrl]),
      requestWeight: 25,
      nowMs: () => 0,
      observe: () => undefined,
      publish: () => Effect.succeed(0),
      observeRequest: () => undefined
    })
    await Effect.runPromise(Effect.flip(client.learn(['BTCUSDT'])))
    await Effect.runPromise(client.learn(['BTCUSDT']))
    expect(await Effect.runPromise(client.heal(request))).toMatchObject({ outcome: 'healed' })
  })
})
