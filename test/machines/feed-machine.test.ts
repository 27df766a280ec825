import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { EventObject } from 'xstate'
import { getShortestPaths } from 'xstate/graph'
import { stateTextOf } from '../../src/actors/state-text.ts'
import { feedMachine } from '../../src/machines/feed-machine.ts'
import type {
  FeedCommand,
  FeedEvent,
  ResolveInput,
  StreamInput
} from '../../src/machines/feed-protocol.ts'
import type { Instrument } from '../../src/market/instrument.ts'
import {
  batch,
  type Feed,
  input,
  instrument,
  manualPort,
  misconfigured,
  startFeed,
  stream,
  unavailable
} from './support/feed.ts'

describe('the way up', () => {
  test('instruments, connection, stream', () => {
    const feed = startFeed()
    expect(feed.state()).toBe('resolvingInstruments')
    expect(feed.resolving.inputs).toEqual([
      { restUrl: 'http://a', symbols: ['BTCUSDT', 'ETHUSDT'] }
    ])
    feed.resolve()
    expect(feed.state()).toBe('active.connecting')
    expect(feed.actor.getSnapshot().hasTag('degraded')).toBe(true)
    expect(feed.streaming.inputs[0]).toEqual({
      stream: 'stream:a', exchange: 'BINANCE', webSocketUrl: 'ws://a', restUrl: 'http://a',
      symbols: ['BTCUSDT', 'ETHUSDT'], instruments: [instrument('BTCUSDT'), instrument('ETHUSDT')],
      isPaused: false
    })
    feed.subscribe()
    expect(feed.actor.getSnapshot().hasTag('healthy')).toBe(true)
    expect(feed.context()).toMatchObject({ venue: 'a:1', connectCount: 1, attempt: 0 })
  })

  test('batches are counted', () => {
    const feed = startFeed()
    stream(feed)
    feed.actor.send(batch([10, 8, 1], 5))
    feed.actor.send(batch([2, 2, 0], 9))
    expect(feed.context()).toMatchObject({
      frameCount: 12,
      tradeCount: 10,
      rejectedCount: 1,
      lastBatchUs: 9
    })
  })

  test('a wish during the look-up asks anew', () => {
    const feed = startFeed()
    feed.actor.send({ type: 'subscribe.requested', symbols: ['XRPUSDT'] })
    expect(feed.resolving.inputs.at(-1)?.symbols).toEqual(['BTCUSDT', 'ETHUSDT', 'XRPUSDT'])
    feed.resolve()
    expect(feed.state()).toBe('active.connecting')
  })

  test('an incomplete list is asked for again, later', () => {
    const feed = startFeed()
    feed.resolve(['BTCUSDT'])
    expect(feed.state()).toBe('backingOff')
    expect(feed.context().lastError).toMatchObject({ tag: 'InstrumentsIncomplete' })
    feed.clock.increment(100)
    expect(feed.resolving.inputs).toHaveLength(2)
  })
})

describe('a pause', () => {
  const commands = (feed: Feed) => feed.streaming.commands.map(({ type }) => type)

  test('is told to the connection once, and so is its end', () => {
    const feed = startFeed()
    stream(feed)
    for (const type of ['pause.requested', 'pause.requested', 'resume.requested'] as const) {
      feed.actor.send({ type })
    }
    feed.actor.send({ type: 'resume.requested' })
    expect(commands(feed)).toEqual(['pause.requested', 'resume.requested'])
    expect(feed.state()).toBe('active.streaming.steady')
  })

  test('holds for every connection that opens in it, whatever becomes of the last', () => {
    const feed = startFeed({ rotateMs: 60_000 })
    feed.actor.send({ type: 'pause.requested' })
    stream(feed)
    feed.drop()
    feed.clock.increment(1_000)
    feed.subscribe()
    feed.clock.increment(60_000)
    feed.subscribe('stream:b')
    feed.clock.increment(500)
    expect(feed.context()).toMatchObject({ isPaused: true, rotationCount: 1, failureCount: 1 })
    feed.actor.send({ type: 'resume.requested' })
    feed.clock.increment(120_000)
    expect(feed.streaming.inputs.map(({ isPaused }) => isPaused)).toEqual([true, true, true, false])
  })

  test('is where a feed begins that nobody has told otherwise', () => {
    const feed = startFeed({ isPaused: true })
    stream(feed)
    expect(feed.streaming.inputs[0]?.isPaused).toBe(true)
    feed.actor.send({ type: 'resume.requested' })
    expect(commands(feed)).toEqual(['resume.requested'])
  })
})

describe('an unavailable venue', () => {
  test('is waited for without end, with growing delays up to the cap', () => {
    const feed = startFeed()
    feed.resolve()
    for (const delay of [100, 200, 400, 800, 1_000, 1_000, 1_000]) {
      feed.drop()
      expect(feed.state()).toBe('backingOff')
      expect(feed.actor.getSnapshot().hasTag('waiting')).toBe(true)
      feed.clock.increment(delay - 1)
      expect(feed.state()).toBe('backingOff')
      feed.clock.increment(1)
      expect(feed.state()).toBe('active.connecting')
    }
    for (let failure = 0; failure < 2_000; failure++) {
      feed.drop()
      feed.clock.increment(1_000)
    }
    expect(feed.state()).toBe('active.connecting')
    expect(feed.context().failureCount).toBe(2_007)
    expect(feed.context().lastError).toEqual({
      tag: 'SocketClosed',
      message: 'gone',
      isDependency: true
    })
  })

  test('the addresses take turns', () => {
    const feed = startFeed()
    feed.resolve()
    for (let failure = 0; failure < 3; failure++) {
      feed.drop()
      feed.clock.increment(1_000)
    }
    expect(feed.streaming.inputs.map(({ webSocketUrl }) => webSocketUrl)).toEqual([
      'ws://a',
      'ws://b',
      'ws://c',
      'ws://a'
    ])
  })

  test('a drop right after the handshake still backs off further', () => {
    const feed = startFeed()
    feed.resolve()
    for (const attempt of [1, 2, 3]) {
      feed.subscribe()
      feed.clock.increment(4_999)
      feed.drop()
      expect(feed.context().attempt).toBe(attempt)
      feed.clock.increment(1_000)
    }
  })

  test('a connection that lasted is dialled again first, at once and at its address', () => {
    const feed = startFeed()
    feed.resolve()
    feed.drop()
    feed.clock.increment(100)
    feed.subscribe()
    feed.clock.increment(5_000)
    expect(feed.context().attempt).toBe(0)
    feed.drop()
    feed.clock.increment(100)
    expect(feed.streaming.inputs.map(({ webSocketUrl }) => webSocketUrl)).toEqual([
      'ws://a',
      'ws://b',
      'ws://b'
    ])
    feed.drop()
    feed.clock.increment(200)
    expect(feed.streaming.inputs.at(-1)?.webSocketUrl).toBe('ws://c')
  })

  test('batches do not set the healthy time back', () => {
    const feed = startFeed()
    feed.resolve()
    feed.drop()
    feed.clock.increment(100)
    feed.subscribe()
    for (let second = 0; second < 5; second++) {
      feed.clock.increment(1_000)
      feed.actor.send(batch([1, 1, 0], second))
    }
    expect(feed.context().attempt).toBe(0)
  })

  test('a list that cannot be had goes round the REST addresses', () => {
    const feed = startFeed()
    for (let failure = 0; failure < 2; failure++) {
      feed.failResolving(unavailable)
      expect(feed.state()).toBe('backingOff')
      feed.clock.increment(1_000)
    }
    expect(feed.resolving.inputs.map(({ restUrl }) => restUrl)).toEqual([
      'http://a',
      'http://b',
      'http://a'
    ])
  })
})

describe('what waiting does not help', () => {
  test('unknown symbols end the feed with their names', () => {
    const feed = startFeed()
    feed.failResolving(misconfigured)
    expect(feed.actor.getSnapshot().status).toBe('error')
    expect(feed.errors).toMatchObject([
      { _tag: 'FeedFailed', tag: 'UnknownSymbols', reason: 'BINANCE does not list NOPE' }
    ])
  })

  test('so does a defect in the stream', () => {
    const feed = startFeed()
    stream(feed)
    feed.drop(new TypeError('bug'))
    expect(feed.errors).toMatchObject([{ _tag: 'FeedFailed', tag: 'TypeError' }])
  })
})

describe('symbols at run time', () => {
  test('are told to the stream as a whole, and kept for the next connection', () => {
    const feed = startFeed()
    stream(feed)
    feed.actor.send({ type: 'subscribe.requested', symbols: ['XRPUSDT', 'BTCUSDT'] })
    feed.actor.send({
      type: 'subscription.applied',
      stream: 'stream:a',
      instruments: [instrument('XRPUSDT')]
    })
    feed.actor.send({ type: 'unsubscribe.requested', symbols: ['ETHUSDT'] })
    expect(feed.streaming.commands).toEqual([
      { type: 'symbols.changed', symbols: ['BTCUSDT', 'ETHUSDT', 'XRPUSDT'] },
      { type: 'symbols.changed', symbols: ['BTCUSDT', 'XRPUSDT'] }
    ])
    feed.drop()
    feed.clock.increment(100)
    expect(feed.streaming.inputs.at(-1)?.symbols).toEqual(['BTCUSDT', 'XRPUSDT'])
    expect(feed.resolving.inputs).toHaveLength(1)
  })

  test('asked for while it waits, they are looked up first', () => {
    const feed = startFeed()
    feed.resolve()
    feed.drop()
    feed.actor.send({ type: 'subscribe.requested', symbols: ['XRPUSDT'] })
    feed.clock.increment(100)
    expect(feed.state()).toBe('resolvingInstruments')
    feed.resolve()
    expect(feed.streaming.inputs.at(-1)?.symbols).toContain('XRPUSDT')
  })

  test('beyond the limit, or unlisted, they are refused and counted', () => {
    const feed = startFeed()
    stream(feed)
    feed.actor.send({ type: 'subscribe.requested', symbols: ['A', 'B', 'C'] })
    expect(feed.context().symbols).toEqual(['BTCUSDT', 'ETHUSDT', 'A', 'B'])
    feed.actor.send({ type: 'subscription.refused', stream: 'stream:a', symbols: ['A'] })
    expect(feed.context()).toMatchObject({
      symbols: ['BTCUSDT', 'ETHUSDT', 'B'],
      refusedSymbolCount: 2
    })
  })
})

describe('draining', () => {
  test('a stream is told and awaited', () => {
    const feed = startFeed()
    stream(feed)
    feed.actor.send({ type: 'drain.requested' })
    feed.actor.send({ type: 'drain.requested' })
    expect(feed.state()).toBe('active.draining')
    expect(feed.streaming.commands).toEqual([{ type: 'drain.requested' }])
    feed.actor.send(batch([1, 1, 0], 1))
    feed.end()
    expect(feed.actor.getSnapshot()).toMatchObject({
      status: 'done',
      output: { tradeCount: 1, frameCount: 1, isDrainForced: false }
    })
  })

  test('one that does not end is ended', () => {
    const feed = startFeed()
    stream(feed)
    feed.actor.send({ type: 'drain.requested' })
    feed.clock.increment(1_999)
    expect(feed.actor.getSnapshot().status).toBe('active')
    feed.clock.increment(1)
    expect(feed.actor.getSnapshot()).toMatchObject({
      status: 'done',
      output: { isDrainForced: true }
    })
  })

  test('one that breaks has ended too', () => {
    const feed = startFeed()
    stream(feed)
    feed.actor.send({ type: 'drain.requested' })
    feed.drop()
    expect(feed.actor.getSnapshot().status).toBe('done')
    expect(feed.context().lastError).toMatchObject({ tag: 'SocketClosed' })
  })

  for (const [name, reach] of [
    ['while resolving', () => undefined],
    ['while connecting', (feed: Feed) => feed.resolve()],
    ['while backing off', (feed: Feed) => { feed.resolve(); feed.drop() }]
  ] as ReadonlyArray<readonly [string, (feed: Feed) => void]>) {
    test(`at once ${name}`, () => {
      const feed = startFeed()
      reach(feed)
      feed.actor.send({ type: 'drain.requested' })
      expect(feed.actor.getSnapshot().status).toBe('done')
    })
  }
})

test('every state can be reached', () => {
  const error = (actorId: string, thrown: unknown) => ({
    type: `xstate.error.actor.${actorId}`,
    actorId,
    error: thrown
  })
  const events = [
    { type: 'feed.subscribed', stream: 'stream:a', venue: 'v' },
    { type: 'drain.requested' },
    {
      type: 'xstate.done.actor.resolveInstruments',
      actorId: 'resolveInstruments',
      output: ['BTCUSDT', 'ETHUSDT'].map(instrument)
    },
    error('resolveInstruments', unavailable),
    { type: 'shutdown.announced', stream: 'stream:a' },
    { type: 'feed.subscribed', stream: 'stream:b', venue: 'v' },
    error('stream:a', unavailable),
    error('stream:b', unavailable)
  ] as unknown as FeedEvent[]
  const machine = feedMachine.provide({
    actors: {
      resolveInstruments: manualPort<ReadonlyArray<Instrument>, ResolveInput, EventObject>({
        inputs: [],
        commands: []
      }),
      streamFeed: manualPort<void, StreamInput, FeedCommand>({ inputs: [], commands: [] })
    },
    actions: { giveUp: () => undefined }
  })
  const paths = getShortestPaths(machine, {
    input,
    events: [...events, error('resolveInstruments', misconfigured) as unknown as FeedEvent],
    serializeState: (snapshot) => JSON.stringify([snapshot.value, snapshot.context.streams]),
    stopWhen: (snapshot) => snapshot.status !== 'active',
    limit: 200
  })
  const reached = new Set(paths.map(({ state }) => stateTextOf(state)))
  expect([...reached].sort()).toEqual(
    [
      'backingOff',
      'drained',
      'failed',
      'resolvingInstruments',
      'active.connecting',
      'active.draining',
      'active.streaming.opening',
      'active.streaming.overlapping',
      'active.streaming.postponed',
      'active.streaming.steady'
    ].sort()
  )
})

test('the invariants hold in any order of events', () => {
  type Step = (feed: Feed) => void
  const symbol = fc.constantFrom('A', 'B', 'C', 'D', 'E', 'BTCUSDT')
  const symbols = fc.array(symbol, { maxLength: 4 })
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.constant<Step>((feed) => feed.resolve()),
    fc.constant<Step>((feed) => feed.failResolving(unavailable)),
    fc.constant<Step>((feed) => feed.subscribe()),
    fc.constant<Step>((feed) => feed.drop()),
    fc.constant<Step>((feed) => feed.end()),
    fc.nat(6_000).map(
      (ms): Step =>
        (feed) =>
          feed.clock.increment(ms)
    ),
    symbols.map(
      (names): Step =>
        (feed) =>
          feed.actor.send({ type: 'subscribe.requested', symbols: names })
    ),
    symbols.map(
      (names): Step =>
        (feed) =>
          feed.actor.send({ type: 'unsubscribe.requested', symbols: names })
    ),
    symbols.map(
      (names): Step =>
        (feed) =>
          feed.actor.send({ type: 'subscription.refused', stream: 'stream:a', symbols: names })
    ),
    fc.constant<Step>((feed) =>
      feed.actor.send(batch([1, 1, 0], 1))
    ),
    fc.constantFrom('pause.requested', 'resume.requested').map(
      (type): Step =>
        (feed) =>
          feed.actor.send({ type })
    ),
    {
      arbitrary: fc.constant<Step>((feed) => feed.actor.send({ type: 'drain.requested' })),
      weight: 1
    }
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const feed = startFeed()
      let upMs = 0
      for (const apply of steps) {
        const before = feed.context()
        const wasStreaming = feed.state() === 'active.streaming.steady'
        const startedMs = feed.clock.now()
        if (feed.actor.getSnapshot().status === 'active') apply(feed)
        const after = feed.context()
        upMs =
          wasStreaming && feed.state() === 'active.streaming.steady'
            ? upMs + feed.clock.now() - startedMs
            : 0
        // 1: nothing unavailable ends the feed.
        expect(feed.actor.getSnapshot().status).not.toBe('error')
        // 2: attempts are forgotten only by lasting.
        if (after.attempt < before.attempt) {
          expect(upMs).toBeGreaterThanOrEqual(input.backoff.upMsMin)
        }
        expect(after.failureCount - before.failureCount).toBeLessThanOrEqual(1)
        // 3: the address changes with a failure only, and by one.
        const moved = after.webSocketIndex !== before.webSocketIndex
        if (moved) expect(after.failureCount).toBe(before.failureCount + 1)
        expect(after.webSocketIndex).toBeLessThan(input.webSocketUrls.length)
        // 4: wanted symbols are a bounded set, and each connect takes them all, with instruments.
        expect(new Set(after.symbols).size).toBe(after.symbols.length)
        expect(after.symbols.length).toBeLessThanOrEqual(input.symbolsMax)
        for (const { symbols: wanted, instruments } of feed.streaming.inputs) {
          expect(
            wanted.filter((name) => !instruments.some((known) => known.symbol === name))
          ).toEqual([])
        }
        expect(JSON.parse(JSON.stringify(after))).toEqual(after)
      }
      // 5: draining ends.
      if (feed.actor.getSnapshot().status === 'active') feed.actor.send({ type: 'drain.requested' })
      feed.clock.increment(input.drainMsMax)
      expect(feed.actor.getSnapshot().status).toBe('done')
      feed.actor.stop()
    }),
    { numRuns: 300 }
  )
})
