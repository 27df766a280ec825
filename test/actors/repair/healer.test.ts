/** The healer in the real tree: levels, claims that nothing else reveals, conservation. */
import { expect, test, vi } from 'vitest'
import { policyOf } from '../../../src/machines/ingest-policy.ts'
import {
  cleanUp,
  holdings,
  holesOf,
  muteManager,
  newFolder,
  startTree,
  type Tree
} from '../support/runtime.ts'

cleanUp()
// Machines that run other tests at the same time start slowly.
vi.setConfig({ testTimeout: 300_000 })

const busy = {
  K2_SIMULATOR_RATE: '1000',
  K2_DATA_TYPES: 'trades',
  K2_REFERENCE_INTERVAL: 'off',
  K2_GAP_GRACE: '200ms'
} as const
const topic = 'market.crypto.trades.simulated'

const landed = (tree: Tree, rows: number) =>
  tree.until(`${rows} rows`, async () => (await tree.metric('k2_landed_records', topic)) >= rows)

const faults = async ({ shared }: Tree, body: object) => {
  const response = await fetch(`${shared.simulator.current!.restUrl}/control/faults`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body)
  })
  expect(response.status).toBe(200)
}

const missing = async (tree: Tree) =>
  (await tree.metric('k2_sequence_gap_ids', topic)) -
  (await tree.metric('k2_out_of_order_messages_total', topic))

/** (R16), in one turn. */
const expectBalanced = ({ shared }: Tree) => {
  const { accepted, healed, recovered, acknowledged, spooled, inFlight } =
    shared.trades.publisher.current!.counts
  expect(accepted + healed + recovered).toBe(acknowledged + spooled + inFlight)
  return healed
}

test('what was left out comes back when the level allows it, all accounted for', async () => {
  const tree = startTree(newFolder(), busy)
  await landed(tree, 500)
  await muteManager(tree)
  tree.shared.policy.set(policyOf('graceful'))
  await faults(tree, { duplicate: 0.01, skip: 0.05 })
  await tree.until('holes', async () => (await missing(tree)) > 100)
  expect(tree.actor('root/repair/healer').state).toContain('paused')
  await faults(tree, { heal: true })
  await landed(tree, 5_000)
  expect(await tree.metric('k2_heal_requests_total')).toBe(0)
  tree.shared.policy.set(policyOf('soft'))
  await tree.until('healing', async () => (await tree.metric('k2_healed_trades_total')) > 0)
  tree.shared.policy.set(policyOf('normal'))
  await tree.until('no holes', async () => {
    expectBalanced(tree)
    return (await missing(tree)) === 0
  })
  expect(expectBalanced(tree)).toBe(await tree.metric('k2_healed_trades_total'))
  expect(await tree.metric('k2_heal_request_duration_seconds_count')).toBeGreaterThan(0)
  expect(await tree.metric('k2_heal_written_off_trades_total')).toBe(0)
  await tree.drain()
  expect(tree.kernel.registry.snapshot()).toEqual([])
  const { rows, distinctRows, landed: ids } = await holdings(tree.folder)
  expect(rows).toBe(distinctRows)
  expect(holesOf(ids)).toBe(0)
})

test('a symbol that fell silent is healed to where somebody has claimed it', async () => {
  const tree = startTree(newFolder(), { ...busy, K2_BINANCE_STALE_AFTER: '1h' })
  await landed(tree, 500)
  await faults(tree, { stall: true })
  await tree.until('silence', async () => {
    const { durableEnd } = tree.shared.log.current!.watermarks().reduce(
      (sum, { durableEnd: end }) => ({ durableEnd: sum.durableEnd + end }),
      { durableEnd: 0 }
    )
    return (await tree.metric('k2_landed_records', topic)) === durableEnd
  })
  const { restUrl } = tree.shared.simulator.current!
  const answer = await fetch(`${restUrl}/api/v3/ticker/24hr?symbol=BTCUSDT`)
  const { lastId } = (await answer.json()) as { readonly lastId: number }
  const rowsBefore = await tree.metric('k2_landed_records', topic)
  // As the feed does once a minute, from the last id that it has seen (R3).
  tree.shared.claims.note({
    exchange: 'SIMULATED', symbol: 'BTCUSDT', reason: 'disconnect', fromId: lastId - 49,
    toId: lastId, count: 50, sinceUs: 1, untilUs: 2
  })
  await tree.until('the claimed ids', async () => {
    const rows = await tree.metric('k2_landed_records', topic)
    return rows > rowsBefore && (await missing(tree)) === 0
  })
  await tree.drain()
  const { landed: ids, rows, distinctRows } = await holdings(tree.folder)
  expect(rows).toBe(distinctRows)
  const ofBtc = ids.get('BTCUSDT')!
  for (let id = lastId - 49; id <= lastId; id++) expect(ofBtc.has(id)).toBe(true)
  expect(Math.max(...ofBtc)).toBe(lastId)
})

test('switched off, nobody heals', async () => {
  const tree = startTree(newFolder(), { ...busy, K2_HEALING: 'off' })
  await landed(tree, 100)
  expect(tree.actor('root/repair/healer')).toBeUndefined()
})
