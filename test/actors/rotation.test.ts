/**
 * The whole tree beside a venue that ends connections after 24 hours. Two clocks are moved by hand:
 * the venue's, by which connections age, and that of the actors' delays. Trades flow as fast as K2
 * takes them.
 */
import { describe, expect, test, vi } from 'vitest'
import { SimulatedClock } from 'xstate'
import { actorAt, type ActorStatus } from '../../src/actors/status.ts'
import { generatedSymbols } from '../../src/adapters/simulator/venue-listing.ts'
import type { FeedContext } from '../../src/machines/feed-protocol.ts'
import { gatedMarket } from '../support/gated-market.ts'
import { settingsOf, type Venue, withSource } from '../support/venue.ts'
import { cleanUp, holdings, newFolder, startTree, type Tree } from './support/runtime.ts'

cleanUp()
vi.setConfig({ testTimeout: 300_000 })

const hourMs = 3_600_000
const overlapMs = 5_000
const feedPath = 'root/ingest/feed:binance'
const streamA = `${feedPath}/stream:a`
const streamB = `${feedPath}/stream:b`
const symbols = generatedSymbols.map(({ symbol }) => symbol)

/** Trades that are issued ahead of the table: enough to fill the socket and what lies behind it. */
const aheadMax = 20_000

/** The generated market, a step ahead of what has landed, until it is told to close. */
const marketAhead = () => {
  let landed = 0
  let issued = 0
  const market = gatedMarket(1, () => {
    if (issued >= landed + aheadMax) return false
    issued += 1
    return true
  })
  return { ...market, noteLanded: (count: number) => void (landed = count) }
}

interface Scene {
  readonly tree: Tree
  readonly venue: Venue
  /** Moves both clocks. */
  readonly pass: (ms: number) => void
  readonly feed: () => FeedContext
  /** Waits, and lets the market follow the table meanwhile. */
  readonly until: (what: string, holds: () => boolean) => Promise<void>
  /** Waits until the feed's machine is there. */
  readonly reaches: (state: string) => Promise<void>
  /** Waits until the new connection delivers beside the old one. */
  readonly delivers: () => Promise<void>
  /** Waits for trades that are landed from now on. */
  readonly flows: () => Promise<void>
  /** Lets the overlap pass once both connections deliver, and waits for the end of the old one. */
  readonly overlaps: () => Promise<void>
  /** Closes the market and drains, once all that it issued has landed: what the feed was then. */
  readonly settle: () => Promise<FeedContext>
}

/** Quotes come over the same connections; these tests count trades. */
const topic = 'market.crypto.trades.binance'

const withFeed = async (
  settings: Readonly<Record<`K2_${string}`, string>>,
  body: (scene: Scene) => Promise<void>
): Promise<void> => {
  const market = marketAhead()
  const clock = new SimulatedClock()
  let venueMs = Date.UTC(2026, 0, 5)
  const play = async (venue: Venue) => {
    const tree = startTree(newFolder(), { ...settingsOf(venue, symbols), ...settings }, clock)
    const feed = () => actorAt(tree.root, feedPath)!.getSnapshot().context as FeedContext
    const landed = () => tree.shared.trades.landing.current?.totals.landed ?? 0
    const until = (what: string, holds: () => boolean) =>
      tree.until(what, () => {
        market.noteLanded(landed())
        venue.control.request({}) // which lets the market look again
        return holds()
      })
    const reaches = (state: string) => until(state, () => stateOf(tree) === `up.running.${state}`)
    const delivers = () => until('frames', () => (feed().replacement?.frameCount ?? 0) > 0)
    const flows = () => {
      const before = landed()
      return until('more rows', () => landed() > before)
    }
    const pass = (ms: number) => {
      venueMs += ms
      clock.increment(ms)
    }
    const overlaps = async () => {
      await reaches('active.streaming.overlapping')
      await delivers()
      pass(overlapMs)
      await until('one connection', () => Object.keys(feed().streams).length === 1)
    }
    const settle = async () => {
      market.close()
      await until('all rows', () => landed() === issuedBy(venue))
      const last = feed()
      await tree.drain()
      return last
    }
    await reaches('active.streaming.steady')
    await flows()
    await body({ tree, venue, pass, feed, until, reaches, delivers, flows, overlaps, settle })
  }
  await withSource(market.source, play, { now: () => venueMs })
}

/** Of the feed; undefined before it is started. */
const stateOf = (tree: Tree): string | undefined =>
  (tree.actor(feedPath) as ActorStatus | undefined)?.state

const issuedBy = ({ issued }: Venue): number =>
  Object.values(issued()).reduce((sum, { count }) => sum + count, 0)

/** The table is what the exchange issued, each trade once. */
const expectExact = async ({ tree, venue }: Scene) => {
  const held = await holdings(tree.folder, 'trades', 'binance')
  const { landed, rows, distinctRows, logEnds, tableOffsets } = held
  expect(rows).toBe(distinctRows)
  expect(rows).toBe(issuedBy(venue))
  for (const [symbol, { firstId, lastId, count }] of Object.entries(venue.issued())) {
    const ids = landed.get(symbol)!
    expect([ids.size, ids.has(firstId), ids.has(lastId)]).toEqual([count, true, true])
    for (const id of ids) expect(id >= firstId && id <= lastId).toBe(true)
  }
  expect(tableOffsets).toEqual(logEnds)
}

const held = ({ kernel }: Tree) =>
  kernel.registry
    .snapshot()
    .flatMap(({ owner, kind }) => (kind === 'socket' ? [owner] : []))
    .sort()

describe('a feed that runs for days', () => {
  test('replaces its connections in time: nothing is missing, double or out of order', async () => {
    await withFeed({}, async (scene) => {
      const { tree, venue, pass, until, flows, overlaps } = scene
      for (let rotation = 1; rotation <= 4; rotation++) {
        pass(23 * hourMs)
        await until('both sockets', () => held(tree).length === 2)
        expect(held(tree)).toEqual([streamA, streamB])
        await overlaps()
        expect(held(tree)).toEqual([rotation % 2 === 1 ? streamB : streamA])
        await flows()
      }
      const text = '{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}'
      venue.control.request({ inject: { text } })
      await overlaps()
      await flows()
      expect(tree.actor(feedPath).tags).toEqual(['healthy'])
      expect(tree.actor(streamB).counters?.['connectionAgeMs']).toBeGreaterThanOrEqual(0)

      const last = await scene.settle()
      expect(last).toMatchObject({ rotationCount: 5, rotationFailureCount: 0, failureCount: 0 })
      expect(await tree.metric('k2_feed_rotations_total')).toBe(5)
      expect(await tree.metric('k2_feed_failures_total')).toBe(0)
      expect(tree.kernel.registry.leakCount()).toBe(0)
      const closings = venue.control.status().connections.map(({ closed }) => closed)
      expect(closings).toEqual(Array.from({ length: 6 }, () => 'client_closed'))

      // What came twice is known to the lander, and to nobody before it (R16).
      const duplicates = await tree.metric('k2_duplicate_messages_detected_total', topic)
      expect(duplicates).toBeGreaterThan(0)
      expect(last.tradeCount).toBe(issuedBy(venue) + duplicates)
      // No trade overtook an earlier one of its symbol on the other connection.
      expect(await tree.metric('k2_out_of_order_messages_total', topic)).toBe(0)
      expect(await tree.metric('k2_sequence_gap_ids', topic)).toBe(0)
      await expectExact(scene)
    })
  })

  test('keeps its connection while the venue takes no new one', async () => {
    await withFeed({}, async (scene) => {
      const { tree, venue, pass, feed, until, flows, reaches, overlaps } = scene
      venue.control.request({ refuse: 'websocket' })
      pass(23 * hourMs)
      for (let failures = 1; failures <= 3; failures++) {
        await until('a failure', () => feed().rotationFailureCount === failures)
        await reaches('active.streaming.postponed')
        expect(held(tree)).toEqual([streamA])
        await flows()
        if (failures === 3) venue.control.request({ heal: true })
        pass(10_000)
      }
      await overlaps()
      const last = await scene.settle()
      expect(last).toMatchObject({ rotationCount: 1, failureCount: 0, connectCount: 2 })
      await expectExact(scene)
    })
  })

  test('with rotation off, is cut after a day and connects again', async () => {
    await withFeed({ K2_BINANCE_ROTATE_AFTER: 'off' }, async (scene) => {
      const { tree, venue, pass, feed, flows, reaches } = scene
      pass(24 * hourMs - 1)
      await flows()
      expect(feed()).toMatchObject({ connectCount: 1, failureCount: 0 })
      pass(1)
      await reaches('backingOff')
      expect(feed().lastError).toMatchObject({ tag: 'SocketClosed', isDependency: true })
      pass(10_000)
      await reaches('active.streaming.steady')
      await flows()
      expect(feed()).toMatchObject({ connectCount: 2, failureCount: 1, rotationCount: 0 })
      expect(tree.actor(feedPath).restarts).toBe(0)
      const closings = venue.control.status().connections.map(({ closed }) => closed)
      expect(closings).toEqual(['too_old', null])
      await scene.settle()
      await expectExact(scene)
    })
  })

  test('loses nothing when either connection is lost while both deliver', async () => {
    await withFeed({}, async (scene) => {
      const { venue, pass, feed, until, flows, reaches, delivers, overlaps } = scene
      const lose = (connection: number) => venue.control.request({ drop: connection })
      pass(23 * hourMs)
      await delivers()
      lose(2) // the new one
      await until('the loss', () => feed().rotationFailureCount === 1)
      await flows()
      pass(10_000)
      await delivers()
      lose(1) // the old one
      await until('the loss', () => feed().failureCount === 1)
      await reaches('active.streaming.steady')
      await flows()
      pass(23 * hourMs)
      await overlaps()
      await scene.settle()
      await expectExact(scene)
    })
  })

  test('drains both connections where both deliver', async () => {
    await withFeed({}, async (scene) => {
      const { tree, pass, reaches, delivers } = scene
      pass(23 * hourMs)
      await reaches('active.streaming.overlapping')
      await delivers()
      await tree.drain()
      expect(tree.shared.drained.isLanded).toBe(true)
      expect(tree.kernel.registry.snapshot()).toEqual([])
      expect(tree.kernel.registry.leakCount()).toBe(0)
      const held = await holdings(tree.folder, 'trades', 'binance')
      const { landed, logged, rows, distinctRows } = held
      expect(landed).toEqual(logged)
      expect(rows).toBe(distinctRows)
    })
  })
})
