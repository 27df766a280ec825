/**
 * SIGKILL before and after durable steps of a commit, as in `fault-points.test.ts`, where log and
 * catalog are Kafka and a REST catalog on an object store (`K2_REQUIRE_SERVICES=1`), and on the
 * mixed pairs. The seed picks some of the points; `K2_FAULT_POINTS=all` strikes all of them.
 */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { oraclePython } from '../../chaos/judge.ts'
import type { Explanation } from '../../chaos/oracle/evidence.ts'
import { examineDelivery } from '../../chaos/oracle/oracle.ts'
import { makeGeneratorSource } from '../../src/adapters/simulator/generator-source.ts'
import { Exactness } from '../support/exactness.ts'
import {
  embeddedSwap,
  hint,
  type Place,
  type Point,
  pointsOf,
  seed,
  strike,
  trades,
  writing
} from '../support/fault-points.ts'
import {
  areServicesRequired,
  type IcebergServices,
  installMsMax,
  openIcebergServices
} from '../support/iceberg-services.ts'
import { k2Fixture, type K2Settings } from '../support/k2-process.ts'
import { deleteTopic } from '../support/kafka/kafka-stack.ts'
import { TopicLog } from '../support/kafka/topic-log.ts'
import { withSource } from '../support/venue.ts'
import { type CatalogPlace, dropCatalogTable, openCatalogTable } from '../support/warehouse.ts'

const k2s = k2Fixture()

/** So many that lie apart, or all. */
const sampled = (points: readonly Point[], count: number): readonly Point[] => {
  if (process.env['K2_FAULT_POINTS'] === 'all') return points
  const apart = Math.floor(points.length / count)
  return Array.from({ length: count }, (_, index) => {
    return points[(seed + index * apart) % points.length]!
  })
}

/** A send to Kafka past its deadline goes out again, and a spool may (R4, R36): it lands once. */
const throughKafka = (bootstrap: string) => ({
  log: new TopicLog(bootstrap, trades),
  mayRepeat: true
})

const pairMsMax = 1_200_000
/** What a killed process had received and not made durable is younger than this. */
const unsavedMs = 3_000

describe.skipIf(!areServicesRequired)(`real services (K2_KILL_SEED=${seed})`, () => {
  let services: IcebergServices
  let bootstrap: string
  let tables: CatalogPlace

  beforeAll(async () => {
    services = await openIcebergServices('kafka')
    const { kafkaBootstrap, catalogUri } = services.stack.addresses
    bootstrap = kafkaBootstrap
    tables = { catalogUri, objects: join(services.stack.folder, 's3', 'objects') }
  }, installMsMax)
  afterAll(() => services.destroy())

  const kafkaSettings = (): K2Settings => ({ K2_KAFKA_BOOTSTRAP_SERVERS: bootstrap })
  const openTable = (name: string) => openCatalogTable(tables, name)

  /** All points of a pair, in one log and one table; what the exchange has issued is recorded. */
  const strikeAll = async (
    place: Place,
    points: readonly Point[],
    issued: string
  ): Promise<readonly Explanation[]> => {
    const explanations: Explanation[] = []
    await withSource(
      makeGeneratorSource({ seed, rate: 1_000 }),
      async (venue) => {
        for (const point of points) {
          const killedMs = await strike({ k2s, venue, place }, point).catch((error: unknown) => {
            // In the message: a report as JSON leaves causes out.
            const where = `killed ${point.when} ${point.step} number ${point.nth}`
            throw new Error(`${where}: ${String(error)}`, { cause: error })
          })
          const span = { fromMs: killedMs - unsavedMs, toMs: Date.now() }
          explanations.push({ symbol: '*', ...span, reason: 'killed' })
        }
      },
      { speed: 1, issuedRecord: { directory: issued } }
    )
    return explanations
  }

  test(
    'Kafka, a REST catalog and S3, and the independent checker agrees',
    async (context) => {
      const dataFolder = k2s.dataFolder()
      const issued = join(dataFolder, 'issued')
      const exactness = new Exactness(dataFolder, trades, { ...throughKafka(bootstrap), openTable })
      const explanations = await strikeAll(
        {
          settings: { K2_DATA_DIR: dataFolder, ...kafkaSettings(), ...services.settings('tables') },
          exactness
        },
        sampled(pointsOf([...writing, 'swap', hint]), 4),
        issued
      )
      const verdict = await examineDelivery({
        issued,
        log: { brokers: bootstrap, topic: trades.topic },
        table: { catalog: { type: 'rest', ...services.properties }, name: 'market.trades' },
        explanations,
        python: oraclePython()
      })
      const shown = JSON.stringify(verdict, undefined, 2)
      await context.annotate(shown)
      expect(verdict.ok, shown).toBe(true)
      expect(verdict.landed).toBe(verdict.logged - exactness.repeatCount)
    },
    pairMsMax
  )

  test(
    'the embedded log, a REST catalog and S3',
    async () => {
      await dropCatalogTable(tables, 'trades')
      const dataFolder = k2s.dataFolder()
      await strikeAll(
        {
          settings: { K2_DATA_DIR: dataFolder, ...services.settings('others') },
          exactness: new Exactness(dataFolder, trades, { openTable })
        },
        sampled(pointsOf([...writing, 'swap']), 2),
        join(dataFolder, 'issued')
      )
    },
    pairMsMax
  )

  test(
    'Kafka and the embedded catalog',
    async () => {
      await deleteTopic(bootstrap, trades.topic)
      const dataFolder = k2s.dataFolder()
      await strikeAll(
        {
          settings: { K2_DATA_DIR: dataFolder, ...kafkaSettings() },
          exactness: new Exactness(dataFolder, trades, throughKafka(bootstrap))
        },
        sampled(pointsOf([...writing, ...embeddedSwap, hint]), 2),
        join(dataFolder, 'issued')
      )
    },
    pairMsMax
  )
})
