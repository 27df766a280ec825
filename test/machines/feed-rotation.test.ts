import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { FeedEvent, FeedInput, StreamId } from '../../src/machines/feed-protocol.ts'
import { seedFor } from '../../src/machines/restart-policy.ts'
import {
  batch,
  type Feed,
  input,
  instrument,
  startFeed,
  stream,
  unavailable
} from './support/feed.ts'

const hourMs = 3_600_000
const a: StreamId = 'stream:a'
const b: StreamId = 'stream:b'

/** Streaming over connection a, which is due after an hour. */
const streaming = (changes: Partial<FeedInput> = {}) => {
  const feed = startFeed({ rotateMs: hourMs, ...changes })
  stream(feed)
  return feed
}
const opening = (changes: Partial<FeedInput> = {}) => {
  const feed = streaming(changes)
  feed.clock.increment(hourMs)
  return feed
}
const overlapping = (changes: Partial<FeedInput> = {}) => {
  const feed = opening(changes)
  feed.subscribe(b)
  return feed
}
const frames = (feed: Feed, id: StreamId) => feed.actor.send(batch([1, 1, 0], 1, id))
const announced = (feed: Feed, id: StreamId) =>
  feed.actor.send({ type: 'shutdown.announced', stream: id })
const outcomes = (feed: Feed) => feed.reports.map(({ outcome }) => outcome)

describe('a connection that is due', () => {
  test('is replaced by one that delivers beside it for a while', () => {
    const feed = overlapping()
    expect(feed.present()).toEqual([a, b])
    expect(feed.streaming.inputs[1]).toEqual({ ...feed.streaming.inputs[0], stream: b })
    feed.clock.increment(input.overlapMs - 1)
    frames(feed, a)
    frames(feed, b)
    expect(feed.told).toEqual([])
    feed.clock.increment(1)
    expect(feed.told).toEqual([[a, 'retirement.requested']])
    expect(feed.context()).toMatchObject({
      streams: { [a]: 'retiring', [b]: 'live' },
      venue: 'b:1',
      connectCount: 2,
      rotationCount: 1,
      failureCount: 0,
      frameCount: 2
    })
    feed.end(a)
    expect(feed.present()).toEqual([b])
    expect(outcomes(feed)).toEqual(['started', 'completed'])
  })

  test('is due again after the same time, and its address is taken in turn', () => {
    const feed = overlapping()
    for (const [live, next] of [[a, b], [b, a], [a, b]] as const) {
      if (live === b || feed.context().rotationCount > 0) {
        feed.clock.increment(hourMs)
        feed.subscribe(next)
      }
      feed.clock.increment(input.overlapMs)
      feed.end(live)
      expect(feed.present()).toEqual([next])
    }
    expect(feed.context()).toMatchObject({ rotationCount: 3, connectCount: 4, failureCount: 0 })
  })

  test('is replaced earlier than told by a jitter of its seed, never later', () => {
    const dueMs = (jitterSeed: number): number => {
      const feed = streaming({ jitterSeed })
      let elapsedMs = 0
      for (; feed.present().length === 1; elapsedMs += 1_000) feed.clock.increment(1_000)
      return elapsedMs
    }
    const found = [1, 2, 3, 4, 5].map((seed) => dueMs(seedFor(seed, 'feed')))
    expect(new Set(found).size).toBeGreaterThan(3)
    for (const ms of found) {
      expect(ms).toBeGreaterThanOrEqual(hourMs * 0.95)
      expect(ms).toBeLessThanOrEqual(hourMs)
    }
  })

  test('is kept for ever where no age is set, and replaced when its end is announced', () => {
    const feed = streaming({ rotateMs: null })
    feed.clock.increment(1_000 * hourMs)
    expect(feed.present()).toEqual([a])
    announced(feed, a)
    expect(feed.state()).toBe('active.streaming.opening')
  })

  test('gives its place up to a new one even if neither had anything to deliver', () => {
    const feed = overlapping()
    feed.clock.increment(input.overlapMs)
    expect(feed.context().streams).toEqual({ [a]: 'retiring', [b]: 'live' })
  })

  test('that does not end in time is stopped, whatever the feed does meanwhile', () => {
    const feed = overlapping()
    feed.clock.increment(input.overlapMs)
    feed.drop(unavailable, b)
    expect(feed.state()).toBe('backingOff')
    feed.clock.increment(input.drainMsMax - 1)
    expect(feed.present()).toContain(a)
    feed.clock.increment(1)
    expect(feed.present()).not.toContain(a)
    expect(outcomes(feed)).toEqual(['started', 'completed', 'forced'])
  })

  test('that breaks while it drains has ended too', () => {
    const feed = overlapping()
    feed.clock.increment(input.overlapMs)
    feed.drop(unavailable, a)
    expect(feed.state()).toBe('active.streaming.steady')
    expect(feed.present()).toEqual([b])
    feed.clock.increment(input.drainMsMax)
    expect(outcomes(feed)).toEqual(['started', 'completed'])
  })
})

describe('a new connection that cannot be had', () => {
  test('leaves the old one, and is tried for again with backoff at the next address', () => {
    const feed = opening()
    for (const delay of [100, 200, 400, 800, 1_000, 1_000, 1_000]) {
      feed.drop(unavailable, b)
      expect(feed.state()).toBe('active.streaming.postponed')
      expect(feed.actor.getSnapshot().hasTag('healthy')).toBe(true)
      expect(feed.present()).toEqual([a])
      feed.clock.increment(delay - 1)
      expect(feed.present()).toEqual([a])
      feed.clock.increment(1)
      expect(feed.state()).toBe('active.streaming.opening')
    }
    expect(feed.streaming.inputs.map(({ webSocketUrl }) => webSocketUrl)).toEqual([
      'ws://a', 'ws://a', 'ws://b', 'ws://c', 'ws://a', 'ws://b', 'ws://c', 'ws://a', 'ws://b'
    ])
    expect(feed.context()).toMatchObject({
      rotationFailureCount: 7, failureCount: 0, attempt: 0, lastError: { tag: 'SocketClosed' }
    })
    feed.subscribe(b)
    feed.clock.increment(input.overlapMs)
    expect(feed.context()).toMatchObject({ rotationAttempt: 0, webSocketIndex: 1 })
  })

  test('in time is given up', () => {
    const feed = opening()
    feed.clock.increment(59_999)
    expect(feed.state()).toBe('active.streaming.opening')
    feed.clock.increment(1)
    expect(feed.present()).toEqual([a])
    expect(feed.context()).toMatchObject({
      rotationFailureCount: 1, lastError: { tag: 'ReplacementLate' }
    })
  })

  test('for a defect does not cost the feed its old one either', () => {
    const feed = opening()
    feed.drop(new TypeError('bug'), b)
    expect(feed.state()).toBe('active.streaming.postponed')
    expect(feed.reports.at(-1)).toEqual({ outcome: 'failed', reason: 'bug' })
  })

  test('or is lost while both deliver: the old one goes on', () => {
    const feed = overlapping()
    frames(feed, b)
    feed.drop(unavailable, b)
    expect(feed.state()).toBe('active.streaming.postponed')
    expect(feed.context().streams).toEqual({ [a]: 'live' })
    feed.clock.increment(100)
    expect(feed.state()).toBe('active.streaming.opening')
  })

  test('or is mute while the old one delivers: it is given up', () => {
    const feed = overlapping()
    frames(feed, a)
    feed.clock.increment(input.overlapMs)
    expect(feed.state()).toBe('active.streaming.postponed')
    expect(feed.present()).toEqual([a])
    expect(feed.context().lastError).toMatchObject({ tag: 'ReplacementMute' })
    // What the old one delivered before the overlap is no measure of the new one.
    feed.clock.increment(100)
    frames(feed, a)
    feed.subscribe(b)
    feed.clock.increment(input.overlapMs)
    expect(outcomes(feed)).toEqual(['started', 'failed', 'started', 'completed'])
  })

  test('or is about to be ended as well: it is given up', () => {
    const feed = overlapping()
    announced(feed, b)
    expect(feed.context()).toMatchObject({
      streams: { [a]: 'live' }, lastError: { tag: 'ReplacementLeaving' }
    })
  })

  test('before the venue ends the old one: the feed connects as ever', () => {
    const feed = opening()
    feed.drop(unavailable, b)
    feed.drop(unavailable, a)
    expect(feed.state()).toBe('backingOff')
    feed.clock.increment(100)
    expect(feed.state()).toBe('active.connecting')
    expect(feed.present()).toHaveLength(1)
  })
})

describe('an old connection that ends first', () => {
  test('while the new one connects: the new one is waited for, not dialled again', () => {
    const feed = opening()
    feed.drop(unavailable, a)
    expect(feed.state()).toBe('active.connecting')
    expect(feed.present()).toEqual([b])
    expect(outcomes(feed)).toEqual(['started', 'too_late'])
    feed.subscribe(b)
    expect(feed.state()).toBe('active.streaming.steady')
    expect(feed.context()).toMatchObject({ failureCount: 1, attempt: 1, venue: 'b:1' })
    feed.clock.increment(input.backoff.upMsMin)
    expect(feed.context().attempt).toBe(0)
  })

  test('while both deliver: nothing is missing, the new one carries the feed', () => {
    const feed = overlapping()
    feed.drop(unavailable, a)
    expect(feed.state()).toBe('active.streaming.steady')
    expect(feed.context()).toMatchObject({
      streams: { [b]: 'live' }, failureCount: 1, attempt: 0, venue: 'b:1'
    })
    expect(feed.reports.at(-1)).toEqual({ outcome: 'completed', reason: 'gone' })
    feed.clock.increment(hourMs)
    expect(feed.present()).toEqual([b, a])
  })

  test('by a defect ends the feed', () => {
    const feed = overlapping()
    feed.drop(new TypeError('bug'), a)
    expect(feed.errors).toMatchObject([{ _tag: 'FeedFailed', tag: 'TypeError' }])
  })
})

describe('an announced end', () => {
  test('is answered at once, and once', () => {
    const feed = streaming()
    announced(feed, a)
    announced(feed, a)
    expect(feed.present()).toEqual([a, b])
    feed.drop(unavailable, b)
    announced(feed, a)
    expect(feed.state()).toBe('active.streaming.postponed')
    feed.clock.increment(100)
    feed.subscribe(b)
    announced(feed, a)
    feed.clock.increment(input.overlapMs)
    expect(feed.context().streams).toEqual({ [a]: 'retiring', [b]: 'live' })
    announced(feed, a)
    expect(feed.state()).toBe('active.streaming.steady')
  })

  test('of the new one waits until the address of the old one is free', () => {
    const feed = overlapping()
    feed.clock.increment(input.overlapMs)
    announced(feed, b)
    expect(feed.state()).toBe('active.streaming.postponed')
    feed.end(a)
    feed.clock.increment(100)
    expect(feed.present()).toEqual([b, a])
  })
})

describe('symbols that change during a rotation', () => {
  test('reach both connections', () => {
    const feed = opening()
    feed.actor.send({ type: 'subscribe.requested', symbols: ['XRPUSDT'] })
    feed.subscribe(b)
    feed.actor.send({ type: 'unsubscribe.requested', symbols: ['ETHUSDT'] })
    const changed = 'symbols.changed'
    expect(feed.told).toEqual([[a, changed], [b, changed], [a, changed], [b, changed]])
  })

  test('are counted once where both are refused them', () => {
    const feed = overlapping()
    feed.actor.send({ type: 'subscribe.requested', symbols: ['NOPE'] })
    for (const id of [a, b]) {
      feed.actor.send({ type: 'subscription.refused', stream: id, symbols: ['NOPE'] })
    }
    expect(feed.context()).toMatchObject({
      symbols: ['BTCUSDT', 'ETHUSDT'], refusedSymbolCount: 1
    })
  })

  test('are looked up before the next connection is opened with them', () => {
    const feed = streaming()
    feed.actor.send({ type: 'subscribe.requested', symbols: ['XRPUSDT'] })
    feed.clock.increment(hourMs)
    expect(feed.state()).toBe('active.streaming.postponed')
    feed.actor.send({
      type: 'subscription.applied', stream: a, instruments: [instrument('XRPUSDT')]
    })
    feed.clock.increment(100)
    expect(feed.streaming.inputs.at(-1)).toMatchObject({
      stream: b, symbols: ['BTCUSDT', 'ETHUSDT', 'XRPUSDT']
    })
  })
})

describe('a drain during a rotation', () => {
  test('stops a connection that is not subscribed and awaits the other', () => {
    const feed = opening()
    feed.actor.send({ type: 'drain.requested' })
    expect(feed.present()).toEqual([a])
    expect(feed.told).toEqual([[a, 'drain.requested']])
    feed.end(a)
    expect(feed.actor.getSnapshot().status).toBe('done')
  })

  test('awaits both where both deliver', () => {
    const feed = overlapping()
    feed.actor.send({ type: 'drain.requested' })
    expect(feed.told).toEqual([[a, 'drain.requested'], [b, 'drain.requested']])
    feed.end(b)
    expect(feed.state()).toBe('active.draining')
    feed.drop(unavailable, a)
    expect(feed.actor.getSnapshot()).toMatchObject({
      status: 'done', output: { isDrainForced: false }
    })
  })

  test('awaits a connection that was replaced', () => {
    const feed = overlapping()
    feed.clock.increment(input.overlapMs)
    feed.drop(unavailable, b)
    feed.actor.send({ type: 'drain.requested' })
    expect(feed.state()).toBe('active.draining')
    feed.end(a)
    expect(feed.actor.getSnapshot().status).toBe('done')
  })

  test('ends in time though both hang', () => {
    const feed = overlapping()
    feed.actor.send({ type: 'drain.requested' })
    feed.clock.increment(input.drainMsMax)
    expect(feed.actor.getSnapshot()).toMatchObject({
      status: 'done', output: { isDrainForced: true }
    })
    expect(feed.present()).toEqual([])
  })
})

test('the invariants hold in any order of events', () => {
  type Step = (feed: Feed) => void
  const id = fc.constantFrom(a, b)
  const send = (event: FeedEvent): Step => (feed) => feed.actor.send(event)
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.constant<Step>((feed) => feed.resolve()),
    id.map((of): Step => (feed) => feed.subscribe(of)),
    id.map((of): Step => (feed) => feed.drop(unavailable, of)),
    id.map((of): Step => (feed) => retires(feed, of) && feed.end(of)),
    id.map((of): Step => (feed) => frames(feed, of)),
    id.map((of): Step => (feed) => announced(feed, of)),
    fc.constantFrom(50, 100, 500, 1_000, 2_000, hourMs).map(
      (ms): Step => (feed) => feed.clock.increment(ms)
    ),
    fc.constantFrom<Step>(
      send({ type: 'subscribe.requested', symbols: ['XRPUSDT'] }),
      send({
        type: 'subscription.applied', stream: a, instruments: [instrument('XRPUSDT')]
      }),
      send({ type: 'unsubscribe.requested', symbols: ['XRPUSDT'] })
    )
  )
  /** The stub ends well only where a program does: on request. */
  const retires = (feed: Feed, of: StreamId) => feed.context().streams[of] === 'retiring'
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const feed = startFeed({ rotateMs: hourMs })
      stream(feed)
      for (const apply of steps) {
        const before = feed.context()
        const wasHealthy = feed.actor.getSnapshot().hasTag('healthy')
        const told = feed.told.length
        apply(feed)
        const { streams, failureCount, rotationCount } = feed.context()
        expect(feed.actor.getSnapshot().status).toBe('active')
        // 1: at most two, each in a role of its own, and roles are those of the children.
        const roles = Object.values(streams)
        expect(new Set(roles).size).toBe(roles.length)
        expect(roles.length).toBeLessThanOrEqual(2)
        expect(feed.present().toSorted()).toEqual(Object.keys(streams).toSorted())
        // 1, 2: never without a connection because of a rotation, but for a loss.
        const isHealthy = feed.actor.getSnapshot().hasTag('healthy')
        if (isHealthy) expect(roles).toContain('live')
        if (wasHealthy && !isHealthy) expect(failureCount).toBe(before.failureCount + 1)
        // 1: who is asked to go is not live any more, and somebody else is.
        for (const [of, command] of feed.told.slice(told)) {
          if (command !== 'retirement.requested') continue
          expect(streams[of]).not.toBe('live')
          expect(rotationCount).toBe(before.rotationCount + 1)
        }
        expect(JSON.parse(JSON.stringify(feed.context()))).toEqual(feed.context())
      }
      // 4: a replaced one is gone in time; and draining ends.
      feed.clock.increment(input.overlapMs)
      feed.clock.increment(input.drainMsMax)
      expect(Object.values(feed.context().streams)).not.toContain('retiring')
      feed.actor.send({ type: 'drain.requested' })
      feed.clock.increment(input.drainMsMax)
      expect(feed.actor.getSnapshot().status).toBe('done')
      expect(feed.present()).toEqual([])
    }),
    { numRuns: 500 }
  )
})
