/**
 * The feed against the simulated exchange: two pieces that share nothing but the venue's document.
 */
import { Effect, Fiber, Queue } from 'effect'
import { describe, expect, test } from 'vitest'
import {
  type FeedAttemptCommand,
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
import { fetchNewestIds } from '../../../src/adapters/exchange/venue-newest-ids.ts'
import type { RawFrame } from '../../../src/adapters/exchange/frame-result.ts'
import { makeGeneratorSource } from '../../../src/adapters/simulator/generator-source.ts'
import { loadRecordings } from '../../../src/adapters/simulator/recording-source.ts'
import { openSimulator } from '../../../src/adapters/simulator/simulator.ts'
import type { TradeV2 } from '../../../src/market/records/trade-v2.ts'
import { until } from '../../support/until.ts'
import { recordingNames, testWithRecordings } from '../../support/recordings.ts'
import { feedOptions } from '../../support/feed-options.ts'
import { recordOf } from '../../support/compact-trades.ts'

/** All trades of a recording at full speed, until `count` have come; then the feed is drained. */
const capture = (path: string, symbols: ReadonlyArray<string>, count: number) =>
  Effect.gen(function* () {
    const { source } = yield* loadRecordings([path])
    const venue = yield* openSimulator({ port: 0, source, speed: 'max', seed: 1, now: () => 0 })
    const rest = { ...binanceRestDefaults, observe: () => undefined }
    const instruments = yield* fetchInstruments(venue.restUrl, symbols, rest)
    const socket = yield* BinanceSocket
    const commands = yield* Queue.bounded<FeedAttemptCommand>(8)
    const trades: TradeV2[] = []
    const { options } = feedOptions()
    const { account } = options
    let rejectedCount = 0
    yield* runBinanceFeed({
      ...options,
      isPaused: false,
      newestIds: (asked) => fetchNewestIds(venue.restUrl, asked, rest),
      connect: (streams) => socket.connect(venue.url, streams),
      predecessorsCaughtUp: Effect.void,
      resolveInstruments: (added) => fetchInstruments(venue.restUrl, added, rest),
      dataTypes: ['trades'],
      symbols,
      instruments,
      nextCommand: Queue.take(commands),
      notify: () => undefined,
      sink: {
        offer: (batch) =>
          Effect.suspend(() => {
            trades.push(...batch.map((given) => recordOf(given)))
            const isComplete = trades.length >= count
            return isComplete ? Queue.offer(commands, { type: 'drain.requested' }) : Effect.void
          }).pipe(Effect.as(noneRefused))
      },
      deadLetters: { offer: () => Effect.sync(() => void (rejectedCount += 1)) },
      sampler: new LetterSampler(1_000),
      observe: () => undefined
    })
    return { account: account.snapshot(), rejectedCount, trades }
  }).pipe(
    Effect.scoped,
    Effect.provide(
      BinanceSocket.layer({ ...binanceSocketDefaults, nowUs: () => 1, observe: () => undefined })
    )
  )

const idsOf = (trades: ReadonlyArray<TradeV2>, symbol: string) =>
  trades.flatMap((trade) => (trade.symbol === symbol ? [trade.source_sequence ?? -1] : []))
const consecutive = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index)

describe('every trade of a recording comes through the socket, once and in order', () => {
  testWithRecordings('August 2024, two symbols', [recordingNames.trades2024], async ([path]) => {
    const { account, rejectedCount, trades } = await Effect.runPromise(
      capture(path, ['BTCUSDT', 'ETHUSDT'], 15_863)
    )
    expect(trades).toHaveLength(15_863)
    expect(idsOf(trades, 'BTCUSDT')).toEqual(consecutive(3735683259, 3735693015))
    expect(idsOf(trades, 'ETHUSDT')).toEqual(consecutive(1520538925, 1520545030))
    expect(rejectedCount).toBe(0)
    expect(account['BTCUSDT']).toMatchObject({
      received: 9_757,
      accepted: 9_757,
      offered: 0,
      lastId: 3735693015
    })
  })

  testWithRecordings('April 2023, the older schema', [recordingNames.btc2023], async ([path]) => {
    const { trades } = await Effect.runPromise(capture(path, ['BTCUSDT'], 3_144))
    expect(idsOf(trades, 'BTCUSDT')).toEqual(consecutive(3071245454, 3071248597))
    expect(trades[0]?.vendor_data).toMatchObject({
      buyer_order_id: '20720542158',
      seller_order_id: '20720542592'
    })
  })
})

test('a connection that lags catches up before what a younger one brings is due', async () => {
  const source = makeGeneratorSource({ seed: 1, rate: 1_000 })
  const streams = ['btcusdt@trade']
  const idIn = ({ bytes }: RawFrame): number =>
    (JSON.parse(bytes.toString('utf8')) as { readonly data: { readonly t: number } }).data.t
  const program = Effect.gen(function* () {
    const venue = yield* openSimulator({ port: 0, source, speed: 'max', seed: 1, now: () => 0 })
    const socket = yield* BinanceSocket
    const older = yield* socket.connect(venue.url, streams)
    const [first] = yield* older.takeFrames
    // Nobody reads: frames pile up on our side, then on the venue's.
    const isFull = () => (older.queuedBytes() >= queueBytesMax ? true : undefined)
    yield* Effect.promise(() => until(isFull, { what: 'a full queue', msMax: 60_000 }))
    const younger = yield* socket.connect(venue.url, streams)
    const caughtUp = yield* Effect.forkScoped(older.caughtUp)
    let handled = idIn(first!)
    for (let taken = handled; caughtUp.pollUnsafe() === undefined; yield* Effect.yieldNow) {
      handled = taken
      const frames = yield* older.takeFrames
      taken = idIn(frames.at(-1)!)
    }
    expect(yield* Fiber.join(caughtUp)).toBe(true)
    const [shared] = yield* younger.takeFrames
    return { behind: idIn(shared!) - idIn(first!), overlap: handled - idIn(shared!) }
  })
  const queueBytesMax = 1024 * 1024
  const layer = BinanceSocket.layer({
    ...binanceSocketDefaults,
    queueBytesMax,
    nowUs: () => 1,
    observe: () => undefined
  })
  const { behind, overlap } = await Effect.runPromise(
    Effect.scoped(program).pipe(Effect.provide(layer))
  )
  expect(behind).toBeGreaterThan(1_000)
  expect(overlap).toBeGreaterThanOrEqual(-1)
})
