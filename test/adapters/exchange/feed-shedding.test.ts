/** What a pump lets go, and what it says of it: the level's wishes against frames of all kinds. */
import { Deferred, Effect, Exit, Fiber } from 'effect'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PolicyHolder } from '../../../src/actors/degradation/policy-holder.ts'
import { SocketClosed } from '../../../src/adapters/exchange/exchange-errors.ts'
import {
  FeedAccount, noneRefused, type SymbolAccount
} from '../../../src/adapters/exchange/feed-account.ts'
import {
  type FramesHandled, pumpFrames, type PumpOptions
} from '../../../src/adapters/exchange/feed-pump.ts'
import type { ShedTally } from '../../../src/adapters/exchange/feed-account.ts'
import { FrameQueue } from '../../../src/adapters/exchange/frame-queue.ts'
import { LetterSampler } from '../../../src/adapters/exchange/frame-letters.ts'
import type { RawFrame } from '../../../src/adapters/exchange/frame-result.ts'
import type { LevelAsks } from '../../../src/adapters/exchange/frame-shedder.ts'
import { type Level, policyOf } from '../../../src/machines/ingest-policy.ts'
import type { GapClaim } from '../../../src/market/gap-claim.ts'
import { isAmong } from '../../../src/market/symbol-share.ts'
import { instrument, recordOf } from '../../support/compact-trades.ts'
import { feedOptions } from '../../support/feed-options.ts'

const bases = { BTC: 1, ETH: 1, BNB: 2, SOL: 2, ADA: 3, DOGE: 3, LTC: 3 } as const
const instruments = new Map(
  Object.keys(bases).map((base) => [`${base}USDT`, instrument(base, 'USDT')])
)
const tierOfSymbol = (symbol: string) => bases[symbol.slice(0, -4) as keyof typeof bases]

type Spelling = 'venue' | 'other order' | 'bad price' | 'cut off' | 'spaced'

const tradeText = (symbol: string, id: number, spelling: Spelling = 'venue'): string => {
  const stream = `${symbol.toLowerCase()}@trade`
  const price = spelling === 'bad price' ? '0' : '1.5'
  const times = '"E":1723161255343'
  const rest = `"p":"${price}","q":"2","T":1723161255342,"m":true,"M":true`
  const text =
    spelling === 'other order'
      ? `{"data":{"t":${id},"s":"${symbol}","e":"trade",${times},${rest}},"stream":"${stream}"}`
      : `{"stream":"${stream}","data":{"e":"trade",${times},"s":"${symbol}","t":${id},${rest}}}`
  if (spelling === 'spaced') return text.replace('"t":', '"t" : ')
  return spelling === 'cut off' ? text.slice(0, -9) : text
}
const quoteText = (symbol: string, u: number): string =>
  `{"stream":"${symbol.toLowerCase()}@bookTicker","data":{"u":${u},"s":"${symbol}",` +
  '"b":"1.5","B":"2","a":"1.6","A":"2"}}'

interface Step {
  readonly texts: readonly string[]
  readonly asks: LevelAsks | undefined
  readonly receivedUs: number
}

type Event =
  | { readonly type: 'claimed'; readonly claim: GapClaim }
  | { readonly type: 'accepted'; readonly symbol: string; readonly id: number }
  | { readonly type: 'quoted'; readonly symbol: string; readonly id: number; readonly us: number }

/** Each step is a batch, under what was asked then. */
const pumped = async (steps: readonly Step[]) => {
  const { options } = feedOptions()
  const { account } = options
  const quoteAccount = new FeedAccount()
  const events: Event[] = []
  const handled: FramesHandled[] = []
  let index = 0
  const source = {
    close: Effect.void,
    takeFrames: Effect.suspend(() => {
      const step = steps[index++]
      if (step === undefined) return Effect.fail(closed)
      return Effect.succeed(step.texts.map((text) => frameOf(text, step.receivedUs)))
    })
  }
  const pump: PumpOptions<never> = {
    ...options,
    claims: { note: (claim) => void events.push({ type: 'claimed', claim }) },
    level: () => steps[index - 1]?.asks,
    source,
    instruments,
    sampler: new LetterSampler(0),
    deadLetters: { offer: () => Effect.void },
    drainRequested: Effect.never,
    observe: (event) => handled.push(event),
    sink: {
      offer: (trades) =>
        Effect.sync(() => {
          for (const trade of trades.map((given) => recordOf(given))) {
            const { symbol, source_sequence: id } = trade
            events.push({ type: 'accepted', symbol, id: id! })
          }
          return noneRefused
        })
    },
    quotes: {
      account: quoteAccount,
      sink: {
        offer: (quotes) =>
          Effect.sync(() => {
            for (const { symbol, source_sequence: id, ingestion_timestamp: us } of quotes) {
              events.push({ type: 'quoted', symbol, id: id!, us })
            }
            return noneRefused
          })
      }
    }
  }
  const exit = await Effect.runPromise(Effect.exit(Effect.scoped(pumpFrames(pump))))
  expect(exit).toEqual(Exit.void)
  return { account: account.snapshot(), quotes: quoteAccount.snapshot(), events, handled }
}
const closed = new SocketClosed({ venue: 'v', code: 1000, reason: '', closedBy: 'k2' })
const frameOf = (text: string, receivedUs: number): RawFrame => {
  const bytes = Buffer.from(text)
  return { bytes, frameBytes: bytes.length, isBinary: false, receivedUs }
}

const isBalanced = ({ received, accepted, rejected, refused, shed, offered }: SymbolAccount) =>
  received === accepted + rejected + refused + shed + offered

const claimsIn = (events: readonly Event[]) =>
  events.flatMap((event) => (event.type === 'claimed' ? [event.claim] : []))
const acceptedIn = (events: readonly Event[], symbol: string) =>
  events.flatMap((event) =>
    event.type === 'accepted' && event.symbol === symbol ? [event.id] : []
  )

const at = (level: Level, changes: Partial<LevelAsks> = {}): LevelAsks => ({
  ...policyOf(level),
  ...changes
})
const range = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index)

describe('what a level lets go', () => {
  test('by tier, quotes first, with a claim per symbol and batch', async () => {
    const symbols = ['BTCUSDT', 'BNBUSDT', 'DOGEUSDT']
    const texts = (from: number) => [
      ...range(from, from + 2).flatMap((id) => symbols.map((symbol) => tradeText(symbol, id))),
      ...symbols.map((symbol) => quoteText(symbol, from))
    ]
    const { account, events, handled, quotes } = await pumped([
      { texts: texts(1), asks: at('normal'), receivedUs: 1 },
      { texts: texts(4), asks: at('graceful', { areQuotesConflated: false }), receivedUs: 2 },
      { texts: texts(7), asks: at('aggressive'), receivedUs: 3 },
      { texts: texts(10), asks: at('normal'), receivedUs: 4 }
    ])
    expect(acceptedIn(events, 'BTCUSDT')).toEqual(range(1, 12))
    expect(acceptedIn(events, 'BNBUSDT')).toEqual([...range(1, 6), ...range(10, 12)])
    expect(acceptedIn(events, 'DOGEUSDT')).toEqual([...range(1, 3), ...range(10, 12)])
    const ids = claimsIn(events).map(({ symbol, reason, fromId, toId, count, sinceUs }) =>
      [sinceUs, symbol, reason, fromId, toId, count])
    expect(ids).toEqual([
      [2, 'DOGEUSDT', 'shed', 4, 6, 3],
      [2, 'BNBUSDT', 'shed', null, null, 1],
      [2, 'DOGEUSDT', 'shed', null, null, 1],
      [3, 'BNBUSDT', 'shed', 7, 9, 3],
      [3, 'DOGEUSDT', 'shed', 7, 9, 3],
      [3, 'BTCUSDT', 'shed', null, null, 1],
      [3, 'BNBUSDT', 'shed', null, null, 1],
      [3, 'DOGEUSDT', 'shed', null, null, 1]
    ])
    const quoted = events.flatMap((event) =>
      event.type === 'quoted' ? [`${event.symbol} ${event.id}`] : []
    )
    expect(quoted).toEqual([
      ...symbols.map((symbol) => `${symbol} 1`),
      'BTCUSDT 4',
      ...symbols.map((symbol) => `${symbol} 10`)
    ])
    expect(account['DOGEUSDT']).toMatchObject({ received: 12, accepted: 6, shed: 6, lastId: 12 })
    expect(quotes['BTCUSDT']).toMatchObject({ received: 4, accepted: 3, shed: 1 })
    const counted = handled.map(({ tally }) => [
      tally.frameCount, tally.tradeCount, tally.quoteCount
    ])
    expect(counted).toEqual([[12, 9, 3], [12, 6, 1], [12, 3, 0], [12, 9, 3]])
    const shedOf = (tally: ShedTally) =>
      ([1, 2, 3] as const).flatMap((tier) => [...tally[tier]].map((of) => [tier, ...of]))
    expect(
      handled.map(({ tally }) => [shedOf(tally.shedTrades), shedOf(tally.shedQuotes)])
    ).toEqual([
      [[], []],
      [[[3, 'level', 3]], [[2, 'level', 1], [3, 'level', 1]]],
      [
        [[2, 'level', 3], [3, 'level', 3]],
        [[1, 'level', 1], [2, 'level', 1], [3, 'level', 1]]
      ],
      [[], []]
    ])
  })

  test('never trades of tier 1; while paused everything, and not as shed', async () => {
    const none = { 1: 0, 2: 0, 3: 0 }
    const texts = ['BTCUSDT', 'DOGEUSDT'].map((symbol) => tradeText(symbol, 5))
    const { account, events } = await pumped([
      { texts, asks: at('normal', { tradesTaken: none }), receivedUs: 1 },
      { texts, asks: at('circuitBreak'), receivedUs: 2 }
    ])
    expect(acceptedIn(events, 'BTCUSDT')).toEqual([5])
    expect(claimsIn(events).map(({ symbol, reason }) => [symbol, reason])).toEqual([
      ['DOGEUSDT', 'shed'],
      ['BTCUSDT', 'paused'],
      ['DOGEUSDT', 'paused']
    ])
    expect(account['BTCUSDT']).toMatchObject({ received: 2, accepted: 1, shed: 1, paused: 1 })
  })

  test('a share is of the symbols of a tier, the same ones as it rises', async () => {
    const tier3 = [...instruments.keys()].filter((symbol) => tierOfSymbol(symbol) === 3)
    for (const share of [0.1, 0.25, 0.5, 0.75, 0.9]) {
      const asks = at('normal', { tradesTaken: { 1: 1, 2: 1, 3: share } })
      const texts = tier3.map((symbol) => tradeText(symbol, 1))
      const { events } = await pumped([{ texts, asks, receivedUs: 1 }])
      const taken = tier3.filter((symbol) => acceptedIn(events, symbol).length > 0)
      expect(taken).toEqual(tier3.filter((symbol) => isAmong(share, symbol)))
    }
  })

  test('a frame that is not spelt as usual is read, and judged by what it says', async () => {
    const asks = at('graceful')
    const { account, events, handled } = await pumped([
      {
        asks,
        receivedUs: 1,
        texts: [
          tradeText('DOGEUSDT', 4, 'other order'),
          tradeText('DOGEUSDT', 5, 'spaced'),
          tradeText('DOGEUSDT', 6),
          tradeText('BTCUSDT', 7, 'other order'),
          tradeText('DOGEUSDT', 8, 'cut off'),
          'nonsense'
        ]
      }
    ])
    expect(claimsIn(events)).toEqual([
      {
        dataType: 'trades', exchange: 'BINANCE', symbol: 'DOGEUSDT', reason: 'shed', fromId: 4,
        toId: 8, count: 4, sinceUs: 1, untilUs: 1
      }
    ])
    expect(acceptedIn(events, 'BTCUSDT')).toEqual([7])
    // Nobody reads what is let go: it may have been no trade at all.
    expect(account['DOGEUSDT']).toMatchObject({ received: 4, shed: 4, rejected: 0 })
    expect(handled.flatMap(({ tally }) => [...tally.rejected])).toEqual([['malformed_json', 1]])
  })

  test('whatever comes and is asked: each trade is accepted, claimed or rejected', async () => {
    const share = fc.constantFrom(0, 0.25, 0.5, 0.75, 1)
    const taken = fc.record({ 1: share, 2: share, 3: share })
    const asks = fc.option(
      fc.record({
        tradesTaken: taken,
        quotesTaken: taken,
        areQuotesConflated: fc.boolean(),
        isPaused: fc.boolean()
      }),
      { nil: undefined }
    )
    const spelling = fc.oneof(
      { weight: 8, arbitrary: fc.constant<Spelling>('venue') },
      fc.constantFrom<Spelling>('other order', 'bad price', 'spaced')
    )
    const frame = fc.record({
      symbol: fc.constantFrom(...instruments.keys()),
      spelling,
      isQuote: fc.boolean()
    })
    const steps = fc.array(fc.record({ asks, frames: fc.array(frame, { maxLength: 12 }) }), {
      maxLength: 8
    })
    await fc.assert(
      fc.asyncProperty(steps, async (drawn) => {
        const nextId = new Map<string, number>()
        const issued = new Map<string, number[]>()
        const rejected = new Set<string>()
        const feed = drawn.map(({ asks: asked, frames }, index): Step => ({
          asks: asked,
          receivedUs: 1_000 + index * 40_000,
          texts: frames.map(({ symbol, spelling: spelt, isQuote }) => {
            const id = (nextId.get(symbol) ?? 100) + 1
            nextId.set(symbol, id)
            if (isQuote) return quoteText(symbol, id)
            issued.set(symbol, [...(issued.get(symbol) ?? []), id])
            if (spelt === 'bad price') rejected.add(`${symbol}:${id}`)
            return tradeText(symbol, id, spelt)
          })
        }))
        const { account, events, quotes } = await pumped(feed)
        for (const counts of [...Object.values(account), ...Object.values(quotes)]) {
          expect(isBalanced(counts)).toBe(true)
          expect(counts.offered).toBe(0)
        }
        const claims = claimsIn(events).filter(({ fromId }) => fromId !== null)
        for (const [symbol, ids] of issued) {
          const accepted = acceptedIn(events, symbol)
          const mine = claims.filter((claim) => claim.symbol === symbol)
          for (const id of ids) {
            const covering = mine.filter(({ fromId, toId }) => fromId! <= id && id <= toId!)
            const wasRejected = rejected.has(`${symbol}:${id}`)
            const count = accepted.filter((other) => other === id).length
            // A bad one is rejected if it was read, and let go like any other if it was not.
            expect(count + covering.length, `${symbol} ${id}`).toBe(1)
            if (wasRejected) expect(count).toBe(0)
          }
          expect(account[symbol]?.received).toBe(ids.length)
          const letGo = mine.filter(({ reason }) => reason !== 'rejected')
          expect(letGo.reduce((sum, { count }) => sum + count, 0)).toBe(account[symbol]?.shed)
          if (tierOfSymbol(symbol) === 1) {
            expect(mine.filter(({ reason }) => reason === 'shed')).toEqual([])
          }
          expectClaimedBefore(events, symbol)
        }
      }),
      { numRuns: 300 }
    )
  })
})

/** Before a trade is taken, everything that was let go before it is claimed (R5). */
const expectClaimedBefore = (events: readonly Event[], symbol: string) => {
  let highest = 0
  for (const event of events) {
    if (event.type === 'accepted' && event.symbol === symbol) highest = event.id
    if (event.type !== 'claimed' || event.claim.symbol !== symbol) continue
    const { fromId } = event.claim
    if (fromId !== null) expect(fromId).toBeGreaterThan(highest)
  }
}

test('a command acts on the next batch, while a million trades are queued', async () => {
  const { options } = feedOptions()
  const queued = 1_000_000
  const queue = new FrameQueue<SocketClosed>({
    bytesMax: 1e12, batchFramesMax: 1_000, setReading: () => undefined
  })
  const frames = ['BTCUSDT', 'DOGEUSDT'].map((symbol) => frameOf(tradeText(symbol, 5), 1))
  for (let index = 0; index < queued; index++) queue.push(frames[index % 2]!)
  const policy = new PolicyHolder()
  policy.set(policyOf('normal'))
  const offered: Array<ReadonlySet<string>> = []
  const waiting = () => queue.queuedBytes / frames[0]!.bytes.length
  const fiber = Effect.runFork(
    Effect.scoped(
      pumpFrames<never>({
        ...options,
        level: () => policy.current,
        instruments,
        sampler: new LetterSampler(0),
        deadLetters: { offer: () => Effect.void },
        drainRequested: Effect.never,
        observe: () => undefined,
        source: { takeFrames: queue.take, close: Effect.void },
        sink: {
          offer: (trades) =>
            Effect.sync(() => {
              offered.push(new Set(trades.map((given) => recordOf(given).symbol)))
              return noneRefused
            })
        }
      })
    )
  )
  await expect.poll(() => offered.length).toBeGreaterThan(3)
  const before = offered.length
  expect(waiting()).toBeGreaterThan(queued / 2)
  policy.set(policyOf('graceful'))
  await expect.poll(() => offered.length).toBeGreaterThan(before + 3)
  await Effect.runPromise(Fiber.interrupt(fiber))
  expect(offered.slice(0, before).every((symbols) => symbols.has('DOGEUSDT'))).toBe(true)
  expect(offered.slice(before).some((symbols) => symbols.has('DOGEUSDT'))).toBe(false)
})

describe('conflated quotes', () => {
  const soft = at('soft')

  test('the newest of each symbol and 100 ms is taken, in order', async () => {
    const arrival = fc.record({
      symbol: fc.constantFrom('BTCUSDT', 'DOGEUSDT'),
      afterUs: fc.nat(60_000)
    })
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(arrival, { maxLength: 6 })), async (batches) => {
        let nowUs = 0
        let u = 0
        const sent: Array<{ symbol: string; id: number; us: number }> = []
        const steps = batches.map((batch): Step => {
          const receivedUs = (nowUs += batch.reduce((sum, { afterUs }) => sum + afterUs, 0))
          const texts = batch.map(({ symbol }) => {
            u += 1
            sent.push({ symbol, id: u, us: receivedUs })
            return quoteText(symbol, u)
          })
          return { texts, asks: soft, receivedUs }
        })
        const { events, quotes } = await pumped(steps)
        for (const symbol of ['BTCUSDT', 'DOGEUSDT']) {
          const mine = sent.filter((quote) => quote.symbol === symbol)
          const newest = mine.filter(
            ({ us }, index) => spanOf(mine[index + 1]?.us ?? Infinity) > spanOf(us)
          )
          const quoted = events.flatMap((event) =>
            event.type === 'quoted' && event.symbol === symbol ? [event.id] : []
          )
          expect(quoted).toEqual(newest.map(({ id }) => id))
          const conflated = mine.length - newest.length
          const claimed = claimsIn(events).filter((claim) => claim.symbol === symbol)
          expect(claimed.reduce((sum, { count }) => sum + count, 0)).toBe(conflated)
          if (mine.length === 0) continue
          expect(quotes[symbol]).toMatchObject({
            received: mine.length, accepted: newest.length, shed: conflated, conflated, offered: 0
          })
        }
      })
    )
  })

  test('when it ends, what waits goes first', async () => {
    const texts = (u: number) => [quoteText('BTCUSDT', u), quoteText('BTCUSDT', u + 1)]
    const { events } = await pumped([
      { texts: texts(1), asks: soft, receivedUs: 1 },
      { texts: texts(3), asks: at('normal'), receivedUs: 2 }
    ])
    const quoted = events.flatMap((event) => (event.type === 'quoted' ? [event.id] : []))
    expect(quoted).toEqual([2, 3, 4])
  })

  test('one that waits leaves soon, also where nothing follows', async () => {
    const { options } = feedOptions()
    const taken: number[] = []
    const more = Effect.runSync(Deferred.make<readonly RawFrame[]>())
    let isFirst = true
    const fiber = Effect.runFork(
      Effect.scoped(
        pumpFrames<never>({
          ...options,
          level: () => soft,
          instruments,
          sampler: new LetterSampler(0),
          deadLetters: { offer: () => Effect.void },
          drainRequested: Effect.never,
          observe: () => undefined,
          sink: { offer: () => Effect.succeed(noneRefused) },
          source: {
            close: Effect.void,
            takeFrames: Effect.suspend(() => {
              if (!isFirst) return Deferred.await(more)
              isFirst = false
              return Effect.succeed([frameOf(quoteText('BTCUSDT', 7), 1)])
            })
          },
          quotes: {
            account: new FeedAccount(),
            sink: {
              offer: (quotes) =>
                Effect.sync(() => {
                  taken.push(...quotes.map(({ source_sequence: id }) => id!))
                  return noneRefused
                })
            }
          }
        })
      )
    )
    await expect.poll(() => taken).toEqual([7])
    await Effect.runPromise(Fiber.interrupt(fiber))
  })
})

const spanOf = (us: number): number => Math.floor(us / 100_000)
