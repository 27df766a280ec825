import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { KnownGaps } from '../../../src/actors/gaps/known-gaps.ts'
import { OpenHoles } from '../../../src/actors/repair/open-holes.ts'
import { valueAt } from '../../../src/adapters/iceberg/k2-summary.ts'
import { readRecordedState, type Table } from '../../../src/adapters/iceberg/table.ts'
import { partitionOf } from '../../../src/adapters/log/partitioner.ts'
import { land, landedTable, landedTopic } from '../../support/landed-folder.ts'
import type { OpenReason } from '../../../src/market/gap-events.ts'
import { trade } from '../../support/trades.ts'

const partitions = 2
const of = (symbol: string, ...ids: readonly number[]) => ids.map((id) => trade(symbol, id))
const gone = (symbol: string, fromId: number, toId: number) =>
  expect.objectContaining({ symbol, epoch: 0, fromId, toId, endedUs: null })

interface World {
  readonly root: string
  readonly holes: OpenHoles<never>
  readonly look: () => Promise<Awaited<ReturnType<typeof lookAt>>>
  table: Table
  gaps: KnownGaps
  nowMs: number
  ends: readonly number[]
  publisher: { counts: { spooled: number }; refused: boolean; pendingAgeMs: number } | undefined
}

const lookAt = (holes: OpenHoles<never>) => Effect.runPromise(holes.look)

let world: World
beforeEach(async () => {
  const root = mkdtempSync(join(tmpdir(), 'k2-holes-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  await land(root, [...of('BTCUSDT', 1, 2, 6, 7, 9), ...of('DOGEUSDT', 1, 2, 3)], { partitions })
  const table = await landedTable(root)
  const { offsets } = await Effect.runPromise(readRecordedState(table))
  const identity = Object.keys(offsets)[0]!
  const endOf = (partition: number) =>
    valueAt(offsets, { logIdentity: identity, topic: landedTopic, partition }) ?? 0
  const holes = new OpenHoles<never>({
    exchange: 'BINANCE',
    topic: landedTopic,
    jumpMax: 1_000,
    table: Effect.sync(() => world.table),
    gaps: Effect.sync(() => world.gaps),
    log: () => ({
      topics: new Map([[landedTopic, partitions]]),
      identityOf: () => identity,
      bounds: (_topic, partition) =>
        Effect.succeed({ startOffset: 0, durableEnd: world.ends[partition]! })
    }),
    publisher: () => world.publisher,
    nowMs: () => world.nowMs
  })
  world = {
    root, table, gaps: new Map(), holes, nowMs: 1_000_000,
    look: () => lookAt(holes),
    ends: [endOf(0), endOf(1)],
    publisher: { counts: { spooled: 0 }, refused: false, pendingAgeMs: 0 }
  }
})

const claim = {
  exchange: 'BINANCE', symbol: 'DOGEUSDT', reason: 'restart', fromId: 4, toId: 40, count: 37,
  sinceUs: 5, untilUs: 6
} as const

describe('what is missing', () => {
  test('is what the states have as holes', async () => {
    const seen = await world.look()
    expect(seen!.holes).toEqual([gone('BTCUSDT', 3, 5), gone('BTCUSDT', 8, 8)])
  })

  test('and what is claimed behind the newest trade, if it would land', async () => {
    world.holes.note(claim)
    world.holes.note({ ...claim, symbol: 'BNBUSDT', fromId: 50, toId: 60 })
    world.holes.note({ ...claim, symbol: 'BTCUSDT', fromId: 900, toId: 1_000_000_000 })
    world.holes.note({ ...claim, symbol: 'BTCUSDT', fromId: 1_000_000, toId: 1_000_000_000 })
    const { holes } = (await world.look())!
    expect(holes).toHaveLength(5)
    expect(holes).toEqual(
      expect.arrayContaining([
        gone('DOGEUSDT', 4, 40),
        gone('BNBUSDT', 50, 60),
        // No further than a jump that is believed.
        gone('BTCUSDT', 900, 1_009)
      ])
    )
    await land(world.root, of('DOGEUSDT', 4, 5), { partitions })
    expect((await world.look())!.holes).toContainEqual(gone('DOGEUSDT', 6, 40))
    await land(world.root, of('DOGEUSDT', 41), { partitions })
    const later = (await world.look())!.holes.filter(({ symbol }) => symbol === 'DOGEUSDT')
    // From here on it is the state that says so.
    expect(later).toMatchObject([{ fromId: 6, toId: 40, reason: null }])
  })

  test('and what is claimed before the first trade, until that has landed', async () => {
    world.holes.note({ ...claim, symbol: 'BTCUSDT', reason: 'shed', fromId: -1, toId: 0 })
    expect((await world.look())!.holes).toEqual([
      gone('BTCUSDT', -1, 0), gone('BTCUSDT', 3, 5), gone('BTCUSDT', 8, 8)
    ])
    await land(world.root, of('BTCUSDT', 0), { partitions })
    expect((await world.look())!.holes[0]).toEqual(gone('BTCUSDT', -1, -1))
  })

  test('and what an earlier process has claimed, as the ledger has it open', async () => {
    const piece = (from: number, to: number, reason: OpenReason, epoch = 0) =>
      ({ from, to, reason, epoch, attempts: 0, afterUs: null, beforeUs: null, openedUs: 5 })
    world.gaps = new Map([
      ['BINANCE:DOGEUSDT', [piece(0, 0, 'shed'), piece(7, 9, 'restart'), piece(11, 12, 'unknown')]],
      ['BINANCE:ETHUSDT', [piece(70, 79, 'paused')]],
      // Of ids that the venue has left.
      ['BINANCE:BTCUSDT', [piece(20, 29, 'shed', 4)]],
      ['SIMULATED:BNBUSDT', [piece(1, 9, 'shed')]]
    ])
    const { holes } = (await world.look())!
    expect(holes).toHaveLength(5)
    expect(holes).toEqual(
      expect.arrayContaining([
        gone('DOGEUSDT', 0, 0), gone('DOGEUSDT', 7, 9), gone('ETHUSDT', 70, 79)
      ])
    )
  })

  test('changes with the table', async () => {
    await land(world.root, of('BTCUSDT', 4, 8), { partitions })
    const seen = await world.look()
    expect(seen!.holes).toEqual([gone('BTCUSDT', 3, 3), gone('BTCUSDT', 5, 5)])
  })

  test('an older epoch has ended, with its newest time', async () => {
    const again = [1, 2, 3, 5].map((id) =>
      trade('BTCUSDT', id, { timestamp: 1_800_000_000_000_000 + id })
    )
    await land(world.root, again, { partitions })
    const { holes } = (await world.look())!
    expect(holes.map(({ epoch, fromId, endedUs }) => [epoch, fromId, endedUs])).toEqual([
      [0, 3, 1_700_000_000_000_009],
      [0, 8, 1_700_000_000_000_009],
      [1, 4, null]
    ])
  })
})

describe('how far what was accepted has landed', () => {
  const landed = async () => (await world.look())!.landedMs['BTCUSDT']

  test('to where the log ended when it was looked before', async () => {
    expect(await landed()).toBeUndefined()
    world.nowMs = 2_000_000
    expect(await landed()).toBe(1_000_000)
    world.nowMs = 3_000_000
    expect(await landed()).toBe(2_000_000)
  })

  test('not while the log has more than the table', async () => {
    const { ends } = world
    const partition = partitionOf('BTCUSDT', partitions)
    world.ends = ends.map((end, index) => (index === partition ? end + 1 : end))
    await landed()
    world.nowMs = 2_000_000
    expect(await landed()).toBeUndefined()
    await land(world.root, of('BTCUSDT', 10), { partitions })
    world.nowMs = 3_000_000
    expect(await landed()).toBe(1_000_000)
  })

  test('what waits in memory has not', async () => {
    world.publisher!.pendingAgeMs = 700
    await landed()
    world.nowMs = 2_000_000
    expect(await landed()).toBe(1_000_000 - 700)
  })

  test('nothing is told while records wait in the spool, or nobody takes them', async () => {
    world.publisher!.counts.spooled = 1
    expect(await world.look()).toBeNull()
    world.publisher = { counts: { spooled: 0 }, refused: true, pendingAgeMs: 0 }
    expect(await world.look()).toBeNull()
    world.publisher = undefined
    expect(await world.look()).toBeNull()
  })
})
