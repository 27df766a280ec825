/**
 * K2 with its tables in a real S3 server and a real REST catalog (`K2_REQUIRE_SERVICES=1`): what is
 * captured lands there once, is answered over HTTP, survives a kill and both services' absence, and
 * PyIceberg reads it through the catalog.
 */
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  areServicesRequired,
  type IcebergServices,
  installMsMax,
  openIcebergServices
} from '../support/iceberg-services.ts'
import { tradeV2Schema } from '../../src/market/records/trade-v2.ts'
import { loggedIds } from '../support/log-folder.ts'
import { k2Fixture } from '../support/k2-process.ts'
import { pyIceberg, readThroughCatalog } from '../support/pyiceberg/pyiceberg.ts'

const k2s = k2Fixture()
const testMsMax = 400_000
const topic = 'market.crypto.trades.simulated'
let services: IcebergServices

interface Page {
  readonly data: readonly { readonly message_id: string }[]
}

/** Offsets of each partition, in order. */
const offsetsOf = (rows: readonly { k2_partition: string; k2_offset: number }[]) => {
  const offsets = new Map<string, number[]>()
  for (const { k2_partition: partition, k2_offset: offset } of rows)
    offsets.set(partition, [...(offsets.get(partition) ?? []), offset])
  return [...offsets.values()].map((it) => it.sort((left, right) => left - right))
}

describe.skipIf(!areServicesRequired)('K2 on S3 and a REST catalog', () => {
  beforeAll(async () => {
    services = await openIcebergServices()
  }, installMsMax)
  afterAll(() => services.destroy())

  test(
    'lands every record once, through kills and outages, and PyIceberg reads them',
    async () => {
      const dataFolder = k2s.dataFolder()
      const settings = {
        ...services.settings('tables'),
        K2_DATA_DIR: dataFolder,
        K2_SIMULATOR_RATE: '500'
      }
      const first = k2s.start(settings)
      await first.ready()
      await first.atLeast('k2_landed_records', 500, { topic })
      first.kill('SIGKILL')
      await first.exit()

      const k2 = k2s.start(settings)
      await k2.ready()
      const landed = async () => (await k2.metric('k2_landed_records', { topic })) ?? 0
      await k2.atLeast('k2_landed_records', (await landed()) + 500, { topic })
      const published = async () => (await k2.metric('k2_published_records_total', { topic })) ?? 0
      for (const name of ['catalog', 's3']) {
        const service = services.stack.service(name)
        await service.kill()
        // Capturing goes on meanwhile.
        await k2.atLeast('k2_published_records_total', (await published()) + 1_000, { topic })
        await service.start()
        await k2.atLeast('k2_landed_records', (await landed()) + 1_000, { topic })
      }
      const { status, text } = await k2.get('/v1/trades?symbol=BTCUSDT&limit=1000')
      expect(status, text).toBe(200)
      const ids = (JSON.parse(text) as Page).data.map((it) => it.message_id)
      expect(ids.length).toBeGreaterThan(100)
      expect(new Set(ids).size).toBe(ids.length)
      k2.kill('SIGTERM')
      expect(await k2.exit(), k2.describe()).toEqual({ code: 0, signal: null })
      expect(readdirSync(join(dataFolder, 'staging', 'lander-market.trades'))).toEqual([])

      const python = pyIceberg()
      if ('missing' in python) throw new Error(python.missing)
      const read = readThroughCatalog(python.python, services.properties, 'market.trades')
      expect(read.location).toBe('s3://warehouse/tables/market/trades')
      expect(read.rows.length).toBe(Number(read.total_records))
      const landedIds = new Set(read.rows.map((it) => it.message_id))
      expect(landedIds.size).toBe(read.rows.length)
      expect(landedIds).toEqual(loggedIds(dataFolder, topic, tradeV2Schema))
      for (const offsets of offsetsOf(read.rows))
        expect(new Set(offsets).size).toBe(offsets.length)

      // Nothing of the table is on this machine: the copies are made anew.
      rmSync(join(dataFolder, 'copies'), { recursive: true })
      const third = k2s.start(settings)
      await third.ready()
      const again = await third.get('/v1/symbols')
      expect(again.status, again.text).toBe(200)
      expect(readdirSync(join(dataFolder, 'copies')).length).toBeGreaterThan(0)
    },
    testMsMax
  )
})
