/**
 * SIGKILL before and after each durable step of a commit: after the next start the table has what
 * the log has, exactly once, and nothing that was committed is gone.
 *
 * Where `kill.test.ts` strikes at any moment, this strikes at every point of the protocol, in a
 * commit that a seed picks. `K2_KILL_SEED` repeats a run.
 *
 * Every point is struck where log and catalog are embedded. Where they are Kafka and a REST catalog
 * on an object store (`K2_REQUIRE_SERVICES=1`), and of the mixed pairs, the seed picks some;
 * `K2_FAULT_POINTS=all` strikes all of theirs too.
 */
import { randomInt, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { oraclePython } from '../../chaos/judge.ts'
import type { Explanation } from '../../chaos/oracle/evidence.ts'
import { examineDelivery } from '../../chaos/oracle/oracle.ts'
import { makeGeneratorSource } from '../../src/adapters/simulator/generator-source.ts'
import { generatedSymbols } from '../../src/adapters/simulator/venue-listing.ts'
import { checkedData, Exactness } from '../support/exactness.ts'
import {
  areServicesRequired,
  type IcebergServices,
  installMsMax,
  openIcebergServices
} from '../support/iceberg-services.ts'
import { k2Fixture, type K2Settings } from '../support/k2-process.ts'
import { deleteTopic } from '../support/kafka/kafka-stack.ts'
import { TopicLog } from '../support/kafka/topic-log.ts'
import { settingsOf, type Venue, withSource } from '../support/venue.ts'
import { type CatalogPlace, dropCatalogTable, openCatalogTable } from '../support/warehouse.ts'

const k2s = k2Fixture()

const seed = Number(process.env['K2_KILL_SEED'] ?? randomInt(2 ** 31))
const [trades] = checkedData('binance')
const symbols = generatedSymbols.map(({ symbol }) => symbol)
const commitsMax = 5

/** In the order in which a commit needs them; some are under way at the same time. */
const writing = ['data-file', 'state', 'manifest', 'manifest-list'] as const
const embeddedSwap = ['metadata', 'staged-swap', 'swap'] as const
/** Kafka's group is told how far the table is, after the commit. */
const hint = 'offset-hint'

interface Point {
  readonly step: string
  readonly when: 'before' | 'after'
  /** Which one, as counted by the process that is struck. */
  readonly nth: number
}

const pointsOf = (steps: readonly string[]): readonly Point[] =>
  steps.flatMap((step, index) =>
    (['before', 'after'] as const).map((when, side) => ({
      step,
      when,
      // The first metadata and swap make an embedded table.
      nth: 2 + ((seed + 2 * index + side) % commitsMax)
    }))
  )

/** So many that lie apart, or all. */
const sampled = (points: readonly Point[], count: number): readonly Point[] => {
  if (process.env['K2_FAULT_POINTS'] === 'all') return points
  const apart = Math.floor(points.length / count)
  return Array.from({ length: count }, (_, index) => {
    return points[(seed + index * apart) % points.length]!
  })
}

/** Where log and table are, and who compares them. */
interface Place {
  readonly settings: K2Settings
  readonly exactness: Exactness
}

/** A send to Kafka past its deadline goes out again, and a spool may (R4, R36): it lands once. */
const throughKafka = (bootstrap: string) => ({
  log: new TopicLog(bootstrap, trades),
  mayRepeat: true
})

const hasKafka = ({ settings }: Place): boolean => 'K2_KAFKA_BOOTSTRAP_SERVERS' in settings

/** Strikes one life of K2, lets the next one recover and stop; when the first one was killed. */
const strike = async (venue: Venue, place: Place, { step, when, nth }: Point): Promise<number> => {
  const { settings, exactness } = place
  // A new group does not wait for the session of the dead one's member to end; that it may is for
  // the tests of landing from Kafka. After a hint it is the one that was told.
  const group = `points-${randomUUID()}`
  const settingsIn = (name: string): K2Settings => ({
    ...settingsOf(venue, symbols),
    K2_DATA_TYPES: 'trades',
    K2_REFERENCE_INTERVAL: 'off',
    K2_COMMIT_AGE: '100ms',
    ...settings,
    ...(hasKafka(place) ? { K2_KAFKA_GROUP_ID: name } : {})
  })
  const struck = k2s.start(settingsIn(group), {
    preload: {
      module: new URL('../support/fault-point.mjs', import.meta.url),
      env: { FAULT_POINT: `trades/${step}/${when}/${nth}` }
    }
  })
  expect(await struck.exit(), struck.describe()).toEqual({ code: null, signal: 'SIGKILL' })
  const killedMs = Date.now()
  const before = await exactness.check(0)
  expect(before.logged).toBeGreaterThan(0)

  const next = k2s.start(settingsIn(step === hint ? group : `${group}-next`))
  await next.atLeast('k2_landed_records', before.logged + 1, { topic: trades.topic })
  next.kill('SIGINT')
  expect(await next.exit(), next.describe()).toEqual({ code: 0, signal: null })
  const after = await exactness.check(before.logged + 1)
  expect(after.landed).toBe(after.logged)
  return killedMs
}

describe(`embedded log and catalog (K2_KILL_SEED=${seed})`, () => {
  test.each(pointsOf([...writing, ...embeddedSwap]))(
    'killed $when $step number $nth',
    async (point) => {
      const dataFolder = k2s.dataFolder()
      const exactness = new Exactness(dataFolder, trades)
      await withSource(
        makeGeneratorSource({ seed, rate: 5_000 }),
        async (venue) => {
          await strike(venue, { settings: { K2_DATA_DIR: dataFolder }, exactness }, point)
        },
        { speed: 1 }
      )
    }
  )
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
          const killedMs = await strike(venue, place, point).catch((error: unknown) => {
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
