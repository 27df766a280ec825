import * as Effect from 'effect/Effect'
import type { Registry } from 'prom-client'
import { beforeEach, expect, test } from 'vitest'
import type { PartitionPosition } from '../../../src/actors/lander/lander-ports.ts'
import { embeddedLagOf, type LagOptions, makeLogLag } from '../../../src/actors/log/log-lag.ts'
import { commitAppend } from '../../../src/adapters/iceberg/append.ts'
import { readRecordedState, type Table } from '../../../src/adapters/iceberg/table.ts'
import { LogUnavailable } from '../../../src/adapters/log/event-log.ts'
import { emptyPartitionState } from '../../../src/machines/partition-fold.ts'
import { type Metrics, openMetrics } from '../../../src/adapters/telemetry/metrics.ts'
import {
  batch,
  logIdentity,
  makeWorld,
  openTable,
  topic,
  type World
} from '../../adapters/iceberg/support.ts'

const run = Effect.runPromise
const overdueMs = 10_000
let nowMs: number
let ends: (number | null)[]
let metrics: Metrics
let registry: Registry
let world: World
let table: { current: Table | undefined }
let landing: { current: { positions: PartitionPosition[] } | undefined }

beforeEach(async () => {
  nowMs = 1_000
  ends = [100, 50]
  ;({ metrics, registry } = openMetrics())
  world = makeWorld()
  landing = { current: undefined }
  const opened = await run(openTable(world))
  await run(commitAppend(opened, batch('a', [0, null, 60])))
  table = { current: opened }
})

const bounds = (_topic: string, partition: number) => {
  const durableEnd = ends[partition]
  return typeof durableEnd === 'number'
    ? Effect.succeed({ startOffset: 10, durableEnd })
    : Effect.fail(new LogUnavailable({ topicPartition: topic, detail: 'away' }))
}

const recorded = Effect.suspend(() =>
  table.current === undefined
    ? Effect.succeed(null)
    : Effect.orElseSucceed(readRecordedState(table.current), () => null)
)

const lagOver = (given: Partial<LagOptions> = {}) => {
  const monotonicMs = () => nowMs
  return makeLogLag({
    pipelines: [{ topic, recorded, landing }],
    log: { topics: new Map([[topic, 2]]), identityOf: () => logIdentity },
    lagOf: embeddedLagOf({ bounds }, { overdueMs, monotonicMs }),
    metrics,
    tableMs: 0,
    monotonicMs,
    ...given
  })
}

const valuesOf = async (name: string) => (await registry.getSingleMetric(name)!.get()).values

/** Of both gauges, by partition and kind; what has no value is not there. */
const shown = async () => {
  const records = await valuesOf('k2_log_lag_records')
  const ages = await valuesOf('k2_log_lag_age_seconds')
  return Object.fromEntries([
    ...records.map(({ labels: { partition, kind }, value }) => [`${partition} ${kind}`, value]),
    ...ages.map(({ labels: { partition }, value }) => [`${partition} age`, value])
  ])
}

test('raw at once; overdue only once there is a sample that is old enough', async () => {
  const lag = lagOver()
  await run(lag.sample)
  // Of the second partition nothing has landed: it counts from where the log begins.
  expect(await shown()).toEqual({ '0 raw': 40, '1 raw': 40, '0 age': 0, '1 age': 0 })
  expect(lag.counters()).toEqual({ lagRecords: 80 })
  nowMs += overdueMs
  ends = [130, 55]
  await run(lag.sample)
  expect(await shown()).toMatchObject({
    '0 raw': 70,
    '0 overdue': 40,
    '1 raw': 45,
    '1 overdue': 40
  })
  expect(lag.counters()).toEqual({ lagRecords: 115, overdueLagRecords: 80 })
})

test('of a topic: what is overdue over its partitions, and how old that is', async () => {
  const lag = lagOver()
  expect(lag.overdueOf(topic)).toBeUndefined()
  await run(lag.sample)
  expect(lag.overdueOf(topic)).toEqual({ records: undefined, atMs: 1_000, ageMs: 0 })
  nowMs += overdueMs
  await run(lag.sample)
  expect(lag.overdueOf(topic)).toEqual({ records: 80, atMs: 11_000, ageMs: 0 })
  ends = [200, null]
  nowMs += 500
  await run(lag.sample)
  expect(lag.overdueOf(topic)).toEqual({ records: 80, atMs: 11_500, ageMs: 500 })
  expect(lag.overdueOf('another')).toBeUndefined()
})

test('what others have landed counts, and the lander here is sooner than the table', async () => {
  const lag = lagOver({ tableMs: 60_000 })
  await run(lag.sample)
  await run(commitAppend(table.current!, batch('b', [0, 60, 90])))
  nowMs += 1
  await run(lag.sample)
  expect(await shown()).toMatchObject({ '0 raw': 40 })
  const { counters } = emptyPartitionState()
  landing.current = { positions: [{ partition: 0, offset: 90, counters }] }
  await run(lag.sample)
  expect(await shown()).toMatchObject({ '0 raw': 10 })
  landing.current = undefined
  nowMs += 60_000
  await run(lag.sample)
  expect(await shown()).toMatchObject({ '0 raw': 10 })
})

test('a partition whose end is not known any more has no lag, and there is no sum', async () => {
  const lag = lagOver()
  await run(lag.sample)
  ends = [110, null]
  nowMs += overdueMs + 1
  await run(lag.sample)
  expect(await shown()).toEqual({ '0 raw': 50, '0 overdue': 40, '0 age': 0 })
  expect(lag.counters()).toEqual({})
})

test.each<[string, () => void]>([
  ['is not open any more', () => void (table.current = undefined)],
  ['cannot be read any more', () => world.files.stored.clear()]
])('where the table %s, lag is unknown, and not 0', async (_why, lose) => {
  const lag = lagOver()
  await run(lag.sample)
  expect(await shown()).toMatchObject({ '0 raw': 40 })
  lose()
  await run(lag.sample)
  expect(await shown()).toEqual({})
  expect(lag.counters()).toEqual({})
})

test('who lands nothing knows no lag', async () => {
  const lag = lagOver({ pipelines: [] })
  await run(lag.sample)
  expect(await shown()).toEqual({})
  expect(lag.counters()).toEqual({})
})
