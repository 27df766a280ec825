/**
 * `k2 load` on Kafka, beside a K2 that runs, killed and again: each row is in the table once (R26).
 * With `K2_REQUIRE_SERVICES=1`.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Stack } from '../../deploy/local/stack.ts'
import { k2 } from '../support/k2-command.ts'
import { killLoad } from '../support/killed-load.ts'
import { k2Fixture } from '../support/k2-process.ts'
import { areServicesRequired, serviceStartMsMax, startKafka } from '../support/kafka/kafka-stack.ts'
import { dataFiles, openTable, runSql } from '../support/warehouse.ts'

const k2s = k2Fixture()
let stack: Stack

const counts = async (folder: string): Promise<readonly (string | null)[]> => {
  const paths = (await dataFiles(openTable(folder)!)).map(({ path }) => `'${path}'`)
  const [row] = await runSql(
    `select count(*)::varchar, count(distinct message_id)::varchar
     from read_parquet([${paths.join(',')}]) where exchange = 'ASX'`
  )
  return row!
}

describe.skipIf(!areServicesRequired)('on Kafka', () => {
  beforeAll(async () => {
    stack = await startKafka()
  }, serviceStartMsMax)
  afterAll(() => stack?.destroy())

  test('rows are there once, loaded beside a K2, killed, and loaded again', async () => {
    const folder = k2s.dataFolder()
    const brokers = stack.addresses.kafkaBootstrap
    const running = k2s.start({
      K2_DATA_DIR: folder,
      K2_KAFKA_BOOTSTRAP_SERVERS: brokers,
      K2_RETENTION_DAYS: '36500'
    })
    await running.ready()
    const path = join(folder, 'fills.csv')
    writeFileSync(path, '03/10/2014,13:55:41.879,1.11,3000,0,,\r\n'.repeat(230))
    const args = ['load', 'trades', path, '--exchange', 'ASX', '--symbol', 'DVN']
    const settings = ['--data-dir', folder, '--batch', '20', '--commit-rows', '50']
    const onKafka = [...settings, '--kafka-bootstrap-servers', brokers]

    await killLoad([...args, ...onKafka], 'trades/swap/after/1')

    const resumed = await k2(...args, ...onKafka)
    expect(resumed.code, resumed.complaints).toBe(0)
    expect(await counts(folder)).toEqual(['230', '230'])
    const again = await k2(...args, ...onKafka)
    expect(again.printed).toContain('0 loaded, 230 already there')
    running.kill('SIGINT')
    expect(await running.exit(), running.describe()).toEqual({ code: 0, signal: null })

    // Another log: it cannot know what the table has of this one (R8).
    const elsewhere = await k2(...args, ...settings)
    expect(elsewhere.code).toBe(2)
    expect(elsewhere.complaints).toContain('the table holds this topic from log')
    expect(await counts(folder)).toEqual(['230', '230'])
  }, 300_000)
})
