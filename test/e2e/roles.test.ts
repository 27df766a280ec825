/**
 * K2 split into its roles, on a real broker, catalog and object store (`K2_REQUIRE_SERVICES=1`):
 * two processes capture a half of the symbols each, two share the landing, one answers. A lander
 * that has slept through the loss of its partitions is fenced. The independent checker judges.
 */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { oraclePython } from '../../chaos/judge.ts'
import { examineDelivery } from '../../chaos/oracle/oracle.ts'
import { makeGeneratorSource } from '../../src/adapters/simulator/generator-source.ts'
import { generatedSymbols } from '../../src/adapters/simulator/venue-listing.ts'
import { checkedData } from '../support/exactness.ts'
import { areServicesRequired, icebergServices } from '../support/iceberg-services.ts'
import { k2Fixture, type K2Process } from '../support/k2-process.ts'
import { settingsOf, withSource } from '../support/venue.ts'

const k2s = k2Fixture()
const [{ topic }] = checkedData('binance')
const symbols = generatedSymbols.map(({ symbol }) => symbol)
const halves = [symbols.filter((_, index) => index % 2 === 0), symbols.filter((_, i) => i % 2 > 0)]
const partitions = [0, 1, 2, 3]
const commits = 'k2_iceberg_transactions_total'
const commitFailures = 'k2_iceberg_commit_failures_total'
const table = 'market.trades'
/** More records than wait in the partitions of one that commits so rarely. */
const waitingMax = 10_000
/** Longer than it takes until others have the partitions of a lander that sleeps. */
const rareCommitAge = '10s'
const testMsMax = 600_000

const services = icebergServices('kafka')

/** Partitions of a lander's newest assignment. */
const assigned = ({ log }: K2Process): readonly number[] => {
  const joined = log.findLast((it) => it.event === 'group.joined' && it['topic'] === topic)?.[
    'partitions'
  ]
  return typeof joined === 'string' && joined !== '' ? joined.split(',').map(Number) : []
}

const shares = async (...landers: readonly K2Process[]) => {
  await expect
    .poll(() => landers.flatMap(assigned).toSorted((one, other) => one - other))
    .toEqual(partitions)
  for (const lander of landers)
    expect(assigned(lander)).toHaveLength(partitions.length / landers.length)
}

const drained = async (k2: K2Process, outcome: string) => {
  expect(await k2.exit(), k2.describe()).toEqual({ code: 0, signal: null })
  expect(k2.stdout.trimEnd().split('\n').at(-1)).toBe(`K2 has stopped; ${outcome}.`)
}

const symbolsServed = async (k2: K2Process): Promise<readonly string[]> => {
  const { status, text } = await k2.get('/v1/symbols')
  if (status !== 200) return [text]
  return (JSON.parse(text) as { readonly data: readonly string[] }).data.toSorted()
}

describe.skipIf(!areServicesRequired)('K2 in roles', () => {
  test(
    'captures, lands and answers as one; a lander that slept too long is fenced',
    async (context) => {
      const folder = k2s.dataFolder()
      const issued = join(folder, 'issued')
      const { kafkaBootstrap } = services().stack.addresses
      await withSource(
        makeGeneratorSource({ seed: 5, rate: 1_000 }),
        async (venue) => {
          const start = (name: string, settings: Readonly<Record<`K2_${string}`, string>>) =>
            k2s.start({
              ...settingsOf(venue, symbols),
              ...services().settings('tables'),
              K2_KAFKA_BOOTSTRAP_SERVERS: kafkaBootstrap,
              K2_DATA_DIR: join(folder, name),
              K2_DATA_TYPES: 'trades',
              K2_REFERENCE_INTERVAL: 'off',
              K2_COMMIT_AGE: '500ms',
              ...settings
            })
          // Whoever comes first makes topic and table; nobody waits for another one's start.
          const ingests = halves.map((half, index) =>
            start(`ingest-${index}`, { K2_ROLES: 'ingest', K2_BINANCE_SYMBOLS: half.join(',') })
          )
          const sleeper = start('sleeper', { K2_ROLES: 'land', K2_COMMIT_AGE: rareCommitAge })
          const heir = start('heir', { K2_ROLES: 'land' })
          const serve = start('serve', { K2_ROLES: 'serve' })
          await Promise.all([...ingests, sleeper, heir, serve].map((k2) => k2.ready()))

          await shares(sleeper, heir)
          await expect.poll(() => symbolsServed(serve)).toEqual(symbols.toSorted())
          for (const symbol of halves.map(([first]) => first)) {
            const { status, text } = await serve.get(`/v1/trades?symbol=${symbol}&limit=5`)
            expect(status, text).toBe(200)
            expect((JSON.parse(text) as { readonly data: unknown[] }).data).toHaveLength(5)
          }
          for (const k2 of [...ingests, sleeper]) {
            for (const path of ['/v1/trades?symbol=BTCUSDT', '/v1/symbols', '/v1/snapshots']) {
              const { status, text } = await k2.get(path)
              expect(status, `${path}: ${text}`).toBe(421)
              expect(JSON.parse(text)).toMatchObject({ code: 'not_served_here' })
            }
            expect((await k2.get('/health')).status).toBe(200)
          }

          await sleepsThroughItsLoss({ sleeper, heir, ingest: ingests[0]! })
          await seeLagOf([sleeper, heir], [...ingests, serve])

          for (const ingest of ingests) ingest.kill('SIGTERM')
          for (const ingest of ingests)
            await drained(ingest, 'everything it had accepted is in the event log')
          for (const k2 of [sleeper, heir, serve]) k2.kill('SIGTERM')
          for (const k2 of [sleeper, heir, serve])
            await drained(k2, 'what had not landed yet waits in the event log')
        },
        { speed: 1, issuedRecord: { directory: issued } }
      )
      const verdict = await examineDelivery({
        issued,
        log: { brokers: kafkaBootstrap, topic },
        table: { catalog: { type: 'rest', ...services().properties }, name: 'market.trades' },
        python: oraclePython()
      })
      const shown = JSON.stringify(verdict, undefined, 2)
      await context.annotate(shown)
      expect(verdict.ok, shown).toBe(true)
      expect(verdict.landed).toBe(verdict.logged)
      expect(verdict.landed).toBeGreaterThan(10_000)
    },
    testMsMax
  )
})

/** Overdue records that a process knows of; undefined where it knows nothing. */
const lagAt = async (k2: K2Process): Promise<number | undefined> => {
  const { data } = JSON.parse((await k2.get('/v1/system/degradation')).text) as {
    readonly data: {
      readonly signals: readonly {
        readonly signal: string
        readonly state: string
        readonly value: number
      }[]
    }
  }
  return data.signals.find(({ signal, state }) => signal === 'lag' && state === 'fresh')?.value
}

/** Who captures or answers sees by table and log how far the landers are behind (R39). */
const seeLagOf = async (landers: readonly K2Process[], others: readonly K2Process[]) => {
  for (const lander of landers) lander.kill('SIGSTOP')
  for (const k2 of others) await expect.poll(() => lagAt(k2)).toBeGreaterThan(waitingMax)
  for (const lander of landers) lander.kill('SIGCONT')
  for (const k2 of others) await expect.poll(() => lagAt(k2)).toBeLessThan(waitingMax)
}

interface Cast {
  readonly sleeper: K2Process
  readonly heir: K2Process
  readonly ingest: K2Process
}

/** Wakes with records that it has read and not committed, and that others have landed since. */
const sleepsThroughItsLoss = async ({ sleeper, heir, ingest }: Cast): Promise<void> => {
  const more = async (
    k2: K2Process,
    name: string,
    count: number,
    labels: Readonly<Record<string, string>> = name === commits ? { table } : {}
  ) => k2.atLeast(name, ((await k2.metric(name, labels)) ?? 0) + count, labels)
  // Whoever comes second may have been fenced while the two shared for the first time.
  const fencings = () => heir.metric(commitFailures, { table, reason: 'fenced' })
  const before = await fencings()
  // Its next commit is ten seconds away, and what comes until then is read at once.
  await more(sleeper, commits, 1)
  await more(ingest, 'k2_published_records_total', 500)
  sleeper.kill('SIGSTOP')
  await expect.poll(() => assigned(heir)).toEqual(partitions)
  // One may have been under way before: those behind it have what the sleeper had.
  await more(heir, commits, 3)
  sleeper.kill('SIGCONT')
  await sleeper.atLeast(commitFailures, 1, { table, reason: 'fenced' })
  expect(sleeper.log.some(({ event }) => event === 'commit.fenced')).toBe(true)
  await shares(sleeper, heir)
  await more(sleeper, commits, 1)
  expect(await fencings()).toBe(before)
}
