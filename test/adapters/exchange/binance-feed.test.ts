import { Deferred, Effect, Exit, Fiber, Queue } from 'effect'
import { afterEach, describe, expect, test } from 'vitest'
import {
  type FeedAttemptCommand,
  type FeedAttemptNotice,
  runBinanceFeed
} from '../../../src/adapters/exchange/binance-feed.ts'
import { fetchInstruments } from '../../../src/adapters/exchange/binance-rest.ts'
import { binanceRestDefaults } from '../../../src/adapters/exchange/rest-request.ts'
import {
  BinanceSocket,
  binanceSocketDefaults
} from '../../../src/adapters/exchange/binance-socket.ts'
import { noneRefused } from '../../../src/adapters/exchange/feed-account.ts'
import { LetterSampler } from '../../../src/adapters/exchange/frame-letters.ts'
import type { Instrument } from '../../../src/market/instrument.ts'
import { type FakeVenue, type FakeVenueOptions, openFakeVenue } from '../../support/fake-venue.ts'
import { feedOptions } from '../../support/feed-options.ts'
import { recordOf } from '../../support/compact-trades.ts'

const opened: FakeVenue[] = []
const fibers: Array<Fiber.Fiber<unknown, unknown>> = []
afterEach(async () => {
  for (const fiber of fibers.splice(0)) await Effect.runPromise(Fiber.interrupt(fiber))
  for (const venue of opened.splice(0)) await venue.close()
})

const listed = ['BTC', 'ETH', 'SOL'].map((baseAsset) => ({
  symbol: `${baseAsset}USDT`,
  baseAsset,
  quoteAsset: 'USDT'
}))
const btc: Instrument = {
  exchange: 'BINANCE',
  symbol: 'BTCUSDT',
  assetClass: 'crypto',
  baseAsset: 'BTC',
  quoteAsset: 'USDT'
}
const trade = (symbol: string, t: number) =>
  JSON.stringify({
    stream: `${symbol.toLowerCase()}@trade`,
    data: {
      e: 'trade',
      E: 1723161255343,
      s: symbol,
      t,
      p: '1.5',
      q: '2',
      T: 1723161255342,
      m: true,
      M: true
    }
  })

const startFeed = async (
  options: FakeVenueOptions = {},
  restStatus = 200,
  predecessorsCaughtUp: Effect.Effect<void> = Effect.void,
  isPaused = false
) => {
  const venue = await openFakeVenue({
    rest: (_request, response) =>
      void response.writeHead(restStatus).end(JSON.stringify({ symbols: listed })),
    ...options
  })
  opened.push(venue)
  const commands = Effect.runSync(Queue.bounded<FeedAttemptCommand>(8))
  const notices: FeedAttemptNotice[] = []
  const ids: string[] = []
  let newestId = -1
  const { noted, options: common } = feedOptions(() => performance.now() * 1_000)
  const attempt = runBinanceFeed({
    ...common,
    isPaused,
    newestIds: (asked) => Effect.sync(() => new Map(asked.map((symbol) => [symbol, newestId]))),
    connect: (streams) =>
      Effect.flatMap(BinanceSocket, (socket) => socket.connect(venue.url, streams)),
    predecessorsCaughtUp,
    resolveInstruments: (symbols) =>
      fetchInstruments(venue.restUrl, symbols, {
        ...binanceRestDefaults,
        observe: () => undefined
      }),
    dataTypes: ['trades'],
    symbols: ['BTCUSDT'],
    instruments: [btc],
    nextCommand: Queue.take(commands),
    notify: (notice) => notices.push(notice),
    sink: {
      offer: (trades) =>
        Effect.sync(() => {
          for (const trade of trades) ids.push(recordOf(trade).message_id)
          return noneRefused
        })
    },
    deadLetters: { offer: () => Effect.void },
    sampler: new LetterSampler(1),
    observe: () => undefined
  })
  const layer = BinanceSocket.layer({
    ...binanceSocketDefaults,
    nowUs: () => 1,
    observe: () => undefined
  })
  const fiber = Effect.runFork(Effect.scoped(attempt).pipe(Effect.provide(layer)))
  fibers.push(fiber)
  const noticed = (type: FeedAttemptNotice['type']) =>
    expect.poll(() => notices.map((notice) => notice.type)).toContain(type)
  const tell = (command: FeedAttemptCommand) => Effect.runSync(Queue.offer(commands, command))
  return {
    fiber, ids, noted, noticed, notices, tell, venue,
    venueHas: (id: number) => void (newestId = id)
  }
}
const startSubscribed = async (...args: Parameters<typeof startFeed>) => {
  const feed = await startFeed(...args)
  await feed.noticed('feed.subscribed')
  return feed
}
const exitOf = (fiber: Fiber.Fiber<unknown, unknown>) => Effect.runPromise(Fiber.await(fiber))

describe('one attempt', () => {
  test('streams trades to the sink and ends with the venue\'s close', async () => {
    const { fiber, ids, notices, venue } = await startSubscribed()
    venue.socket().send(trade('BTCUSDT', 1))
    venue.socket().send('nonsense')
    venue.socket().send(trade('BTCUSDT', 2))
    venue.socket().close(1012)
    expect(await exitOf(fiber)).toMatchObject({ _tag: 'Failure' })
    expect(ids).toEqual(['BINANCE:BTCUSDT:1', 'BINANCE:BTCUSDT:2'])
    const batches = notices.filter((notice) => notice.type === 'batch.handled')
    expect(batches.reduce((sum, { frameCount }) => sum + frameCount, 0)).toBe(3)
    expect(batches.reduce((sum, { rejectedCount }) => sum + rejectedCount, 0)).toBe(1)
  })

  test('follows the wanted symbols, and learns their instruments', async () => {
    const { ids, noticed, notices, tell, venue } = await startSubscribed()
    tell({ type: 'symbols.changed', symbols: ['ETHUSDT', 'NOPE'] })
    await noticed('subscription.applied')
    expect(notices).toContainEqual({ type: 'subscription.refused', symbols: ['NOPE'] })
    expect(notices.find(({ type }) => type === 'subscription.applied')).toMatchObject({
      instruments: [{ symbol: 'ETHUSDT' }]
    })
    expect(venue.requests).toMatchObject([
      { method: 'UNSUBSCRIBE', params: ['btcusdt@trade'] },
      { method: 'SUBSCRIBE', params: ['ethusdt@trade'] }
    ])
    venue.socket().send(trade('ETHUSDT', 7))
    await expect.poll(() => ids).toEqual(['BINANCE:ETHUSDT:7'])
  })

  test('a list that cannot be had costs the new symbol, not the stream', async () => {
    const { ids, noticed, notices, tell, venue } = await startSubscribed({}, 503)
    tell({ type: 'symbols.changed', symbols: ['BTCUSDT', 'ETHUSDT'] })
    await noticed('subscription.applied')
    expect(notices).toContainEqual({ type: 'subscription.refused', symbols: ['ETHUSDT'] })
    expect(venue.requests).toEqual([])
    venue.socket().send(trade('BTCUSDT', 3))
    await expect.poll(() => ids).toEqual(['BINANCE:BTCUSDT:3'])
  })

  test('a refused SUBSCRIBE ends it', async () => {
    const { fiber, tell } = await startSubscribed({
      answer: ({ id }) => ({ error: { code: 3, msg: 'no' }, id })
    })
    tell({ type: 'symbols.changed', symbols: ['BTCUSDT', 'ETHUSDT'] })
    const exit = await exitOf(fiber)
    expect(JSON.stringify(exit)).toContain('SubscribeRejected')
  })

  test('drained on command, it ends well, even with a request in flight', async () => {
    const { fiber, tell, venue } = await startSubscribed({ answer: () => null })
    tell({ type: 'symbols.changed', symbols: ['BTCUSDT', 'ETHUSDT'] })
    await expect.poll(() => venue.requests.length).toBe(1)
    tell({ type: 'drain.requested' })
    expect(await exitOf(fiber)).toEqual(Exit.succeed('drain.requested'))
    await expect.poll(() => venue.connectionCount()).toBe(0)
  })

  test('replaced by another, it ends with what has arrived', async () => {
    const { fiber, ids, tell, venue } = await startSubscribed()
    venue.socket().send(trade('BTCUSDT', 1))
    await expect.poll(() => ids).toHaveLength(1)
    tell({ type: 'retirement.requested' })
    expect(await exitOf(fiber)).toEqual(Exit.succeed('retirement.requested'))
    await expect.poll(() => venue.connectionCount()).toBe(0)
  })

  test('takes nothing before its predecessors have caught up', async () => {
    const caughtUp = Effect.runSync(Deferred.make<void>())
    const { fiber, ids, noticed, notices, venue } = await startFeed(
      { onConnected: (socket) => socket.send(trade('BTCUSDT', 1)) },
      200,
      Deferred.await(caughtUp)
    )
    await expect.poll(() => venue.paths).toHaveLength(1)
    venue.socket().send(trade('BTCUSDT', 2))
    venue.socket().close()
    await expect.poll(() => venue.connectionCount()).toBe(0)
    expect([ids, notices]).toEqual([[], []])
    Effect.runSync(Deferred.succeed(caughtUp, undefined))
    await noticed('feed.subscribed')
    expect(await exitOf(fiber)).toMatchObject({ _tag: 'Failure' })
    expect(ids).toEqual(['BINANCE:BTCUSDT:1', 'BINANCE:BTCUSDT:2'])
  })

  test.each([
    '{"e":"serverShutdown","E":1770123456789}',
    '{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}'
  ])('passes on that the venue will end it: %s', async (text) => {
    const { noticed, venue } = await startSubscribed()
    venue.socket().send(text)
    await noticed('shutdown.announced')
  })
})

describe('a pause', () => {
  const requests = ({ venue }: Awaited<ReturnType<typeof startFeed>>) =>
    venue.requests.map(({ method, params }) => `${method} ${params.join(' ')}`)

  test('is one UNSUBSCRIBE; the connection stays, what was missed is claimed', async () => {
    const feed = await startSubscribed()
    const { fiber, ids, noted, noticed, notices, tell, venue, venueHas } = feed
    venue.socket().send(trade('BTCUSDT', 1))
    await expect.poll(() => ids).toHaveLength(1)
    tell({ type: 'pause.requested' })
    await noticed('pause.applied')
    expect(requests(feed)).toEqual(['UNSUBSCRIBE btcusdt@trade'])
    tell({ type: 'resume.requested' })
    await noticed('subscription.applied')
    expect(requests(feed)[1]).toBe('SUBSCRIBE btcusdt@trade')
    venue.socket().send(trade('BTCUSDT', 9))
    await expect.poll(() => ids).toHaveLength(2)
    expect(noted).toEqual([
      expect.objectContaining({ reason: 'paused', fromId: 2, toId: 8, count: 7 })
    ])
    // Where no trade follows, the venue says what was missed.
    tell({ type: 'pause.requested' })
    await expect.poll(() => requests(feed)).toHaveLength(3)
    venueHas(30)
    tell({ type: 'resume.requested' })
    await expect.poll(() => noted.length, { timeout: 20_000 }).toBe(2)
    expect(noted[1]).toMatchObject({ reason: 'paused', fromId: 10, toId: 30, count: 21 })
    expect(venue.connectionCount()).toBe(1)
    expect(fiber.pollUnsafe()).toBeUndefined()
    expect(notices.filter(({ type }) => type === 'feed.subscribed')).toHaveLength(1)
  })

  test('holds from the beginning for a connection that opens in it', async () => {
    const feed = await startFeed({}, 200, Effect.void, true)
    const { ids, noticed, tell, venue } = feed
    await noticed('feed.subscribed')
    expect(venue.paths).toEqual(['/stream'])
    tell({ type: 'symbols.changed', symbols: ['SOLUSDT', 'BTCUSDT'] })
    await noticed('pause.applied')
    expect(requests(feed)).toEqual([])
    tell({ type: 'resume.requested' })
    await noticed('subscription.applied')
    expect(requests(feed)).toEqual(['SUBSCRIBE btcusdt@trade', 'SUBSCRIBE solusdt@trade'])
    venue.socket().send(trade('BTCUSDT', 3))
    await expect.poll(() => ids).toEqual(['BINANCE:BTCUSDT:3'])
  })

  test('and its end, over and over, are at most four messages a second', async () => {
    const feed = await startSubscribed()
    for (let turn = 0; turn < 5; turn++) {
      feed.tell({ type: 'pause.requested' })
      await expect.poll(() => requests(feed)).toHaveLength(2 * turn + 1)
      feed.tell({ type: 'resume.requested' })
      await expect.poll(() => requests(feed)).toHaveLength(2 * turn + 2)
    }
    const times = feed.venue.requests.map(({ atMs }) => atMs)
    for (const [index, atMs] of times.entries()) {
      expect(times.filter((other) => other >= atMs && other < atMs + 1_000).length, `${index}`)
        .toBeLessThanOrEqual(4)
    }
  })
})
