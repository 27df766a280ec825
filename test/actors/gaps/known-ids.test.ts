import { randomUUID } from 'node:crypto'
import * as Effect from 'effect/Effect'
import { expect, test } from 'vitest'
import { lastKnownIds } from '../../../src/actors/gaps/known-ids.ts'
import { makeShared } from '../../../src/actors/shared.ts'
import { readConfig } from '../../../src/adapters/config/config.ts'
import { makeTelemetry } from '../../../src/adapters/telemetry/telemetry.ts'
import { land, landedTable } from '../../support/landed-folder.ts'
import { trade } from '../../support/trades.ts'
import { newRoot } from './gap-world.ts'

const sharedOf = (root: string, roles: string) =>
  makeShared({
    config: readConfig(
      {
        K2_DATA_DIR: root,
        K2_FEEDS: 'binance',
        K2_ROLES: roles,
        ...(roles === 'ingest' ? { K2_KAFKA_BOOTSTRAP_SERVERS: '127.0.0.1:9' } : {})
      },
      []
    ),
    telemetry: makeTelemetry({ level: 'info', nowMs: Date.now, write: () => undefined }),
    nowMs: Date.now,
    uuid: randomUUID
  })

test('the newest id of each symbol, also where no table is open', async () => {
  const root = newRoot()
  const trades = [trade('BTCUSDT', 3), trade('BTCUSDT', 9), trade('ETHUSDT', 5)]
  await land(root, [...trades, trade('BTCUSDT', 7)])
  const known = await Effect.runPromise(lastKnownIds(sharedOf(root, 'ingest')))
  expect(known).toEqual(new Map([['BTCUSDT', 9], ['ETHUSDT', 5]]))
  const whole = sharedOf(root, 'ingest,land,serve')
  const opened = await landedTable(root)
  const asked = Effect.andThen(whole.trades.table.serve(opened), lastKnownIds(whole))
  expect(await Effect.runPromise(Effect.scoped(asked))).toEqual(known)
})

test('nothing where nothing has landed', async () => {
  expect(await Effect.runPromise(lastKnownIds(sharedOf(newRoot(), 'ingest')))).toEqual(new Map())
})
