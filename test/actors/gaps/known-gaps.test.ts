import { randomUUID } from 'node:crypto'
import * as Effect from 'effect/Effect'
import { expect, test } from 'vitest'
import { knownGapsOf } from '../../../src/actors/gaps/known-gaps.ts'
import { nodeHost } from '../../../src/actors/host.ts'
import { makeShared } from '../../../src/actors/shared.ts'
import { readConfig } from '../../../src/adapters/config/config.ts'
import { makeTelemetry } from '../../../src/adapters/telemetry/telemetry.ts'
import { land } from '../../support/landed-folder.ts'
import { trade } from '../../support/trades.ts'
import { ClaimsLog, newRoot, runWriter } from './gap-world.ts'

/** A process that only captures: it has no tables open. */
const knownIn = (root: string) => {
  const clock = { nowMs: 0 }
  const lines: string[] = []
  const shared = makeShared({
    config: readConfig(
      {
        K2_DATA_DIR: root,
        K2_FEEDS: 'binance',
        K2_ROLES: 'ingest',
        K2_KAFKA_BOOTSTRAP_SERVERS: '127.0.0.1:9'
      },
      []
    ),
    telemetry: makeTelemetry({
      level: 'info',
      nowMs: Date.now,
      write: (line) => lines.push(line)
    }),
    nowMs: Date.now,
    uuid: randomUUID,
    host: { ...nodeHost, monotonicMs: () => clock.nowMs }
  })
  return { clock, lines, shared, known: knownGapsOf(shared) }
}

const shown = async (known: ReturnType<typeof knownGapsOf>) =>
  [...(await Effect.runPromise(known))].flatMap(([key, pieces]) =>
    pieces.map(({ from, to, reason }) => [key, from, to, reason])
  )

test('what the ledger has open, read again after a while', async () => {
  const root = newRoot()
  const { clock, known, lines } = knownIn(root)
  expect(await shown(known)).toEqual([])
  const log = new ClaimsLog()
  await land(root, [1, 5, 6, 7, 8].map((id) => trade('BTCUSDT', id)))
  const times = { sinceUs: 1_700_000_000_000_000, untilUs: 1_700_000_000_000_000 }
  log.claim({
    exchange: 'BINANCE', symbol: 'BTCUSDT', reason: 'shed', fromId: 2, toId: 4, count: 3, ...times
  })
  await runWriter(root, { log })
  clock.nowMs = 9_999
  expect(await shown(known)).toEqual([])
  clock.nowMs = 10_000
  expect(await shown(known), lines.join()).toEqual([['BINANCE:BTCUSDT', 2, 4, 'shed']])
  await land(root, [trade('BTCUSDT', 3)])
  await runWriter(root, { log })
  clock.nowMs = 20_000
  expect(await shown(known)).toEqual([
    ['BINANCE:BTCUSDT', 2, 2, 'shed'],
    ['BINANCE:BTCUSDT', 4, 4, 'shed']
  ])
  expect(lines).toEqual([])
})

test('a ledger that cannot be read is as it was, and that is said', async () => {
  const root = newRoot()
  const { lines, shared } = knownIn(root)
  const known = knownGapsOf({
    ...shared,
    host: { ...shared.host, openStores: () => Effect.fail({ message: 'away' } as never) }
  })
  expect(await shown(known)).toEqual([])
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain('heal.ledger_unread')
})
