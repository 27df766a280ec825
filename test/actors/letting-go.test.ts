/**
 * The whole tree under every level, against a venue that issues trades when the test says so: what
 * the table lacks of what was issued is what the feed has claimed, trade by trade.
 */
import { describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { generatedSymbols } from '../../src/adapters/simulator/venue-listing.ts'
import { type Level, policyOf } from '../../src/machines/ingest-policy.ts'
import type { ClaimReason, GapClaim } from '../../src/market/gap-claim.ts'
import { defaultCryptoTiers, type Tier, tierOf } from '../../src/market/tier.ts'
import { gatedMarket } from '../support/gated-market.ts'
import { until } from '../support/until.ts'
import { settingsOf, type Venue, withSource } from '../support/venue.ts'
import {
  cleanUp,
  holdings,
  muteManager,
  newFolder,
  startTree,
  type Tree
} from './support/runtime.ts'

cleanUp()
vi.setConfig({ testTimeout: 240_000 })

const feedPath = 'root/ingest/feed:binance'
const symbols = generatedSymbols.map(({ symbol }) => symbol)
const tierBySymbol = new Map<string, Tier>(
  generatedSymbols.map((listed) => [listed.symbol, tierOf(defaultCryptoTiers, listed)])
)

/** The generated market, which goes on only as far as it is told. */
const marketOnDemand = () => {
  let left = 0
  const market = gatedMarket(11, () => {
    if (left === 0) return false
    left -= 1
    return true
  })
  return { ...market, issue: (count: number) => void (left += count) }
}

interface Scene {
  readonly tree: Tree
  readonly venue: Venue
  readonly enter: (level: Level) => void
  /** Issues trades; the result is how many there are in all. */
  readonly issue: (count: number) => Promise<number>
  /** Waits until the feed has met so many trades. */
  readonly met: (count: number) => Promise<void>
  readonly streams: () => number | undefined
  readonly claims: readonly GapClaim[]
}

type Market = ReturnType<typeof marketOnDemand>

/** At full speed a venue waits for somebody to listen: somebody does who is never paused. */
const listen = (venue: Venue): WebSocket =>
  new WebSocket(`${venue.url}${listened}`).on('error', () => undefined)

const startVenueTree = (folder: string, venue: Venue): Tree =>
  startTree(folder, {
    ...settingsOf(venue, symbols),
    K2_DATA_TYPES: 'trades',
    K2_REFERENCE_INTERVAL: 'off',
    // What is let go shall stay away.
    K2_HEALING: 'off'
  })

/** Grows. */
const claimsOf = ({ shared: { claims: queue } }: Tree): readonly GapClaim[] => {
  const claims: GapClaim[] = [...queue.take()]
  queue.onNoted(() => claims.push(...queue.take()))
  return claims
}

const issueTo = async (venue: Venue, market: Market, count: number): Promise<void> => {
  const total = issuedBy(venue) + count
  market.issue(count)
  await until(
    () => {
      venue.control.request({}) // which lets the market look again
      return issuedBy(venue) === total ? true : undefined
    },
    { what: `${total} trades issued`, msMax: 60_000 }
  )
}

/** On the wire; undefined before there is a connection. */
const streamsOf = (tree: Tree): number | undefined =>
  ['a', 'b']
    .map((name) => tree.actor(`${feedPath}/stream:${name}`)?.counters?.['streams'])
    .find((streams) => streams !== undefined)

const subscribed = (tree: Tree) =>
  tree.until('the streams', () => streamsOf(tree) === symbols.length)

const landedIn = ({ shared }: Tree): number => shared.trades.landing.current?.totals.landed ?? 0

const play = async (body: (scene: Scene) => Promise<void>) => {
  const market = marketOnDemand()
  await withSource(market.source, async (venue) => {
    const listener = listen(venue)
    const tree = startVenueTree(newFolder(), venue)
    const claims = claimsOf(tree)
    const streams = () => streamsOf(tree)
    await subscribed(tree)
    await muteManager(tree)
    await body({
      tree, venue, claims, streams,
      enter: (level) => tree.shared.policy.set(policyOf(level)),
      issue: async (count) => {
        await issueTo(venue, market, count)
        return issuedBy(venue)
      },
      met: (count) =>
        tree.until(`${count} trades`, async () => (await framesOf(tree)) === count)
    })
    listener.terminate()
    await tree.until('an empty spool', () => published(tree)['spooled'] === 0)
    await tree.drain()
    market.close()
    await expectExplained(tree, venue, claims)
  })
}

const published = (tree: Tree): Readonly<Record<string, number>> =>
  tree.actor('root/log/publisher:trades/program').counters ?? {}

const issuedBy = (venue: Venue): number =>
  Object.values(venue.issued()).reduce((sum, { count }) => sum + count, 0)

const framesOf = (tree: Tree) => tree.metric('k2_feed_frames_total')

/** What was issued is either in the table or in a claim, and never in both. */
const expectExplained = async (tree: Tree, venue: Venue, claims: readonly GapClaim[]) => {
  const { landed, rows, distinctRows } = await holdings(tree.folder, 'trades', 'binance')
  expect(rows).toBe(distinctRows)
  for (const [symbol, { firstId, lastId }] of Object.entries(venue.issued())) {
    const claimed = new Set<number>()
    for (const { fromId, toId, ...claim } of claims) {
      if (claim.symbol !== symbol) continue
      for (let id = fromId!; id <= toId!; id++) claimed.add(id)
    }
    const wrong: string[] = []
    for (let id = firstId; id <= lastId; id++) {
      const isLanded = landed.get(symbol)?.has(id) === true
      if (isLanded === claimed.has(id)) wrong.push(`${id} ${isLanded ? 'both' : 'neither'}`)
    }
    expect(wrong, symbol).toEqual([])
    expect([...claimed].filter((id) => id < firstId || id > lastId), symbol).toEqual([])
  }
}

const reasonsOf = (claims: readonly GapClaim[], tier: Tier): ReadonlySet<ClaimReason> =>
  new Set(
    claims.flatMap(({ symbol, reason }) => (tierBySymbol.get(symbol) === tier ? [reason] : []))
  )

describe('what the levels let go', () => {
  test('is claimed trade by trade, at the feed and over a pause at the wire', async () => {
    await play(async (scene) => {
      const { tree, enter, issue, met, streams, claims } = scene
      await met(await issue(1_500))
      expect(claims).toEqual([])
      enter('graceful')
      await met(await issue(1_500))
      expect(reasonsOf(claims, 3)).toEqual(new Set(['shed']))
      expect(reasonsOf(claims, 2)).toEqual(new Set())
      enter('aggressive')
      const before = await issue(1_500)
      await met(before)
      expect(reasonsOf(claims, 2)).toEqual(new Set(['shed']))
      expect(reasonsOf(claims, 1)).toEqual(new Set())
      await tree.until('a spool', () => (published(tree)['spooledTotal'] ?? 0) > 0)
      enter('circuitBreak')
      await tree.until('no streams', () => streams() === 0)
      expect(tree.actor(`${feedPath}/policy`).counters).toMatchObject({ paused: 1 })
      const paused = (await issue(1_500)) - before
      enter('normal')
      await subscribed(tree)
      // Symbols without a trade after the pause are asked for.
      await met((await issue(40)) - paused)
      await tree.until('all claims', () => areClaimed(claims, 'paused'))
      expect(reasonsOf(claims, 1)).toEqual(new Set(['paused']))
      expect(await tree.metric('k2_messages_shed_total', 'market.crypto.trades.binance')).toBe(
        claims.filter(({ reason }) => reason === 'shed').reduce((sum, { count }) => sum + count, 0)
      )
    })
  })

  test('is claimed by the next process, from what the table has on', async () => {
    const folder = newFolder()
    const market = marketOnDemand()
    await withSource(market.source, async (venue) => {
      const listener = listen(venue)
      const first = startVenueTree(folder, venue)
      await subscribed(first)
      await issueTo(venue, market, 900)
      await first.until('all rows', () => landedIn(first) === 900)
      await first.drain()
      await issueTo(venue, market, 600)
      const second = startVenueTree(folder, venue)
      const claims = claimsOf(second)
      await second.until('all claims', () => areClaimed(claims, 'restart'))
      await issueTo(venue, market, 300)
      await second.until('all rows', () => landedIn(second) === 1_200)
      listener.terminate()
      await second.drain()
      market.close()
      expect(new Set(claims.map(({ reason }) => reason))).toEqual(new Set(['restart']))
      await expectExplained(second, venue, claims)
    })
  })

  test('is claimed over connections that are lost, paused or not', async () => {
    await play(async (scene) => {
      const { tree, venue, enter, issue, met, streams, claims } = scene
      await met(await issue(800))
      const connections = () => venue.control.status().connections.length - 1
      const drop = () => {
        const own = venue.control.status().connections.findLast(({ path }) => path !== listened)
        venue.control.request({ drop: own!.id })
      }
      enter('circuitBreak')
      await tree.until('no streams', () => streams() === 0)
      drop()
      const paused = (await issue(800)) - 800
      await tree.until('another connection', () => connections() === 2 && streams() === 0)
      expect(await framesOf(tree)).toBe(800)
      // Whoever starts anew finds the level that holds (R39).
      tree.crash(`${feedPath}/policy`)
      await tree.until('another feed', () => connections() === 3 && streams() === 0)
      expect(tree.actor(feedPath).restarts).toBe(1)
      expect(tree.actor(`${feedPath}/policy`).counters).toEqual({ paused: 1 })
      enter('normal')
      await subscribed(tree)
      await met((await issue(800)) - paused)
      drop()
      const lost = (await issue(800)) - 2_400
      await tree.until(
        'another connection',
        () => connections() === 4 && streams() === symbols.length
      )
      await met((await issue(20)) - paused - lost)
      await tree.until('all claims', () =>
        areClaimed(claims, 'disconnect')
      )
      expect(new Set(claims.map(({ reason }) => reason))).toEqual(new Set(['paused', 'disconnect']))
    })
  })
})

const listened = `/ws/${symbols[0]!.toLowerCase()}@trade`

/** Of every symbol something is. */
const areClaimed = (claims: readonly GapClaim[], reason: ClaimReason): boolean => {
  const claimed = claims.filter((claim) => claim.reason === reason)
  return symbols.every((symbol) => claimed.some((claim) => claim.symbol === symbol))
}
