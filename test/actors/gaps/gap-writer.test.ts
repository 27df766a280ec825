import { randomUUID } from 'node:crypto'
import * as Effect from 'effect/Effect'
import * as Fiber from 'effect/Fiber'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { gapsTable } from '../../../src/actors/data-types.ts'
import { compactTable } from '../../../src/actors/repair/open-compaction.ts'
import { dataFolderAt } from '../../../src/actors/storage/data-folder.ts'
import type { GapClaim } from '../../../src/market/gap-claim.ts'
import { gapEventsOf } from '../../support/gap-table.ts'
import { land } from '../../support/landed-folder.ts'
import { trade } from '../../support/trades.ts'
import { dataFiles, openTable, summaryOf } from '../../support/warehouse.ts'
import {
  ClaimsLog,
  claimsTopic,
  gapsIn,
  newRoot,
  openIdsIn,
  runWriter
} from './gap-world.ts'

const trades = (symbol: string, ...ids: readonly number[]) => ids.map((id) => trade(symbol, id))

const claim = (symbol: string, [fromId, toId]: readonly [number, number], more = {}): GapClaim => ({
  exchange: 'BINANCE',
  symbol,
  reason: 'shed',
  fromId,
  toId,
  count: toId - fromId + 1,
  sinceUs: 1_700_000_000_000_000 + fromId,
  untilUs: 1_700_000_000_000_000 + toId,
  ...more
})

const justNow = () => ({ sinceUs: Date.now() * 1_000, untilUs: Date.now() * 1_000 })

const summary = (root: string) => summaryOf(openTable(root, 'gaps')!)

test('holes of the table become rows, and what lands closes them', async () => {
  const root = newRoot()
  const log = new ClaimsLog()
  await land(root, [...trades('BTCUSDT', 1, 2, 6, 7, 8, 9), ...trades('ETHUSDT', 1, 2, 3)])
  log.claim(claim('BTCUSDT', [3, 5]))
  await runWriter(root, { log })
  expect(await openIdsIn(root)).toEqual([['BTCUSDT', 3, 5, 'shed']])
  const snapshot = String(openTable(root)!.metadata['current-snapshot-id'])
  const { 'k2.covers': covers, 'k2.offsets': offsets } = summary(root)
  // As a double, the id has its first digits only.
  expect(covers).toContain(`"market.trades":"${snapshot.slice(0, 12)}`)
  expect(JSON.parse(offsets!)).toEqual({ 'claims-1': { [claimsTopic]: { 0: 1 } } })
  await land(root, trades('BTCUSDT', 4, 10))
  await runWriter(root, { log })
  await land(root, trades('BTCUSDT', 3, 5))
  await runWriter(root, { log })
  expect(await openIdsIn(root)).toEqual([])
  const events = await gapEventsOf(root)
  expect(events.map(({ event, fromId, toId }) => [event, fromId, toId])).toEqual([
    ['opened', 3, 5],
    ['narrowed', 4, 4],
    ['closed', 3, 3],
    ['closed', 5, 5]
  ])
  expect((await gapEventsOf(root))[0]).toMatchObject({
    afterUs: 1_700_000_000_000_002,
    beforeUs: 1_700_000_000_000_006,
    source: 'state'
  })
})

test('without news nothing is committed', async () => {
  const root = newRoot()
  const log = new ClaimsLog()
  await land(root, trades('BTCUSDT', 1, 2, 3))
  await runWriter(root, { log })
  expect(openTable(root, 'gaps')!.metadata.snapshots).toEqual([])
  await land(root, trades('BTCUSDT', 6, 7, 8))
  await runWriter(root, { log })
  await runWriter(root, { log })
  expect(openTable(root, 'gaps')!.metadata.snapshots).toHaveLength(1)
})

test('a claim of nothing missing moves the offset, and is known while it may matter', async () => {
  const root = newRoot()
  const log = new ClaimsLog()
  await land(root, trades('BTCUSDT', 1, 2))
  log.claim(claim('BTCUSDT', [3, 5], justNow()))
  await runWriter(root, { log })
  expect(await gapEventsOf(root)).toEqual([])
  const offsets = { 'claims-1': { [claimsTopic]: { 0: 1 } } }
  expect(JSON.parse(summary(root)['k2.offsets']!)).toEqual(offsets)
  await land(root, trades('BTCUSDT', 6, 7, 8, 9))
  await runWriter(root, { log })
  expect(await openIdsIn(root)).toEqual([['BTCUSDT', 3, 5, 'shed']])
})

test('ids that nothing reveals are opened once the claim is old enough (R3)', async () => {
  const root = newRoot()
  const log = new ClaimsLog()
  await land(root, trades('DOGEUSDT', 99, 100))
  log.claim(claim('DOGEUSDT', [101, 140], { reason: 'restart', ...justNow() }))
  await runWriter(root, { log })
  expect(await openIdsIn(root)).toEqual([])
  await runWriter(root, { log, quietUs: 0 })
  expect(await openIdsIn(root)).toEqual([['DOGEUSDT', 101, 140, 'restart']])
})

test('a claim that does not decode costs itself only', async () => {
  const root = newRoot()
  const log = new ClaimsLog()
  await land(root, trades('BTCUSDT', 1, 5, 6, 7, 8))
  log.append('BTCUSDT', Buffer.from('no claim'))
  log.claim(claim('BTCUSDT', [2, 4]))
  const { letters, events } = await runWriter(root, { log })
  expect(await openIdsIn(root)).toEqual([['BTCUSDT', 2, 4, 'shed']])
  expect(letters).toMatchObject([{ reason: 'undecodable', position: { offset: 0 } }])
  expect(events).toContainEqual({ type: 'claims.undecodable', count: 1 })
})

describe('the log of the claims', () => {
  test('that has lost some is read behind them, and another one from its start', async () => {
    const root = newRoot()
    const log = new ClaimsLog()
    await land(root, trades('BTCUSDT', 1, 5, 6, 7, 8))
    log.claim(claim('BTCUSDT', [2, 2]))
    await runWriter(root, { log })
    log.startOffset = 7
    log.batches.length = 0
    log.claim(claim('BTCUSDT', [3, 3]))
    const { events } = await runWriter(root, { log })
    expect(events.map(({ type }) => type)).toContain('claims.lost')
    const other = new ClaimsLog('claims-2')
    other.claim(claim('BTCUSDT', [4, 4]))
    await runWriter(root, { log: other })
    expect(await openIdsIn(root)).toEqual([
      ['BTCUSDT', 2, 2, 'shed'],
      ['BTCUSDT', 3, 3, 'shed'],
      ['BTCUSDT', 4, 4, 'shed']
    ])
    expect(JSON.parse(summary(root)['k2.offsets']!)).toEqual({
      'claims-1': { [claimsTopic]: { 0: 8 } },
      'claims-2': { [claimsTopic]: { 0: 1 } }
    })
  })

  test('whoever has not its partition writes nothing, until it is given it', async () => {
    const root = newRoot()
    const log = new ClaimsLog()
    await land(root, trades('BTCUSDT', 1, 5, 6, 7, 8))
    log.partitions = []
    await runWriter(root, { log })
    expect(await gapEventsOf(root)).toEqual([])
    const running = Effect.runFork(
      Effect.promise(() => runWriter(root, { log, isFinishing: false }).catch(() => undefined))
    )
    log.assign([0])
    await expect.poll(async () => (await gapEventsOf(root)).length, { timeout: 20_000 }).toBe(1)
    await Effect.runPromise(Fiber.interrupt(running))
  })
})

test('of two writers one is fenced, reads anew, and nothing is told twice (R19)', async () => {
  const root = newRoot()
  const log = new ClaimsLog()
  await land(root, trades('BTCUSDT', 1, 5, 6, 7, 8))
  const other = new ClaimsLog('claims-2')
  other.claim(claim('BTCUSDT', [2, 3]))
  log.claim(claim('BTCUSDT', [4, 4]))
  const runs = await Promise.all([runWriter(root, { log }), runWriter(root, { log: other })])
  expect(await openIdsIn(root)).toEqual([
    ['BTCUSDT', 2, 3, 'shed'],
    ['BTCUSDT', 4, 4, 'shed']
  ])
  const numbers = (await gapEventsOf(root)).map(({ number }) => number)
  expect(numbers).toEqual(numbers.map((_, index) => index))
  const commits = runs.flatMap(({ events }) =>
    events.filter(({ type }) => type === 'ledger.committed')
  )
  expect(commits.length).toBeGreaterThan(1)
})

test('killed at every durable step, and away meanwhile, the ledger is the same', async () => {
  const batches = [
    [...trades('BTCUSDT', 1, 2, 6, 7, 8), ...trades('ETHUSDT', 10, 14, 15, 16)],
    [...trades('BTCUSDT', 4, 9), ...trades('ETHUSDT', 11, 12, 13, 17)],
    [...trades('BTCUSDT', 3, 20, 21, 22, 23)]
  ]
  const claims = [
    [claim('BTCUSDT', [3, 5]), claim('ETHUSDT', [11, 12], { reason: 'disconnect' })],
    [claim('BTCUSDT', [10, 19], { reason: 'restart' })],
    [claim('BTCUSDT', [15, 16])]
  ]
  const play = async (stepsMax: number) => {
    const [root, log] = [newRoot(), new ClaimsLog()]
    let [lives, steps, deaths] = [0, 0, 0]
    for (const [index, batch] of batches.entries()) {
      log.claim(...claims[index]!)
      await land(root, batch)
      for (;;) {
        const run = await runWriter(root, { log, stepsMax: lives === 1 ? stepsMax : Infinity })
        lives++
        steps = Math.max(steps, run.steps)
        if (!run.isDead) break
        deaths++
        // Nobody was there while the table went on.
        if (deaths === 1 && index + 1 < batches.length) break
      }
    }
    const events = await gapEventsOf(root)
    expect(events.map(({ number }) => number)).toEqual(events.map((_, at) => at))
    return { gaps: await gapsIn(root), open: await openIdsIn(root), steps, deaths }
  }
  const whole = await play(Number.POSITIVE_INFINITY)
  expect(whole.open).toEqual([
    ['BTCUSDT', 10, 14, 'restart'],
    ['BTCUSDT', 15, 16, 'shed'],
    ['BTCUSDT', 17, 19, 'restart'],
    ['BTCUSDT', 5, 5, 'shed']
  ])
  expect(whole.steps).toBeGreaterThan(4)
  const ids = ({ gaps }: Awaited<ReturnType<typeof play>>) =>
    gaps
      .flatMap(({ symbol, fromId, toId, state, reason, closedReason }) =>
        Array.from({ length: toId! - fromId! + 1 }, (_, at) =>
          [symbol, fromId! + at, state, reason, closedReason].join()
        )
      )
      .toSorted()
  for (let stepsMax = 0; stepsMax < whole.steps; stepsMax++) {
    const interrupted = await play(stepsMax)
    expect(interrupted.deaths, `after ${stepsMax} steps`).toBeGreaterThan(0)
    expect(interrupted.open).toEqual(whole.open)
    expect(ids(interrupted)).toEqual(ids(whole))
  }
}, 120_000)

test('its files are merged as those of other tables are, and say the same', async () => {
  const [root, log] = [newRoot(), new ClaimsLog()]
  const hourMs = 3_600_000
  // Old enough to be merged into one group per hour.
  const startMs = Math.floor(Date.now() / hourMs) * hourMs - 10 * hourMs
  const now = { nowMs: startMs }
  vi.spyOn(Date, 'now').mockImplementation(() => now.nowMs)
  onTestFinished(() => void vi.restoreAllMocks())
  for (let at = 0; at < 6; at++) {
    now.nowMs = startMs + at * 60_000
    await land(root, trades('BTCUSDT', 10 * at + 1, 10 * at + 5, 10 * at + 6, 10 * at + 9))
    await runWriter(root, { log })
  }
  now.nowMs = startMs + 10 * hourMs
  await land(root, trades('BTCUSDT', 100, 101, 104, 105, 106))
  await runWriter(root, { log })
  const before = await gapEventsOf(root)
  const files = async () => (await dataFiles(openTable(root, 'gaps')!)).length
  const filesBefore = await files()
  const setup = {
    folder: dataFolderAt(root),
    storage: {},
    snapshotsMax: 100,
    nowMs: () => now.nowMs,
    uuid: randomUUID,
    observe: () => undefined,
    onRemoved: () => undefined,
    duckdbBytesMax: 128 * 2 ** 20,
    copiesBytesMax: 64 * 2 ** 20,
    groupsMax: 8
  }
  await Effect.runPromise(Effect.scoped(compactTable(gapsTable, setup)))
  expect(filesBefore).toBeGreaterThan(4)
  expect(await files()).toBe(2)
  expect(await gapEventsOf(root)).toEqual(before)
  await land(root, trades('BTCUSDT', 2, 107))
  await runWriter(root, { log })
  expect((await gapEventsOf(root)).slice(0, before.length)).toEqual(before)
})
