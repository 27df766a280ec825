/**
 * K2 with its tables in an object store, its catalog behind a REST server, or both, where a part of
 * all requests fails: every record lands once, and is answered over HTTP.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { randomInt, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as Effect from 'effect/Effect'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { tradesSpec } from '../../src/actors/data-types.ts'
import { dataFolderAt, openTable } from '../../src/actors/storage/data-folder.ts'
import type { StorageSettings } from '../../src/actors/storage/stores.ts'
import { makeScanPlanner } from '../../src/adapters/iceberg/planner.ts'
import { tradeV2Schema } from '../../src/market/records/trade-v2.ts'
import {
  type FakeRestCatalog,
  type Misbehaviour,
  startFakeRestCatalog
} from '../support/fake-iceberg-rest.ts'
import { type FakeS3, startFakeS3 } from '../support/fake-s3.ts'
import { k2Fixture, type K2Settings } from '../support/k2-process.ts'
import { loggedIds } from '../support/log-folder.ts'
import { seededRandom } from '../../chaos/simulation/simulated-files.ts'
import { runSql } from '../support/warehouse.ts'

const k2s = k2Fixture()
const seed = Number(process.env['K2_STORES_SEED'] ?? randomInt(2 ** 31))
const topic = 'market.crypto.trades.simulated'
const testMsMax = 300_000
/** One request of so many fails. */
const failEvery = 8
let catalog: FakeRestCatalog
let s3: FakeS3

const catalogFaults: readonly Misbehaviour[] = [
  { status: 409, when: 'before' },
  { status: 500, when: 'before' },
  { status: 503, when: 'after' },
  { does: 'reset', when: 'before' },
  { does: 'reset', when: 'after' },
  { does: 'cut', when: 'after' }
]

const s3Faults: readonly ReturnType<FakeS3['misbehave']>[] = [
  { status: 503, code: 'SlowDown', when: 'before' },
  { status: 500, when: 'after' },
  { does: 'reset', when: 'before' },
  { does: 'reset', when: 'after' },
  { does: 'cut', when: 'after' }
]

beforeEach(async () => {
  const random = seededRandom(seed)
  const one = <A>(faults: readonly A[]): A | 'none' =>
    random() * failEvery < 1 ? faults[Math.floor(random() * faults.length)]! : 'none'
  catalog = await startFakeRestCatalog()
  s3 = await startFakeS3()
  catalog.misbehave = ({ path }) => (path.includes('/tables/') ? one(catalogFaults) : 'none')
  s3.misbehave = () => one(s3Faults)
})
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') process.stderr.write(`K2_STORES_SEED=${seed}\n`)
  await Promise.all([catalog.close(), s3.close()])
})

type Service = 'catalog' | 's3'

const settingsOf = (services: readonly Service[]): K2Settings => ({
  ...(services.includes('catalog') ? { K2_ICEBERG_CATALOG_URI: catalog.uri } : {}),
  ...(services.includes('s3')
    ? {
        K2_ICEBERG_S3_ENDPOINT: s3.endpoint,
        K2_ICEBERG_S3_BUCKET: 'bucket',
        K2_ICEBERG_S3_ACCESS_KEY_ID: 'k2',
        K2_ICEBERG_S3_SECRET_ACCESS_KEY: 'hidden-secret'
      }
    : {})
})

const storageOf = (services: readonly Service[]): StorageSettings => ({
  catalog: services.includes('catalog')
    ? {
        uri: catalog.uri,
        warehouse: undefined,
        token: undefined,
        credential: undefined,
        oauthUri: undefined,
        oauthScope: 'catalog',
        tlsCaFile: undefined
      }
    : undefined,
  s3: services.includes('s3')
    ? {
        endpoint: s3.endpoint,
        region: 'us-east-1',
        bucket: 'bucket',
        prefix: 'warehouse',
        accessKeyId: 'k2',
        secretAccessKey: 'hidden-secret',
        isPathStyle: true,
        tlsCaFile: undefined
      }
    : undefined
})

/** Ids of all rows, from the files themselves. */
const landedIds = async (dataFolder: string, services: readonly Service[]) => {
  const table = await Effect.runPromise(
    openTable(tradesSpec, {
      folder: dataFolderAt(dataFolder),
      storage: storageOf(services),
      snapshotsMax: 100,
      nowMs: Date.now,
      uuid: randomUUID,
      observe: () => undefined,
      mustExist: true
    })
  )
  const home = join(dataFolder, 'read-back')
  mkdirSync(home)
  const pathOf = (location: string): string => {
    if (location.startsWith('file:')) return fileURLToPath(location)
    const path = join(home, location.slice(location.lastIndexOf('/') + 1))
    writeFileSync(path, s3.objects.get(location.slice('s3://'.length))!)
    return path
  }
  const { files } = await Effect.runPromise(makeScanPlanner(table, { pathOf }).plan({}))
  const list = files.map(({ path }) => `'${path}'`).join()
  return (await runSql(`SELECT message_id FROM read_parquet([${list}])`)).map(([id]) => String(id))
}

const variants: readonly { readonly name: string; readonly services: readonly Service[] }[] = [
  { name: 'a REST catalog', services: ['catalog'] },
  { name: 'an object store', services: ['s3'] },
  { name: 'both', services: ['catalog', 's3'] }
]

describe.each(variants)(
  'K2 with $name',
  ({ services }) => {
    test(
      'lands every record once, also after a kill',
      async () => {
        const dataFolder = k2s.dataFolder()
        const settings = {
          ...settingsOf(services),
          K2_DATA_DIR: dataFolder,
          K2_SIMULATOR_RATE: '500',
          K2_COMMIT_AGE: '1s'
        }
        const first = k2s.start(settings)
        await first.atLeast('k2_landed_records', 500, { topic })
        first.kill('SIGKILL')
        await first.exit()
        const k2 = k2s.start(settings)
        await k2.atLeast('k2_landed_records', 2_000, { topic })
        await expect
          .poll(async () => (await k2.get('/v1/trades?symbol=BTCUSDT&limit=50')).status)
          .toBe(200)
        // What is left is landed by a shutdown that meets no fault.
        catalog.misbehave = () => 'none'
        s3.misbehave = () => 'none'
        k2.kill('SIGTERM')
        expect(await k2.exit(), k2.describe()).toEqual({ code: 0, signal: null })
        expect(k2.stderr).not.toContain('hidden-secret')
        const landed = await landedIds(dataFolder, services)
        expect(new Set(landed).size).toBe(landed.length)
        expect(new Set(landed)).toEqual(loggedIds(dataFolder, topic, tradeV2Schema))
      },
      testMsMax
    )
  }
)
