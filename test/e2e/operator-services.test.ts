/**
 * What an operator does where log, catalog and store are real services (`K2_REQUIRE_SERVICES=1`):
 * the log is changed for Kafka, made anew, cut by retention, and changed back; each time `doctor`
 * names it and `adopt-log` goes on, with every record once.
 */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import kafkajs, { type Admin } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openStack, type Stack } from '../../deploy/local/stack.ts'
import { runK2 } from '../../src/cli/k2.ts'
import { areServicesRequired, installMsMax } from '../support/iceberg-services.ts'
import { k2Fixture, type K2Process, type K2Settings } from '../support/k2-process.ts'

const k2s = k2Fixture()
const testMsMax = 600_000
const topic = 'market.crypto.trades.simulated'
let stack: Stack
let admin: Admin

const storage = (prefix: string): K2Settings => {
  const { s3, catalogUri } = stack.addresses
  return {
    K2_ICEBERG_CATALOG_URI: catalogUri,
    K2_ICEBERG_S3_ENDPOINT: s3.endpoint,
    K2_ICEBERG_S3_REGION: s3.region,
    K2_ICEBERG_S3_BUCKET: s3.bucket,
    K2_ICEBERG_S3_PREFIX: prefix,
    K2_ICEBERG_S3_ACCESS_KEY_ID: s3.accessKey,
    K2_ICEBERG_S3_SECRET_ACCESS_KEY: s3.secretKey
  }
}

const command = async (settings: K2Settings, ...args: readonly string[]) => {
  const said: string[] = []
  const note = (text: string) => void said.push(text)
  const code = await runK2(args, settings, { print: note, complain: note })
  return { code, text: said.join('\n') }
}

/** Lands some more, and ends with all that it has captured landed. */
const landMore = async (settings: K2Settings): Promise<void> => {
  const k2 = k2s.start(settings)
  await k2.atLeast('k2_landed_records', 1, { topic })
  const landed = async () => (await k2.metric('k2_landed_records', { topic })) ?? 0
  const before = await landed()
  await k2.atLeast('k2_landed_records', before + 200, { topic })
  await drain(k2)
}

const drain = async (k2: K2Process): Promise<void> => {
  k2.kill('SIGTERM')
  expect((await k2.exit()).signal, k2.describe()).toBeNull()
}

const stopsBy = async (settings: K2Settings, reason: RegExp): Promise<void> => {
  const k2 = k2s.start(settings)
  await k2.wrote(reason)
  await drain(k2)
}

const adoptAndGoOn = async (settings: K2Settings, fault: RegExp): Promise<void> => {
  const examined = await command(settings, 'doctor', '--quick')
  expect(examined.text).toMatch(fault)
  expect(examined.code).toBe(1)
  expect(await command(settings, 'adopt-log')).toMatchObject({ code: 1 })
  const done = await command(settings, 'adopt-log', '--yes')
  expect(done.text).toContain('committed as snapshot')
  expect(done.code).toBe(0)
  for (const table of ['market.quotes', 'market.reference_data']) {
    const other = await command(settings, 'adopt-log', '--yes', '--table', table)
    expect(other.code, other.text).toBe(0)
  }
  await landMore(settings)
  await expectHealthy(settings)
}

const expectHealthy = async (settings: K2Settings): Promise<void> => {
  const { code, text } = await command(settings, 'doctor')
  expect(text).toMatch(/no fault$/)
  expect(text).toMatch(/ok +log-bounds +[1-9]/)
  expect(text).toMatch(/ok +data-contents +[1-9]/)
  expect(code).toBe(0)
}

describe.skipIf(!areServicesRequired)('with Kafka, a REST catalog and S3', () => {
  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'k2-operator-'))
    stack = await openStack({ folder, services: ['kafka', 'catalog'] })
    const { kafkaBootstrap } = stack.addresses
    const brokers = kafkaBootstrap.split(',')
    admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin()
    await admin.connect()
  }, installMsMax)
  afterAll(async () => {
    await admin?.disconnect()
    await stack?.destroy()
  })

  test('from the embedded log to Kafka, through its faults, and back', async () => {
    const embedded: K2Settings = {
      ...storage('operator'),
      K2_DATA_DIR: k2s.dataFolder(),
      K2_COMMIT_AGE: '1s',
      K2_SIMULATOR_RATE: '200'
    }
    const { kafkaBootstrap } = stack.addresses
    const kafka = { ...embedded, K2_KAFKA_BOOTSTRAP_SERVERS: kafkaBootstrap }
    await landMore(embedded)
    await expectHealthy(embedded)

    // Another log altogether.
    await stopsBy(kafka, /partition.stopped.*the table holds this topic from log/)
    await adoptAndGoOn(kafka, /was landed from log/)

    // A topic of the same name.
    await admin.deleteTopics({ topics: [topic] })
    expect((await command(kafka, 'doctor', '--quick')).text).toMatch(/and is not here/)
    await stopsBy(kafka, /partition.stopped.*the table holds this topic from log/)
    await adoptAndGoOn(kafka, /was landed from log/)

    // What retention has deleted before it landed.
    const ingest = k2s.start({ ...kafka, K2_ROLES: 'ingest' })
    await ingest.atLeast('k2_published_records_total', 300, { topic })
    // Nobody lands anywhere: how far the table is behind is seen all the same (R39).
    await ingest.atLeast('k2_log_lag_records', 300, { topic })
    await drain(ingest)
    const ends = await admin.fetchTopicOffsets(topic)
    const partitions = ends.map(({ partition, high }) => ({ partition, offset: high }))
    await admin.deleteTopicRecords({ topic, partitions })
    await adoptAndGoOn(kafka, /the table is at \d+, the log has \[[1-9]/)

    // A state that is gone, in the store.
    expect(await command(kafka, 'rebuild-state')).toMatchObject({ code: 1 })
    expect(await command(kafka, 'rebuild-state', '--force')).toMatchObject({ code: 0 })
    await landMore(kafka)
    await expectHealthy(kafka)
    expect(await command(kafka, 'doctor', '--table', 'market.reference_data')).toMatchObject({
      code: 0
    })

    await adoptAndGoOn(embedded, /was landed from log/)
  }, testMsMax)

  test('brokers that do not answer are said to be so, and adopt nothing', async () => {
    const settings: K2Settings = {
      ...storage('operator'),
      K2_DATA_DIR: k2s.dataFolder(),
      K2_KAFKA_BOOTSTRAP_SERVERS: '127.0.0.1:1'
    }
    const examined = await command(settings, 'doctor', '--quick')
    expect(examined.text).toMatch(/- +log-bounds +.*the log is unavailable/)
    const adopted = await command(settings, 'adopt-log', '--yes')
    expect(adopted.code).toBe(2)
    expect(adopted.text).toContain('the log is unavailable')
  }, testMsMax)
})
