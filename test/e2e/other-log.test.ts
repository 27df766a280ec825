/**
 * A table that was landed from one log does not go on in another one by itself (R8): neither after
 * the change from the embedded log to Kafka, nor when the topic was deleted and made anew. K2 says
 * which log it misses and what to do, keeps capturing, and lands nothing meanwhile. Once the
 * operator has adopted the log, it lands that from its start.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Stack } from '../../deploy/local/stack.ts'
import { makeGeneratorSource } from '../../src/adapters/simulator/generator-source.ts'
import { generatedSymbols } from '../../src/adapters/simulator/venue-listing.ts'
import { checkedData, Exactness } from '../support/exactness.ts'
import { k2 } from '../support/k2-command.ts'
import { k2Fixture, type K2Process, type K2Settings } from '../support/k2-process.ts'
import {
  areServicesRequired,
  deleteTopic,
  serviceStartMsMax,
  startKafka
} from '../support/kafka/kafka-stack.ts'
import { TopicLog } from '../support/kafka/topic-log.ts'
import { settingsOf, withSource } from '../support/venue.ts'
import { dataFiles, openTable, runSql, summaryOf } from '../support/warehouse.ts'

const k2s = k2Fixture()
const [trades] = checkedData('binance')
const { topic } = trades
const symbols = generatedSymbols.map(({ symbol }) => symbol)
const landedMin = 1_000
const testMsMax = 600_000

let stack: Stack
beforeAll(async () => {
  if (areServicesRequired) stack = await startKafka()
}, serviceStartMsMax)
afterAll(() => stack?.destroy())

const stopped = async (process: K2Process) => {
  process.kill('SIGTERM')
  expect(await process.exit(), process.describe()).toEqual({ code: 0, signal: null })
}

/** Reasons why it is not ready. */
const reasonsOf = async (process: K2Process): Promise<string> => {
  const { text } = await process.get('/health/ready')
  const { reasons = [] } = JSON.parse(text) as { readonly reasons?: readonly string[] }
  return reasons.join('\n')
}

/** Captures on, says why it lands nothing, and lands nothing. */
const refusesToLand = async (process: K2Process, dataFolder: string, missed: string) => {
  const before = summaryOf(openTable(dataFolder)!)
  await process.atLeast('k2_published_records_total', landedMin, { topic })
  for (const partition of [0, 1, 2, 3]) {
    await expect
      .poll(() => reasonsOf(process))
      .toContain(`partition ${partition} of ${topic} is not landed: the table holds this topic`)
  }
  const reasons = await reasonsOf(process)
  expect(reasons).toContain(`from log ${missed}, not from `)
  expect(reasons).toContain('npm run k2 -- adopt-log')
  expect(await process.metric('k2_landing_stopped_partitions', { topic })).toBe(4)
  await process.atLeast('k2_published_records_total', 2 * landedMin, { topic })
  await stopped(process)
  expect(process.log.filter(({ event }) => event === 'commit.landed')).toEqual([])
  expect(summaryOf(openTable(dataFolder)!)).toEqual(before)
}

describe.skipIf(!areServicesRequired)('a table and another log', () => {
  const inData = async (
    body: (start: (settings?: K2Settings) => K2Process, dataFolder: string) => Promise<void>
  ) => {
    const dataFolder = k2s.dataFolder()
    await withSource(
      makeGeneratorSource({ seed: 3, rate: 1_000 }),
      (venue) =>
        body(
          (settings = {}) =>
            k2s.start({
              ...settingsOf(venue, symbols),
              K2_DATA_DIR: dataFolder,
              K2_DATA_TYPES: 'trades',
              K2_REFERENCE_INTERVAL: 'off',
              K2_COMMIT_AGE: '200ms',
              K2_LOG_LEVEL: 'debug',
              ...settings
            }),
          dataFolder
        ),
      { speed: 1 }
    )
  }

  test(
    'from the embedded log to Kafka',
    () =>
      inData(async (start, dataFolder) => {
        const { kafkaBootstrap } = stack.addresses
        const embedded = start()
        await embedded.atLeast('k2_landed_records', landedMin, { topic })
        await stopped(embedded)
        const { landed, logged } = await new Exactness(dataFolder, trades).check(landedMin)
        expect(landed).toBe(logged)
        const { 'k2.offsets': offsets = '' } = summaryOf(openTable(dataFolder)!)
        const [identity = ''] = Object.keys(JSON.parse(offsets) as object)

        const onKafka = () => start({ K2_KAFKA_BOOTSTRAP_SERVERS: kafkaBootstrap })
        await refusesToLand(onKafka(), dataFolder, identity)
        await goesOn(onKafka, { dataFolder, kafkaBootstrap, missed: identity, landed })
      }),
    testMsMax
  )

  test(
    'a topic that was deleted and made anew',
    () =>
      inData(async (start, dataFolder) => {
        const { kafkaBootstrap } = stack.addresses
        const onKafka = () => start({ K2_KAFKA_BOOTSTRAP_SERVERS: kafkaBootstrap })
        await deleteTopic(kafkaBootstrap, topic)
        const first = onKafka()
        await first.atLeast('k2_landed_records', landedMin, { topic })
        await stopped(first)
        const log = new TopicLog(kafkaBootstrap, trades)
        const { landed, logged } = await new Exactness(dataFolder, trades, { log }).check(landedMin)
        expect(landed).toBe(logged)
        await deleteTopic(kafkaBootstrap, topic)

        const missed = log.identity!
        await refusesToLand(onKafka(), dataFolder, missed)
        await goesOn(onKafka, { dataFolder, kafkaBootstrap, missed, landed })
      }),
    testMsMax
  )
})

interface GivenUp {
  readonly dataFolder: string
  readonly kafkaBootstrap: string
  /** The log that is given up, and how many rows it had landed. */
  readonly missed: string
  readonly landed: number
}

/** The remedy works: what was captured meanwhile lands, and nothing twice. */
const goesOn = async (
  start: () => K2Process,
  { dataFolder, kafkaBootstrap, missed, landed }: GivenUp
): Promise<void> => {
  const place = ['--data-dir', dataFolder, '--kafka-bootstrap-servers', kafkaBootstrap]
  const planned = await k2('adopt-log', ...place)
  expect(planned, planned.complaints).toMatchObject({ code: 1 })
  expect(planned.printed).toContain(`gives up log ${missed}`)
  const adopted = await k2('adopt-log', ...place, '--yes')
  expect(adopted, adopted.complaints).toMatchObject({ code: 0 })

  const again = start()
  await again.ready()
  await again.atLeast('k2_published_records_total', landedMin, { topic })
  await stopped(again)
  const log = new TopicLog(kafkaBootstrap, trades)
  log.readNew({ onRecord: () => undefined, onRemoved: () => undefined })
  expect(log.recordCount).toBeGreaterThan(3 * landedMin)
  const files = (await dataFiles(openTable(dataFolder)!)).map(({ path }) => `'${path}'`)
  const [counts = []] = await runSql(
    `SELECT count(*), count(DISTINCT message_id) FROM read_parquet([${files.join()}])`
  )
  expect(counts.map(Number)).toEqual(Array(2).fill(landed + log.recordCount))
  expect(await k2('adopt-log', ...place)).toMatchObject({ code: 0, printed: 'nothing to adopt' })
  expect(await k2('doctor', ...place)).toMatchObject({ code: 0 })
}
