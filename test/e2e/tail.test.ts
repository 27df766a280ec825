/**
 * What is durable in the log is answered before it has landed: while the table stands still,
 * answers go on, each trade once. A broker that is away takes nothing back (R35).
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Stack } from '../../deploy/local/stack.ts'
import { type K2Process, k2Fixture, type K2Settings } from '../support/k2-process.ts'
import { areServicesRequired, serviceStartMsMax, startKafka } from '../support/kafka/kafka-stack.ts'
import { until } from '../support/until.ts'

const k2s = k2Fixture()
const waitMsMax = 60_000
const testMsMax = 240_000

interface Answer {
  readonly data: readonly { readonly n: number; readonly ids: number }[]
  readonly meta: {
    readonly snapshots: { readonly trades: string | null }
    readonly partial: boolean
    readonly missing?: readonly string[]
  }
}

const start = (settings: K2Settings = {}): K2Process =>
  k2s.start({
    K2_DATA_DIR: k2s.dataFolder(),
    K2_HTTP_PORT: '0',
    K2_COMMIT_AGE: '10m',
    ...settings
  })

/** Of all trades; none is there twice. */
const counted = async (url: string): Promise<Answer & { readonly count: number }> => {
  const response = await fetch(`${url}/v1/sql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      sql: 'SELECT count(*) AS n, count(DISTINCT message_id) AS ids FROM trades'
    })
  })
  expect(response.status).toBe(200)
  const answer = (await response.json()) as Answer
  const [row] = answer.data
  expect(row!.ids).toBe(row!.n)
  return { ...answer, count: row!.n }
}

/** Of what the table has not, some is answered, and then more; a slow start may say it is not. */
const growing = async (url: string): Promise<number> => {
  const counts = new Map<string | null, Set<number>>()
  return until(
    async () => {
      const { count, meta } = await counted(url)
      if (meta.partial) return undefined
      const still = counts.get(meta.snapshots.trades) ?? new Set()
      counts.set(meta.snapshots.trades, still.add(count))
      return still.size >= 3 ? count : undefined
    },
    { what: 'three answers of the same snapshot, each with more trades', msMax: waitMsMax }
  )
}

/** Newer trades of the same snapshot come, newest first, each once. */
const renewed = async (url: string): Promise<void> => {
  const newest = async (more = '') =>
    (await (await fetch(`${url}/v1/trades?limit=1000${more}`)).json()) as {
      readonly data: ReadonlyArray<{ readonly message_id: string; readonly timestamp: string }>
      readonly meta: {
        readonly snapshot_id: string | null
        readonly partial: boolean
        readonly read_token: string
      }
    }
  const first = await newest()
  expect(first.meta.partial).toBe(false)
  await until(
    async () => {
      const { data, meta } = await newest()
      expect(meta).toMatchObject({ snapshot_id: first.meta.snapshot_id, partial: false })
      expect(new Set(data.map((it) => it.message_id)).size).toBe(data.length)
      const times = data.map(({ timestamp }) => timestamp)
      expect(times).toEqual(times.toSorted().reverse())
      return data[0]!.message_id !== first.data[0]?.message_id ? true : undefined
    },
    { what: 'a newer trade of the same snapshot', msMax: waitMsMax }
  )
  const again = await newest(`&read_token=${first.meta.read_token}`)
  expect(again.data).toEqual(first.data)
}

test(
  'answers go on while the table stands still, each trade once',
  async () => {
    const url = await start().ready()
    await growing(url)
    await renewed(url)
    const symbols = (await (await fetch(`${url}/v1/symbols`)).json()) as {
      readonly data: readonly string[]
      readonly meta: { readonly partial: boolean }
    }
    expect(symbols.data.length).toBeGreaterThan(0)
    expect(symbols.meta.partial).toBe(false)
  },
  testMsMax
)

describe.skipIf(!areServicesRequired)('on Kafka', () => {
  let stack: Stack
  beforeAll(async () => {
    stack = await startKafka()
  }, serviceStartMsMax)
  afterAll(() => stack.destroy())

  test(
    'a broker that is killed takes back nothing that was answered, and answers say so',
    async () => {
      const url = await start({
        K2_KAFKA_BOOTSTRAP_SERVERS: stack.addresses.kafkaBootstrap
      }).ready()
      const before = await growing(url)
      const kafka = stack.service('kafka')
      await kafka.kill()
      const away = await until(
        async () => {
          const answer = await counted(url)
          expect(answer.count).toBeGreaterThanOrEqual(before)
          return answer.meta.partial ? answer : undefined
        },
        { what: 'an answer that says what it lacks', msMax: waitMsMax }
      )
      expect(away.meta.missing?.length).toBeGreaterThan(0)
      await kafka.start()
      let missing: readonly string[] | undefined
      const whole = await until(
        async () => {
          const answer = await counted(url)
          expect(answer.count).toBeGreaterThanOrEqual(away.count)
          ;({ missing } = answer.meta)
          return answer.meta.partial ? undefined : answer
        },
        { what: 'a whole answer', msMax: waitMsMax, seen: () => String(missing) }
      )
      expect(whole.count).toBeGreaterThan(before)
      await growing(url)
    },
    testMsMax
  )
})
