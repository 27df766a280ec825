import * as Effect from 'effect/Effect'
import { expect, test } from 'vitest'
import { messageId } from '../../../src/market/instrument.ts'
import type { TradeV2 } from '../../../src/market/records/trade-v2.ts'
import { gapEventsOf } from '../../support/gap-table.ts'
import { k2 } from '../../support/k2-command.ts'
import { trade } from '../../support/trades.ts'
import { cleanUp, newFolder, startTree, type Tree } from '../support/runtime.ts'

cleanUp()

const start = (folder: string) =>
  startTree(folder, { K2_REFERENCE_INTERVAL: 'off', K2_GAP_GRACE: '0s', K2_DATA_TYPES: 'trades' })

const isReady = (tree: Tree) =>
  tree.until(
    'readiness',
    async () => tree.shared.http.current !== undefined && (await tree.health()).status === 200
  )

const nowUs = () => Date.now() * 1_000

/** A trade of a symbol that the exchange does not have. */
const made = (id: number, change: Partial<TradeV2> = {}): TradeV2 =>
  trade('MADEUSDT', id, {
    exchange: 'SIMULATED',
    message_id: messageId('SIMULATED', 'MADEUSDT', id),
    timestamp: nowUs(),
    ...change
  })

/** As a feed does. */
const publish = ({ shared }: Tree, ...trades: readonly TradeV2[]) =>
  Effect.runPromise(
    Effect.flatMap(shared.trades.publisher.get, (publisher) => {
      const account = shared.intake.trades
      for (const { symbol, source_sequence: id } of trades) account.noteReceived(symbol, id!)
      const counts = new Map([['MADEUSDT', trades.length]])
      return publisher.offer(trades, (refused) => account.settleTaken(counts, refused))
    })
  )

interface Answer {
  readonly data: readonly Readonly<Record<string, unknown>>[]
  readonly meta: Readonly<Record<string, unknown>>
}

const gapsOf = async (tree: Tree, symbol: string, state = 'open') => {
  const url = `${tree.shared.http.current!.url}/v1/gaps?symbol=${symbol}&state=${state}`
  const { data } = (await (await fetch(url)).json()) as Answer
  return data.map((gap) => [gap['from_id'], gap['to_id'], gap['reason'], gap['closed_reason']])
}

const has = (tree: Tree, symbol: string, wanted: readonly unknown[], state = 'open') =>
  tree.until(
    `the gaps of ${symbol}`,
    async () => JSON.stringify(await gapsOf(tree, symbol, state)) === JSON.stringify(wanted)
  )

test('a claim goes through the log into the ledger, and what lands closes the gap', async () => {
  const folder = newFolder()
  const tree = start(folder)
  await isReady(tree)
  await publish(tree, made(1), made(2))
  tree.shared.claims.note({
    exchange: 'SIMULATED',
    symbol: 'MADEUSDT',
    reason: 'restart',
    fromId: 3,
    toId: 5,
    count: 3,
    sinceUs: nowUs(),
    untilUs: nowUs()
  })
  // No trade reveals it (R3).
  await has(tree, 'MADEUSDT', [[3, 5, 'restart', null]])
  expect(await tree.metric('k2_gaps_open_trades')).toBeGreaterThanOrEqual(3)
  expect(tree.actor('root/landing/gaps').counters).toMatchObject({ openHoles: 1, openTrades: 3 })
  await publish(tree, made(3), made(4), made(5))
  await has(tree, 'MADEUSDT', [])
  await has(tree, 'MADEUSDT', [[3, 5, 'restart', 'landed']], 'closed')
  expect(await tree.metric('k2_gaps_open_trades')).toBe(0)
  await tree.drain()
  expect(tree.shared.drained.isLanded).toBe(true)
  const verdict = await k2('doctor', '--table', 'market.gaps', '--data-dir', folder)
  expect(verdict.code, verdict.printed).toBe(0)
})

test('a record that cannot land explains its own hole (R29)', async () => {
  const tree = start(newFolder())
  await tree.until('the API', () => tree.shared.http.current !== undefined)
  const worthless = made(2, { price: 0n })
  await publish(tree, made(1), worthless, made(3), made(4))
  await has(tree, 'MADEUSDT', [[2, 2, 'rejected', null]])
  // Tried again twice, it is given up.
  await publish(tree, made(2, { price: 0n }))
  const letters = () => tree.metric('k2_dead_letters_total')
  await tree.until('the second letter', async () => (await letters()) >= 2)
  await publish(tree, made(2, { price: 0n }))
  await has(tree, 'MADEUSDT', [[2, 2, 'rejected', 'rejected']], 'closed')
  await has(tree, 'MADEUSDT', [])
})

test('what was claimed at the end is in the log, and explains the next life', async () => {
  const folder = newFolder()
  const tree = start(folder)
  await isReady(tree)
  tree.root.send({ type: 'stop.requested' })
  tree.shared.claims.note({
    exchange: 'SIMULATED',
    symbol: 'MADEUSDT',
    reason: 'shed',
    fromId: 7,
    toId: 9,
    count: 3,
    sinceUs: nowUs(),
    untilUs: nowUs()
  })
  await tree.drain()
  expect(tree.shared.drained).toMatchObject({ isLanded: true, unpublishedBytes: 0 })
  const next = start(folder)
  await next.until('the API', () => next.shared.http.current !== undefined)
  await has(next, 'MADEUSDT', [[7, 9, 'shed', null]])
  // A writer that crashes goes on from its table.
  const before = (await gapEventsOf(folder)).length
  next.crash('root/landing/gaps')
  await publish(next, made(7), made(8), made(9))
  await has(next, 'MADEUSDT', [])
  await next.drain()
  const events = await gapEventsOf(folder)
  expect(events.length).toBeGreaterThan(before)
  expect(events.map(({ number }) => number)).toEqual(events.map((_, index) => index))
})
