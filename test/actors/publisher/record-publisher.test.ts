import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { SymbolCounts } from '../../../src/actors/publisher/publish-ledger.ts'
import { partitionOf } from '../../../src/adapters/log/partitioner.ts'
import { differenceOf } from '../../../src/machines/conservation.ts'
import { publisherEquation } from '../../../src/machines/conservation-equations.ts'
import type { TradeV2 } from '../../../src/market/records/trade-v2.ts'
import { temporaryDirectory } from '../../adapters/log/log-support.ts'
import { openTestSpool } from '../../adapters/log/spool-support.ts'
import { trade } from '../../support/trades.ts'
import {
  FakeLog,
  firstAppearances,
  full,
  makeWorld,
  topic,
  unavailable,
  type World
} from './publisher-support.ts'

const trades = (count: number, from = 0, symbol = 'BTCUSDT'): readonly TradeV2[] =>
  Array.from({ length: count }, (_, index) => trade(symbol, from + index))

const idsOf = (records: readonly TradeV2[]) => records.map(({ source_sequence: id }) => id)

const offer = (world: World, records: readonly TradeV2[]) =>
  Effect.runPromise(world.publisher.offer(records))

/** Everything out of memory: into the log or the spool. */
const flushed = ({ publisher }: World) => Effect.runPromise(publisher.flushed)

const finish = async ({ publisher }: World, ended: () => Promise<void>) => {
  await Effect.runPromise(publisher.finish)
  await ended()
}

/** (R16), whenever it is asked: as a whole and symbol by symbol. */
const expectBalanced = ({ publisher, ledger }: World) => {
  const place = { exchange: 'BINANCE', dataType: 'trades' } as const
  const { counts } = publisher
  for (const of of [counts, ...ledger.symbols]) {
    const equation = publisherEquation(place, of)
    expect([equation, differenceOf(equation)]).toEqual([equation, 0])
  }
  expect(ledger.inSpool ?? counts.spooled).toBeGreaterThanOrEqual(counts.spooled)
  expect(counts.appended).toBeGreaterThanOrEqual(counts.acknowledged)
  const sum = (of: (symbol: SymbolCounts) => number) =>
    ledger.symbols.reduce((total, symbol) => total + of(symbol), 0)
  expect(sum(({ inFlight }) => inFlight)).toBe(counts.inFlight)
  expect(sum(({ acknowledged }) => acknowledged)).toBe(counts.acknowledged)
  expect(sum(({ setAside }) => setAside)).toBe(counts.setAside)
}

describe('while the log takes what it is given', () => {
  test('finish sends what is pending; each key keeps its order in its own partition', async () => {
    const log = new FakeLog()
    const world = await makeWorld(log, 4)
    const { ended } = world.run()
    const symbols = ['BTCUSDT', 'ETHUSDT', 'DOGEUSDT']
    const all = Array.from({ length: 300 }, (_, id) => trade(symbols[id % 3]!, id))
    for (let start = 0; start < all.length; start += 7) {
      await offer(world, all.slice(start, start + 7))
      expectBalanced(world)
    }
    await finish(world, ended)
    for (const [index, symbol] of symbols.entries()) {
      const ids = log.ids.get(partitionOf(symbol, 4))!.filter((id) => id % 3 === index)
      expect(ids).toEqual(Array.from({ length: 100 }, (_, position) => position * 3 + index))
    }
    expect(world.publisher.pendingBytes).toBe(0)
    expect(world.publisher.counts).toEqual({
      accepted: 300, healed: 0, recovered: 0, acknowledged: 300, setAside: 0, spooled: 0,
      inFlight: 0, abandoned: 0, refused: 0, spooledTotal: 0, appended: 300
    })
  })

  test('what is healed is counted apart, and is in the log as all else', async () => {
    const log = new FakeLog()
    const world = await makeWorld(log, 1)
    const { ended } = world.run()
    await offer(world, trades(10))
    expect(await Effect.runPromise(world.publisher.heal(trades(5, 100)))).toEqual(new Map())
    expectBalanced(world)
    expect(world.publisher.counts).toMatchObject({ accepted: 10, healed: 5 })
    await finish(world, ended)
    expectBalanced(world)
    expect(log.ids.get(0)).toEqual(idsOf([...trades(10), ...trades(5, 100)]))
  })

  test('tells since when the oldest record waits', async () => {
    const log = new FakeLog()
    const release = Deferred.makeUnsafe<void>()
    log.answer = () => Deferred.await(release)
    let nowMs = 1_000
    const world = await makeWorld(log, 1, { nowMs: () => nowMs })
    expect(world.publisher.pendingAgeMs).toBe(0)
    const { ended } = world.run()
    await offer(world, trades(1))
    nowMs = 1_500
    expect(world.publisher.pendingAgeMs).toBe(500)
    await expect.poll(() => log.outstanding).toBe(1)
    await offer(world, trades(1, 1))
    nowMs = 1_700
    // The one under way is the older one.
    expect(world.publisher.pendingAgeMs).toBe(700)
    Deferred.doneUnsafe(release, Effect.void)
    await flushed(world)
    expect(world.publisher.pendingAgeMs).toBe(0)
    await finish(world, ended)
  })

  test('a lane has one append outstanding', async () => {
    const log = new FakeLog()
    const world = await makeWorld(log, 1)
    const { ended } = world.run()
    await offer(world, trades(200))
    await finish(world, ended)
    expect(log.outstandingMax).toBe(1)
    expect(world.events.filter(({ type }) => type === 'batch.published').length).toBeGreaterThan(1)
    expect(log.ids.get(0)).toEqual(idsOf(trades(200)))
  })

  test('offers wait while the bound is passed, and go on when the log answers', async () => {
    const log = new FakeLog()
    const release = Deferred.makeUnsafe<void>()
    log.answer = () => Deferred.await(release)
    const world = await makeWorld(log, 1, { bytesMax: 2_000 })
    const { ended } = world.run()
    let offered = 0
    const offering = (async () => {
      for (const record of trades(100)) {
        await offer(world, [record])
        offered++
      }
    })()
    await expect.poll(() => world.publisher.pendingBytes).toBeGreaterThan(2_000)
    expect(offered).toBeLessThan(100)
    expect(world.publisher.pendingBytes).toBeLessThan(2_000 + 500)
    Deferred.doneUnsafe(release, Effect.void)
    await offering
    await finish(world, ended)
    expect(log.ids.get(0)).toEqual(idsOf(trades(100)))
  })
})

describe('while the log takes small batches only', () => {
  /** Of some 200 bytes each; the twentieth is larger than any batch that the log takes. */
  const withLarge = trades(40).map((record, index) =>
    index === 19 ? { ...record, trade_conditions: ['x'.repeat(2_000)] } : record
  )
  const others = idsOf(withLarge).filter((id) => id !== 19)
  const letters = () => {
    const keys: string[] = []
    const deadLetter = ({ key, value }: { readonly key: string; readonly value: Uint8Array }) =>
      Effect.sync(() => void keys.push(`${key} ${value.length > 2_000}`))
    return { keys, deadLetter }
  }

  test('they leave in halves, in order; a record that is too large is a dead letter', async () => {
    const log = new FakeLog()
    log.bytesMax = 600
    const { keys, deadLetter } = letters()
    const world = await makeWorld(log, 1, { deadLetter, batchBytesMax: 4_000 })
    const { ended } = world.run()
    await offer(world, withLarge)
    await flushed(world)
    expect(log.ids.get(0)).toEqual(others)
    expect(keys).toEqual(['BTCUSDT true'])
    expect(world.publisher.counts).toMatchObject({ acknowledged: 39, setAside: 1, spooledTotal: 0 })
    expect(world.breaker.state()).toBe('closed')
    await finish(world, ended)
    expectBalanced(world)
  })

  test('so does what comes from the spool', async () => {
    const log = new FakeLog()
    const { keys, deadLetter } = letters()
    const world = await makeWorld(log, 1, { deadLetter, batchBytesMax: 4_000 })
    world.run()
    log.answer = () => unavailable
    await offer(world, withLarge)
    await flushed(world)
    expect(world.publisher.counts).toMatchObject({ spooled: 40 })
    log.answer = () => Effect.void
    log.bytesMax = 600
    world.breaker.clock.increment(100)
    await expect.poll(() => world.publisher.counts.acknowledged).toBe(39)
    expect(log.ids.get(0)).toEqual(others)
    expect(keys).toEqual(['BTCUSDT true'])
    await expect.poll(() => world.opened.spool.usage().records).toBe(0)
    expectBalanced(world)
  })

  test('without a dead letter the record stays, in the spool', async () => {
    const log = new FakeLog()
    log.bytesMax = 600
    const { keys, deadLetter } = letters()
    let isAway = true
    const world = await makeWorld(log, 1, {
      deadLetter: (record) =>
        Effect.suspend(() => (isAway ? Effect.fail({ message: 'EIO' }) : deadLetter(record))),
      batchBytesMax: 4_000
    })
    world.run()
    await offer(world, withLarge)
    await flushed(world)
    expect(world.publisher.counts.setAside).toBe(0)
    expect(world.publisher.counts.spooled).toBeGreaterThan(0)
    isAway = false
    await expect
      .poll(() => {
        world.breaker.clock.increment(1_000)
        return world.opened.spool.usage().records
      })
      .toBe(0)
    expect(firstAppearances(log.ids.get(0)!)).toEqual(others)
    expect(keys).toEqual(['BTCUSDT true'])
    expectBalanced(world)
  })
})

describe('while the log takes nothing', () => {
  test('what it was given is durable in the spool, and leaves in order later', async () => {
    const log = new FakeLog()
    const world = await makeWorld(log, 1)
    world.run()
    log.answer = () => unavailable
    for (let start = 0; start < 100; start += 10) {
      await offer(world, trades(10, start))
      await flushed(world)
      expectBalanced(world)
    }
    expect(world.breaker.state()).toBe('open')
    expect(world.publisher.counts).toMatchObject({ spooled: 100, inFlight: 0, acknowledged: 0 })
    expect(world.opened.spool.usage().records).toBe(100)
    // One send failed without word; nothing was tried since.
    const { appends } = log
    log.answer = () => Effect.void
    await offer(world, trades(10, 100))
    await flushed(world)
    expect(log.appends).toBe(appends)
    world.breaker.clock.increment(100)
    await expect.poll(() => world.publisher.counts.acknowledged).toBe(110)
    expectBalanced(world)
    expect(world.breaker.state()).toBe('closed')
    expect(log.ids.get(0)).toEqual(idsOf(trades(110)))
    // The position follows the acknowledgement.
    await expect.poll(() => world.opened.spool.usage()).toMatchObject({ records: 0, bytes: 0 })
    // And straight to the log from here on.
    await offer(world, trades(5, 110))
    await flushed(world)
    expect(log.ids.get(0)).toEqual(idsOf(trades(115)))
    expect(world.publisher.counts.spooledTotal).toBe(110)
  })

  test('what is healed goes behind what waits in the spool (R36)', async () => {
    const log = new FakeLog()
    const world = await makeWorld(log, 1)
    world.run()
    log.answer = () => unavailable
    await offer(world, trades(10))
    await flushed(world)
    await Effect.runPromise(world.publisher.heal(trades(3, 1_000)))
    await flushed(world)
    expectBalanced(world)
    expect(world.publisher.counts).toMatchObject({ accepted: 10, healed: 3, spooled: 13 })
    log.answer = () => Effect.void
    world.breaker.clock.increment(100)
    await expect.poll(() => world.publisher.counts.acknowledged).toBe(13)
    expectBalanced(world)
    expect(log.ids.get(0)).toEqual(idsOf([...trades(10), ...trades(3, 1_000)]))
  })

  test('a batch is in the spool before it is sent again', async () => {
    const log = new FakeLog()
    const world = await makeWorld(log, 1)
    const spooled: number[] = []
    log.answer = () => {
      spooled.push(world.opened.spool.usage().records)
      return spooled.length === 1 ? unavailable : Effect.void
    }
    world.run()
    await offer(world, trades(3))
    await flushed(world)
    world.breaker.clock.increment(100)
    await expect.poll(() => world.publisher.counts.acknowledged).toBe(3)
    expect(spooled).toEqual([0, 3])
  })

  test('an append that ends without word may be in the log: sent again, order kept', async () => {
    const log = new FakeLog()
    const world = await makeWorld(log, 1)
    log.keepsFailed = true
    log.answer = () => unavailable
    world.run()
    await offer(world, trades(3))
    await flushed(world)
    await offer(world, trades(3, 3))
    await flushed(world)
    log.answer = () => Effect.void
    world.breaker.clock.increment(100)
    await expect.poll(() => world.publisher.counts.acknowledged).toBe(6)
    expect(log.ids.get(0)).toEqual([0, 1, 2, 0, 1, 2, 3, 4, 5])
    expect(firstAppearances(log.ids.get(0)!)).toEqual(idsOf(trades(6)))
  })

  test('while the level asks for it everything goes through the spool, in order', async () => {
    const log = new FakeLog()
    let isSpilling = true
    let spent = 0
    const held = Effect.runSync(Deferred.make<void>())
    const pace = {
      isHeld: true,
      leave: Deferred.await(held),
      spend: (records: number) => void (spent += records)
    }
    const world = await makeWorld(log, 2, { isSpilling: () => isSpilling, pace })
    world.run()
    await offer(world, trades(50))
    await flushed(world)
    expect(world.publisher.pendingBytes).toBe(0)
    expect(world.publisher.counts).toMatchObject({ spooled: 50, inFlight: 0, acknowledged: 0 })
    expect([log.appends, world.breaker.state()]).toEqual([0, 'closed'])
    // What comes afterwards stays behind it.
    isSpilling = false
    await offer(world, trades(50, 50))
    await flushed(world)
    expect(log.appends).toBe(0)
    Deferred.doneUnsafe(held, Effect.void)
    await expect.poll(() => world.publisher.counts.acknowledged).toBe(100)
    expect(spent).toBe(100)
    const ids = [...log.ids.values()].flat()
    expect(ids.toSorted((a, b) => a - b)).toEqual(idsOf(trades(100)))
    for (const lane of log.ids.values()) expect(lane).toEqual(lane.toSorted((a, b) => a - b))
    await offer(world, trades(1, 100))
    await expect.poll(() => world.publisher.counts).toMatchObject({ acknowledged: 101, spooled: 0 })
  })

  test('a spool that is full is emptied, though it should be held', async () => {
    const log = new FakeLog()
    const pace = { isHeld: true, leave: Effect.never, spend: () => undefined }
    const world = await makeWorld(log, 1, {
      isSpilling: () => true, pace, spoolOptions: { bytesMax: () => 4_000 }
    })
    world.run()
    for (let from = 0; from < 60; from += 5) {
      await offer(world, trades(5, from))
      await flushed(world)
    }
    const { refused, acknowledged, spooled } = world.publisher.counts
    expect(refused + acknowledged + spooled).toBe(60)
    expect(acknowledged).toBeGreaterThan(0)
    expect(log.ids.get(0)).toEqual(log.ids.get(0)!.toSorted((a, b) => a - b))
  })

  test('batches grow while they may, to a share of the bound, and no longer', async () => {
    const sizesOf = async (growing: boolean) => {
      const log = new FakeLog()
      let isGrown = growing
      const world = await makeWorld(log, 1, { isGrown: () => isGrown, bytesMax: 40_000 })
      await offer(world, trades(200))
      isGrown = false
      await offer(world, trades(40, 200))
      world.run()
      await expect.poll(() => world.publisher.counts.acknowledged).toBe(240)
      return world.events.flatMap((event) =>
        event.type === 'batch.published' ? [event.bytes] : []
      )
    }
    const normal = await sizesOf(false)
    const grown = await sizesOf(true)
    expect(Math.max(...normal)).toBeLessThan(1_500)
    expect(grown.length).toBeLessThan(normal.length / 3)
    expect(Math.max(...grown)).toBeGreaterThan(5_000)
    expect(Math.max(...grown)).toBeLessThan(10_500)
    expect(grown.at(-1)).toBeLessThan(1_500)
  })

  test('an append that never ends is given up after its deadline', async () => {
    const log = new FakeLog()
    log.answer = () => Effect.never
    const times = {
      lingerMs: 1,
      grownLingerMs: 20,
      appendMsMax: 5, refusedPauseMs: 1, handoverMsMax: 10, finishMsMax: 50
    }
    const world = await makeWorld(log, 1, { times })
    world.run()
    await offer(world, trades(3))
    await flushed(world)
    expect(world.breaker.state()).toBe('open')
    expect(world.breaker.actor.getSnapshot().context.lastFailure).toContain('in time')
    expect(world.publisher.counts).toMatchObject({ spooled: 3, inFlight: 0 })
    log.answer = () => Effect.void
    world.breaker.clock.increment(100)
    await expect.poll(() => log.ids.get(0)).toEqual([0, 1, 2])
  })

  test('a log that is full refuses, which opens the circuit only after some times', async () => {
    const log = new FakeLog()
    log.answer = () => full
    const world = await makeWorld(log, 1)
    world.run()
    await offer(world, trades(3))
    await expect.poll(() => world.breaker.state()).toBe('open')
    expect(log.appends).toBe(2)
    expect(world.events.filter(({ type }) => type === 'batch.refused')).toHaveLength(2)
    log.answer = () => Effect.void
    world.breaker.clock.increment(100)
    await expect.poll(() => log.ids.get(0)).toEqual([0, 1, 2])
  })

  test('a log that is not reachable at the start: all goes to the spool until it is', async () => {
    const log = new FakeLog()
    let served: FakeLog | undefined
    const world = await makeWorld(() => served, 2)
    world.run()
    for (let round = 0; round < 4; round++) {
      await offer(world, trades(5, 5 * round))
      await flushed(world)
    }
    await expect.poll(() => world.breaker.state()).toBe('open')
    expect(world.opened.spool.usage().records).toBe(20)
    served = log
    world.breaker.clock.increment(100)
    await expect.poll(() => world.publisher.counts.acknowledged).toBe(20)
    expect([...log.ids.values()].flat()).toEqual(idsOf(trades(20)))
    expectBalanced(world)
  })

  test('half-open, one batch is tried and no other', async () => {
    const log = new FakeLog()
    log.answer = () => unavailable
    const world = await makeWorld(log, 4)
    world.run()
    const symbols = ['BTCUSDT', 'ETHUSDT', 'DOGEUSDT', 'SOLUSDT', 'XRPUSDT']
    await offer(world, symbols.flatMap((symbol) => trades(3, 0, symbol)))
    await flushed(world)
    await expect.poll(() => world.breaker.state()).toBe('open')
    const { appends } = log
    const release = Deferred.makeUnsafe<void>()
    log.answer = () => Deferred.await(release)
    world.breaker.clock.increment(100)
    await expect.poll(() => log.appends).toBe(appends + 1)
    expect(world.breaker.state()).toBe('halfOpen.probing')
    await offer(world, symbols.flatMap((symbol) => trades(3, 3, symbol)))
    await flushed(world)
    expect(log.appends).toBe(appends + 1)
    Deferred.doneUnsafe(release, Effect.void)
    await expect.poll(() => world.publisher.counts.acknowledged).toBe(30)
    for (const symbol of symbols) {
      const ids = log.ids.get(partitionOf(symbol, 4))!
      expect(firstAppearances(ids)).toEqual([0, 1, 2, 3, 4, 5])
    }
  })
})

describe('when the spool has no room', () => {
  /** Of a lane that holds what `spoolBytes` and half of `bytesMax` have room for. */
  const crowded = async (spoolBytes: number, change = {}) => {
    const log = new FakeLog()
    log.answer = () => unavailable
    const directory = await temporaryDirectory()
    const world = await makeWorld(log, 4, {
      directory,
      bytesMax: 40_000,
      spoolOptions: { bytesMax: () => spoolBytes },
      ...change
    })
    world.run()
    await offer(world, [trade('BTCUSDT', 0)])
    await flushed(world)
    await expect.poll(() => world.breaker.state()).toBe('open')
    return { log, world, directory }
  }
  const refusedOf = async (world: World, symbol: string, count: number, from: number) => {
    let refused = 0
    for (const record of trades(count, from, symbol)) {
      const answer = await offer(world, [record])
      refused += answer.get(symbol) ?? 0
    }
    return refused
  }

  test('tiers 2 and 3 are refused first: a quarter is left to tier 1', async () => {
    const { world } = await crowded(100_000)
    expect(await refusedOf(world, 'DOGEUSDT', 1_000, 0)).toBeGreaterThan(0)
    expect(await refusedOf(world, 'SOLUSDT', 1, 0)).toBe(1)
    await flushed(world)
    const { bytes } = world.opened.spool.usage()
    expect(bytes).toBeLessThanOrEqual(75_000)
    expect(bytes).toBeGreaterThan(65_000)
    expect(await refusedOf(world, 'BTCUSDT', 50, 1)).toBe(0)
    await flushed(world)
    expect(await refusedOf(world, 'BTCUSDT', 1_000, 51)).toBeGreaterThan(0)
    await expect.poll(() => world.opened.spool.usage().bytes).toBeGreaterThan(80_000)
    expect(world.opened.spool.usage().bytes).toBeLessThanOrEqual(100_000)
    expectBalanced(world)
  })

  test('data types that may be dropped have half of it', async () => {
    const { world } = await crowded(100_000, { isSheddable: true })
    expect(await refusedOf(world, 'BTCUSDT', 1_000, 1)).toBeGreaterThan(0)
    await flushed(world)
    expect(world.opened.spool.usage().bytes).toBeLessThanOrEqual(50_000)
  })

  test('memory takes what it has room for, then records are refused; nobody waits', async () => {
    const { log, world } = await crowded(1_000)
    const refused = await refusedOf(world, 'BTCUSDT', 400, 1)
    expect(refused).toBeGreaterThan(100)
    expect(world.publisher.pendingBytes).toBeGreaterThan(10_000)
    expect(world.publisher.pendingBytes).toBeLessThanOrEqual(20_000)
    expect(world.publisher.refused).toBe(true)
    expectBalanced(world)
    // What was taken leaves, in order and without a hole at its start.
    log.answer = () => Effect.void
    world.breaker.clock.increment(100)
    await flushed(world)
    await expect.poll(() => world.publisher.counts.spooled).toBe(0)
    expect(world.publisher.refused).toBe(false)
    expect(log.ids.get(partitionOf('BTCUSDT', 4))).toEqual(idsOf(trades(401 - refused)))
    expect(world.publisher.counts).toMatchObject({ accepted: 401 - refused, refused })
    expectBalanced(world)
  })

  test('what is refused is counted by reason, and claimed by id range', async () => {
    const { log, world } = await crowded(1_000)
    const refused = await refusedOf(world, 'BTCUSDT', 400, 1)
    const counted = world.events.flatMap((event) =>
      event.type === 'records.refused' ? [event] : []
    )
    expect(counted.every(({ reason }) => reason === 'spool_full')).toBe(true)
    expect(counted.reduce((sum, { records }) => sum + records, 0)).toBe(refused)
    log.answer = () => Effect.void
    world.breaker.clock.increment(100)
    await flushed(world)
    await expect.poll(() => world.publisher.counts.spooled).toBe(0)
    expect(await refusedOf(world, 'BTCUSDT', 1, 401)).toBe(0)
    const claims = world.publisher.takeClaims()
    expect(claims).toMatchObject([
      { symbol: 'BTCUSDT', reason: 'spool_full', fromId: 401 - refused, toId: 400, count: refused }
    ])
    expect(world.publisher.takeClaims()).toEqual([])
  })

  test('of a spool that has failed the room is none: memory keeps its bound', async () => {
    const { world, directory } = await crowded(1_000_000)
    await world.opened.close()
    const refused = await refusedOf(world, 'BTCUSDT', 1_000, 1)
    expect(refused).toBeGreaterThan(500)
    expect(world.publisher.pendingBytes).toBeLessThanOrEqual(40_000)
    expectBalanced(world)
    // Opened anew, it takes what waits, and what comes.
    const again = await openTestSpool(directory, { topics: new Map([[topic, 4]]) })
    onTestFinished(() => again.close())
    world.publisher.useSpool(again.spool)
    await flushed(world)
    expect(await refusedOf(world, 'BTCUSDT', 100, 1_001)).toBe(0)
    await flushed(world)
    expect(again.spool.usage().records).toBe(1_101 - refused)
    expectBalanced(world)
  })

  test('a single record that is offered again and again is refused each time', async () => {
    const { world } = await crowded(1_000)
    await refusedOf(world, 'DOGEUSDT', 400, 1)
    for (let round = 0; round < 3; round++) {
      expect([...(await offer(world, [trade('DOGEUSDT', 500)]))]).toEqual([['DOGEUSDT', 1]])
    }
  })
})

describe('while there is a reason to append nothing', () => {
  test('batches wait in memory, and neither log nor spool is asked', async () => {
    const log = new FakeLog()
    let asked = 0
    const world = await makeWorld(log, 1, {
      refusal: () => (asked++ < 3 ? 'the disk is full' : undefined)
    })
    const { ended } = world.run()
    await offer(world, trades(1))
    await flushed(world)
    await finish(world, ended)
    expect(log.appends).toBe(1)
    expect(log.ids.get(0)).toEqual([0])
    expect(world.publisher.counts.spooledTotal).toBe(0)
    expect(world.events.filter(({ type }) => type === 'batch.refused')).toHaveLength(3)
  })

  test('who offers more than there is room for does not wait', async () => {
    const log = new FakeLog()
    let refusal: string | undefined = 'full'
    const world = await makeWorld(log, 1, { bytesMax: 1_000, refusal: () => refusal })
    const { ended } = world.run()
    // More than there is room for: it would wait for ever.
    await offer(world, trades(100))
    expect(world.publisher.refused).toBe(true)
    refusal = undefined
    await flushed(world)
    await finish(world, ended)
    expect(world.publisher.refused).toBe(false)
    expect(log.ids.get(0)).toEqual(idsOf(trades(100)))
  })
})

describe('the end, and the start after it', () => {
  test('finish with an open circuit leaves everything in the spool', async () => {
    const log = new FakeLog()
    log.answer = () => unavailable
    const directory = await temporaryDirectory()
    const world = await makeWorld(log, 2, { directory })
    const { ended } = world.run()
    await offer(world, [...trades(50), ...trades(50, 0, 'DOGEUSDT')])
    await finish(world, ended)
    expect(world.publisher.counts).toMatchObject({ spooled: 100, inFlight: 0 })
    await world.opened.close()

    const next = await makeWorld(log, 2, { directory })
    expect(next.publisher.counts).toMatchObject({ accepted: 0, recovered: 100, spooled: 100 })
    log.answer = () => Effect.void
    next.run()
    // Newer ones go behind those of the run before.
    await offer(next, trades(10, 50))
    await expect.poll(() => next.publisher.counts.acknowledged).toBe(110)
    const ids = log.ids.get(partitionOf('BTCUSDT', 2))!
    if (partitionOf('BTCUSDT', 2) !== partitionOf('DOGEUSDT', 2)) {
      expect(ids).toEqual(idsOf(trades(60)))
    } else {
      expect(firstAppearances(ids)).toEqual(idsOf(trades(60)))
    }
    expectBalanced(next)
  })

  test('finish while the log does not answer ends in time', async () => {
    const log = new FakeLog()
    log.answer = () => Effect.never
    const world = await makeWorld(log, 1)
    const { ended } = world.run()
    await offer(world, trades(10))
    await expect.poll(() => log.appends).toBe(1)
    await finish(world, ended)
    expect(world.publisher.counts).toMatchObject({ spooled: 10, inFlight: 0 })
  })

  test('stopped in the midst, what memory has is put into the spool', async () => {
    const log = new FakeLog()
    log.answer = () => Effect.never
    const world = await makeWorld(log, 1)
    const { stop } = world.run()
    await offer(world, trades(100))
    await expect.poll(() => log.appends).toBe(1)
    await stop()
    expect(await Effect.runPromise(world.publisher.rescue)).toBe(0)
    expect(world.publisher.counts).toMatchObject({ spooled: 100, inFlight: 0 })
    expectBalanced(world)
  })

  test('what the spool has no room for is told as lost', async () => {
    const log = new FakeLog()
    log.answer = () => Effect.never
    const world = await makeWorld(log, 1, { spoolOptions: { bytesMax: () => 0 } })
    const { stop } = world.run()
    await offer(world, trades(100))
    await expect.poll(() => log.appends).toBe(1)
    const { pendingBytes } = world.publisher
    await stop()
    expect(await Effect.runPromise(world.publisher.rescue)).toBe(pendingBytes)
    await flushed(world)
    world.publisher.abandon()
    expect(world.publisher.counts).toMatchObject({ accepted: 100, inFlight: 0, abandoned: 100 })
    expectBalanced(world)
  })

  test('a spool that is opened anew goes first again, and the sums still agree', async () => {
    const log = new FakeLog()
    log.answer = () => unavailable
    const directory = await temporaryDirectory()
    const world = await makeWorld(log, 1, { directory })
    world.run()
    await offer(world, trades(20))
    await flushed(world)
    await expect.poll(() => world.breaker.state()).toBe('open')
    await world.opened.close()
    // The spool is away: what comes now stays in memory.
    await offer(world, trades(5, 20))
    await expect.poll(() => world.publisher.refused).toBe(true)
    const again = await openTestSpool(directory, { topics: new Map([[topic, 1]]) })
    world.publisher.useSpool(again.spool)
    await flushed(world)
    expect(again.spool.usage().records).toBe(25)
    log.answer = () => Effect.void
    world.breaker.clock.increment(100)
    await expect.poll(() => again.spool.usage().records).toBe(0)
    // What was just being read from the old one is sent twice, and counted so.
    expect(firstAppearances(log.ids.get(0)!)).toEqual(idsOf(trades(25)))
    expectBalanced(world)
    await again.close()
  })
})
