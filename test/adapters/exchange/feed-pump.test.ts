import { Deferred, Effect, Exit, Fiber, Schema } from 'effect'
import { describe, expect, test } from 'vitest'
import { SocketClosed } from '../../../src/adapters/exchange/exchange-errors.ts'
import { FeedAccount, noneRefused } from '../../../src/adapters/exchange/feed-account.ts'
import {
  type FramesHandled, pumpFrames, type PumpOptions
} from '../../../src/adapters/exchange/feed-pump.ts'
import {
  type FrameLetter, LetterSampler, letterBytesMax
} from '../../../src/adapters/exchange/frame-letters.ts'
import { FrameQueue } from '../../../src/adapters/exchange/frame-queue.ts'
import type { Instrument } from '../../../src/market/instrument.ts'
import type { QuoteV2 } from '../../../src/market/records/quote-v2.ts'
import { feedOptions } from '../../support/feed-options.ts'
import { recordOf } from '../../support/compact-trades.ts'
import type { TradeV2 } from '../../../src/market/records/trade-v2.ts'

class SinkGone extends Schema.TaggedError<SinkGone>()('SinkGone', {}) {}

const instruments = new Map<string, Instrument>(
  (['BTC', 'ETH'] as const).map((baseAsset) => [
    `${baseAsset}USDT`,
    {
      exchange: 'BINANCE',
      symbol: `${baseAsset}USDT`,
      assetClass: 'crypto',
      baseAsset,
      quoteAsset: 'USDT'
    }
  ])
)
const trade = (symbol: string, t: number, changes: object = {}) =>
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
      M: true,
      ...changes
    }
  })

const closed = (closedBy: 'venue' | 'k2') =>
  new SocketClosed({ venue: 'v', code: 1000, reason: '', closedBy })

const setupPump = (sampleMax = 100) => {
  const queue = new FrameQueue<SocketClosed>({
    bytesMax: 1e9,
    batchFramesMax: 4,
    setReading: () => undefined
  })
  const batches: TradeV2[][] = []
  const letters: FrameLetter[] = []
  const handled: FramesHandled[] = []
  const { noted, options: common } = feedOptions()
  const { account } = common
  const drained = Effect.runSync(Deferred.make<void>())
  const options: PumpOptions<SinkGone> = {
    ...common,
    source: { takeFrames: queue.take, close: Effect.sync(() => queue.fail(closed('k2'))) },
    instruments,
    sink: {
      // Compact trades are filled anew for the next batch: what is kept is their record.
      offer: (trades) =>
        Effect.sync(() => {
          batches.push(trades.map((given) => recordOf(given)))
          return noneRefused
        })
    },
    deadLetters: { offer: (letter) => Effect.sync(() => void letters.push(letter)) },
    sampler: new LetterSampler(sampleMax),
    drainRequested: Deferred.await(drained),
    observe: (event) => handled.push(event)
  }
  const push = (data: string | Buffer, isBinary = false, receivedUs = 60_000_000) => {
    const bytes = Buffer.from(data)
    queue.push({ bytes, frameBytes: bytes.length, isBinary, receivedUs })
  }
  const run = (changes: Partial<PumpOptions<SinkGone>> = {}) =>
    Effect.runFork(Effect.scoped(pumpFrames({ ...options, ...changes })))
  const drain = () => Effect.runSync(Deferred.succeed(drained, undefined))
  return { account, batches, drain, handled, letters, noted, push, queue, run }
}
const exitOf = <A, E>(fiber: Fiber.Fiber<A, E>) => Effect.runPromise(Fiber.await(fiber))

const ticker = (symbol: string, u: number, changes: object = {}) =>
  JSON.stringify({
    stream: `${symbol.toLowerCase()}@bookTicker`,
    data: { u, s: symbol, b: '1.5', B: '2', a: '1.6', A: '2', ...changes }
  })

describe('the pump', () => {
  test('offers trades in order and counts every frame once', async () => {
    const { account, batches, handled, letters, push, queue, run } = setupPump()
    push(trade('BTCUSDT', 5))
    push(trade('ETHUSDT', 9))
    push(
      '{"stream":"btcusdt@bookTicker","data":{"u":1,"s":"BTCUSDT","b":"1","B":"1","a":"1","A":"1"}}'
    )
    push(trade('BTCUSDT', 4))
    push('{"result":null,"id":1}')
    push(trade('BTCUSDT', 6, { q: '0' }))
    push('nonsense')
    push(Buffer.from([1]), true)
    push(trade('DOGEUSDT', 1))
    queue.fail(closed('venue'))
    expect(await exitOf(run())).toEqual(Exit.fail(closed('venue')))
    expect(batches.flat().map(({ message_id }) => message_id)).toEqual([
      'BINANCE:BTCUSDT:5',
      'BINANCE:ETHUSDT:9',
      'BINANCE:BTCUSDT:4'
    ])
    expect(account.snapshot()).toEqual({
      BTCUSDT: {
        received: 3,
        accepted: 2,
        rejected: 1,
        refused: 0,
        shed: 0,
        paused: 0,
        conflated: 0,
        offered: 0,
        lastId: 4,
        highestId: 5
      },
      ETHUSDT: {
        received: 1,
        accepted: 1,
        rejected: 0,
        refused: 0,
        shed: 0,
        paused: 0,
        conflated: 0,
        offered: 0,
        lastId: 9,
        highestId: 9
      }
    })
    expect(
      handled.map(({ tally }) => [tally.frameCount, tally.tradeCount, tally.controlCount])
    ).toEqual([
      [4, 3, 0],
      [4, 0, 1],
      [1, 0, 0]
    ])
    const rejected = handled.flatMap(({ tally }) => [...tally.rejected])
    expect(rejected).toEqual([
      ['bad_quantity', 1],
      ['malformed_json', 1],
      ['binary', 1],
      ['unknown_symbol', 1]
    ])
    expect(letters.map(({ reason, symbol, nativeId }) => [reason, symbol, nativeId])).toEqual([
      ['bad_quantity', 'BTCUSDT', 6],
      ['malformed_json', undefined, undefined],
      ['binary', undefined, undefined],
      ['unknown_symbol', 'DOGEUSDT', 1]
    ])
    expect(letters[1]?.bytes.toString()).toBe('nonsense')
  })

  test('takes no more frames while the sink has not taken the last', async () => {
    const { account, drain, push, queue, run } = setupPump()
    const gate = Effect.runSync(Deferred.make<void>())
    const opened = Effect.as(Deferred.await(gate), noneRefused)
    let offers = 0
    const fiber = run({ sink: { offer: () => { offers += 1; return opened } } })
    for (let id = 1; id <= 10; id++) push(trade('BTCUSDT', id))
    await expect.poll(() => offers).toBe(1)
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    // Four are with the sink, six wait: back-pressure, exactly.
    expect(account.snapshot()['BTCUSDT']).toMatchObject({ received: 4, offered: 4, accepted: 0 })
    expect(queue.queuedBytes).toBe(
      [5, 6, 7, 8, 9, 10].reduce((bytes, id) => bytes + trade('BTCUSDT', id).length, 0)
    )
    Effect.runSync(Deferred.succeed(gate, undefined))
    drain()
    expect(await exitOf(fiber)).toEqual(Exit.void)
    expect(account.snapshot()['BTCUSDT']).toMatchObject({ received: 10, offered: 0, accepted: 10 })
  })

  test('ends well when drained, after what had come', async () => {
    const { batches, drain, push, run } = setupPump()
    for (let id = 1; id <= 9; id++) push(trade('BTCUSDT', id))
    drain()
    expect(await exitOf(run())).toEqual(Exit.void)
    expect(batches.map(({ length }) => length)).toEqual([4, 4, 1])
  })

  test('ends with the sink\'s failure, its trades counted as refused', async () => {
    const { account, noted, push, run } = setupPump()
    const quoteAccount = new FeedAccount()
    push(trade('BTCUSDT', 1))
    push(trade('BTCUSDT', 2))
    push(ticker('BTCUSDT', 9))
    const quotes = { account: quoteAccount, sink: { offer: () => Effect.succeed(noneRefused) } }
    const fiber = run({ quotes, sink: { offer: () => Effect.fail(new SinkGone()) } })
    expect(await exitOf(fiber)).toEqual(Exit.fail(new SinkGone()))
    const facts = { exchange: 'BINANCE', symbol: 'BTCUSDT', reason: 'disconnect' }
    const times = { sinceUs: 60_000_000, untilUs: 60_000_000 }
    expect(noted).toEqual([
      { ...facts, fromId: 1, toId: 2, count: 2, ...times },
      { ...facts, fromId: null, toId: null, count: 1, ...times }
    ])
    expect(quoteAccount.snapshot()['BTCUSDT']).toMatchObject({ refused: 1, offered: 0 })
    expect(account.snapshot()['BTCUSDT']).toEqual({
      received: 2,
      accepted: 0,
      rejected: 0,
      refused: 2,
      shed: 0,
      paused: 0,
      conflated: 0,
      offered: 0,
      lastId: 2,
      highestId: 2
    })
  })

  test('what the sink has said to have taken is no loss, though it never ends', async () => {
    const { account, noted, push, run } = setupPump()
    push(trade('BTCUSDT', 1))
    push(trade('ETHUSDT', 2))
    const isTaken = Deferred.makeUnsafe<void>()
    const fiber = run({
      sink: {
        offer: (_trades, onTaken) =>
          Effect.suspend(() => {
            onTaken(new Map([['ETHUSDT', 1]]))
            Deferred.doneUnsafe(isTaken, Effect.void)
            return Effect.never
          })
      }
    })
    await Effect.runPromise(Deferred.await(isTaken))
    // At once, and not only when there is room again (R16).
    const settled = () => Object.entries(account.snapshot()).map(([symbol, of]) => [
      symbol, of.accepted, of.refused, of.offered
    ])
    const expected = [['BTCUSDT', 1, 0, 0], ['ETHUSDT', 0, 1, 0]]
    expect(settled()).toEqual(expected)
    await Effect.runPromise(Fiber.interrupt(fiber))
    expect([settled(), noted]).toEqual([expected, []])
  })

  test('what the sink has no room for is refused by symbol; the rest is taken', async () => {
    const { account, drain, handled, push, run } = setupPump()
    for (const id of [1, 2, 3]) push(trade('BTCUSDT', id))
    push(trade('ETHUSDT', 4))
    drain()
    const offer = () => Effect.succeed(new Map([['BTCUSDT', 2]]))
    expect(await exitOf(run({ sink: { offer } }))).toEqual(Exit.void)
    const { BTCUSDT: btc, ETHUSDT: eth } = account.snapshot()
    expect(btc).toMatchObject({ received: 3, accepted: 1, refused: 2, offered: 0 })
    expect(eth).toMatchObject({ received: 1, accepted: 1, refused: 0, offered: 0 })
    expect([...handled[0]!.acceptedBySymbol]).toEqual([['BTCUSDT', 1], ['ETHUSDT', 1]])
  })

  test('interrupted at the sink, nothing stays offered', async () => {
    const { account, push, run } = setupPump()
    push(trade('BTCUSDT', 1))
    const fiber = run({ sink: { offer: () => Effect.never } })
    await expect.poll(() => account.snapshot()['BTCUSDT']?.offered).toBe(1)
    await Effect.runPromise(Fiber.interrupt(fiber))
    expect(account.snapshot()['BTCUSDT']).toMatchObject({ received: 1, refused: 1, offered: 0 })
  })

  test('dead letters are the first of each reason and minute; all are counted', async () => {
    const { drain, handled, letters, push, run } = setupPump(2)
    for (let index = 0; index < 5; index++) push('nonsense', false, 60_000_000 + index)
    push(Buffer.from([1]), true, 60_000_009)
    for (let index = 0; index < 3; index++) push('nonsense', false, 120_000_000 + index)
    push('x'.repeat(letterBytesMax + 5), false, 180_000_000)
    drain()
    await exitOf(run())
    expect(letters.map(({ reason, receivedUs }) => [reason, receivedUs])).toEqual([
      ['malformed_json', 60_000_000],
      ['malformed_json', 60_000_001],
      ['binary', 60_000_009],
      ['malformed_json', 120_000_000],
      ['malformed_json', 120_000_001],
      ['malformed_json', 180_000_000]
    ])
    expect(letters.at(-1)).toMatchObject({ frameBytes: letterBytesMax + 5 })
    expect(letters.at(-1)?.bytes.length).toBe(letterBytesMax)
    expect(handled.reduce((sum, { unsampledCount }) => sum + unsampledCount, 0)).toBe(4)
    expect(
      handled.reduce((sum, { tally }) => sum + (tally.rejected.get('malformed_json') ?? 0), 0)
    ).toBe(9)
  })

  test('offers quotes to their own sink, behind the trades of the batch', async () => {
    const { account, batches, drain, handled, letters, push, run } = setupPump()
    const quoteAccount = new FeedAccount()
    const offered: string[][] = []
    const outcomes = [new Map([['BTCUSDT', 1]]), 'shed'] as const
    push(ticker('BTCUSDT', 7))
    push(trade('BTCUSDT', 5))
    push(ticker('BTCUSDT', 9))
    push(ticker('ETHUSDT', 3))
    push(ticker('BTCUSDT', 12))
    push(ticker('BTCUSDT', 13, { a: '0.0' }))
    drain()
    const offer = (quotes: ReadonlyArray<QuoteV2>) =>
      Effect.sync(() => {
        offered.push(quotes.map(({ message_id: id }) => id))
        return outcomes[offered.length - 1]!
      })
    const fiber = run({ quotes: { sink: { offer }, account: quoteAccount } })
    expect(await exitOf(fiber)).toEqual(Exit.void)
    expect(offered).toEqual([
      ['BINANCE:BTCUSDT:7', 'BINANCE:BTCUSDT:9', 'BINANCE:ETHUSDT:3'],
      ['BINANCE:BTCUSDT:12']
    ])
    expect(batches.flat().map(({ message_id: id }) => id)).toEqual(['BINANCE:BTCUSDT:5'])
    expect(quoteAccount.snapshot()['BTCUSDT']).toEqual({
      received: 4,
      accepted: 1,
      rejected: 1,
      refused: 1,
      shed: 1,
      paused: 0,
      conflated: 0,
      offered: 0,
      lastId: 12,
      highestId: 12
    })
    expect(account.snapshot()).toEqual({ BTCUSDT: expect.objectContaining({ received: 1 }) })
    expect(handled.map(({ tally }) => [tally.tradeCount, tally.quoteCount])).toEqual([
      [1, 3],
      [0, 1]
    ])
    expect(letters.map(({ reason, nativeId }) => [reason, nativeId])).toEqual([['bad_price', 13]])
  })

  test('without a sink for them quotes are of a stream that is not read, good or bad', async () => {
    const { account, batches, drain, handled, letters, push, run } = setupPump()
    push(ticker('BTCUSDT', 7))
    push(ticker('BTCUSDT', 13, { a: '0.0' }))
    drain()
    expect(await exitOf(run())).toEqual(Exit.void)
    expect([batches, letters, account.snapshot()]).toEqual([[], [], {}])
    expect(handled.map(({ tally }) => Object.fromEntries(tally.unsupported))).toEqual([
      { bookTicker: 2 }
    ])
  })
})
