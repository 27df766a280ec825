/** Metrics of what seldom happens: each situation as those report it whom it befalls. */
import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import * as Queue from 'effect/Queue'
import * as TestClock from 'effect/testing/TestClock'
import { expect, onTestFinished, test } from 'vitest'
import type { PartitionPosition } from '../../src/actors/lander/lander-ports.ts'
import {
  observeConsumed,
  observeLanderLog,
  observeLanding
} from '../../src/actors/lander/lander-telemetry.ts'
import { observeKafkaLog } from '../../src/actors/log/kafka-log-actor.ts'
import { makeLagMetrics } from '../../src/actors/log/lag-metrics.ts'
import { observeLog } from '../../src/actors/log/log-actor.ts'
import { observePublisher } from '../../src/actors/publisher/publisher-actor.ts'
import { expiryProgram } from '../../src/actors/repair/expiry-actor.ts'
import { orphansProgram } from '../../src/actors/repair/orphans-actor.ts'
import { makeShared } from '../../src/actors/shared.ts'
import { openTable } from '../../src/actors/storage/data-folder.ts'
import { readConfig } from '../../src/adapters/config/config.ts'
import { makeTelemetry } from '../../src/adapters/telemetry/telemetry.ts'
import { emptyPartitionState } from '../../src/machines/partition-fold.ts'

const opened = () => {
  const root = mkdtempSync(join(tmpdir(), 'k2-seldom-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  const settings = { K2_DATA_DIR: root, K2_KAFKA_BOOTSTRAP_SERVERS: '127.0.0.1:1' }
  const config = readConfig(settings, [])
  const telemetry = makeTelemetry({ level: 'error', nowMs: Date.now, write: () => undefined })
  const clock = { ms: Date.now() }
  const nowMs = () => clock.ms
  const shared = makeShared({ config, telemetry, nowMs, uuid: randomUUID })
  /** Labels and value of each series. */
  const series = async (name: string) =>
    (await telemetry.exposition()).body
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .map((line) => line.slice(name.length).trim())
  return { root, shared, telemetry, clock, series }
}

const topic = 'market.crypto.trades.simulated'

const at = (offset: number, counted: Partial<PartitionPosition['counters']> = {}) => [
  { partition: 0, offset, counters: { ...emptyPartitionState().counters, ...counted } }
]

test('landing: repeats, late rows, a fence', async () => {
  const { shared, series } = opened()
  const { trades } = shared
  const landed = (offset: number, counted: Partial<PartitionPosition['counters']>) =>
    observeLanding(shared, trades, {
      type: 'commit.landed',
      snapshotId: '1',
      rows: 5,
      tookMs: 3,
      positions: at(offset, counted)
    })
  landed(10, { landed: 5, duplicates: 3, late: 2 })
  landed(20, { landed: 10, duplicates: 4, late: 2 })
  for (const type of ['commit.fenced', 'commit.failed'] as const)
    observeLanding(shared, trades, { type, detail: 'it moved on, or is away' })
  const labels = `{topic="${topic}"}`
  expect(await series('k2_duplicate_messages_detected_total')).toEqual([`${labels} 4`])
  expect(await series('k2_out_of_order_messages_total')).toEqual([`${labels} 2`])
  const written = '{table="market.trades",operation="append"}'
  expect(await series('k2_iceberg_rows_written_total')).toEqual([`${written} 10`])
  expect(await series('k2_iceberg_commit_failures_total')).toEqual([
    '{table="market.trades",operation="append",reason="fenced"} 1',
    '{table="market.trades",operation="append",reason="failed"} 1'
  ])
})

test('a consumer of Kafka: what it consumed, where it failed', async () => {
  const { shared, series } = opened()
  const { trades } = shared
  const event = { type: 'commit.landed', snapshotId: '1', rows: 5, tookMs: 3 } as const
  const consumed = (before: number, offset: number) =>
    observeConsumed(shared, trades, {
      before: at(before),
      event: { ...event, positions: at(offset) }
    })
  consumed(10, 25)
  consumed(25, 30)
  // A partition that has just come counts from where it stands.
  observeConsumed(shared, trades, { before: [], event: { ...event, positions: at(900) } })
  for (const type of ['group.failed', 'hint.failed', 'check.failed'] as const)
    observeLanderLog(shared, trades, { type, topic, detail: 'no' })
  expect(await series('k2_kafka_messages_consumed_total')).toEqual([
    `{topic="${topic}",consumer_group="k2-trades"} 20`
  ])
  expect(await series('k2_consumer_errors_total')).toEqual(
    ['group', 'hint', 'check'].map((it) => `{topic="${topic}",error_type="${it}"} 1`)
  )
})

test('lag in Kafka is that of the log, under the names of the seed', async () => {
  const { telemetry, series } = opened()
  const clock = { ms: 0 }
  const show = makeLagMetrics({
    metrics: telemetry.metrics,
    groupOf: () => 'k2-trades',
    monotonicMs: () => clock.ms
  })
  const lag = { overdue: 0, ageMs: 0 }
  show({ topic, partition: 3 }, { ...lag, raw: 7 }, 100)
  clock.ms = 4_000
  show({ topic, partition: 3 }, { ...lag, raw: 9 }, 100)
  const consumer = `{topic="${topic}",partition="3",consumer_group="k2-trades"}`
  expect(await series('k2_kafka_consumer_lag_messages')).toEqual([`${consumer} 9`])
  expect(await series('k2_kafka_consumer_lag_seconds')).toEqual([`${consumer} 4`])
  expect(await series('k2_kafka_consumer_offset')).toEqual([`${consumer} 100`])
  expect(await series('k2_log_lag_seconds')).toEqual([`{topic="${topic}",partition="3"} 4`])
  show({ topic, partition: 3 }, { raw: undefined, overdue: undefined, ageMs: undefined }, 100)
  expect(await series('k2_kafka_consumer_lag_messages')).toEqual([])
  expect(await series('k2_kafka_consumer_lag_seconds')).toEqual([])
})

test('appends to Kafka: what the brokers took, and what failed', async () => {
  const { telemetry, series } = opened()
  const append = { type: 'append.settled', topic, records: 40, tookMs: 20 } as const
  observeKafkaLog(telemetry, { ...append, failure: null })
  for (const failure of ['LogUnavailable', 'BatchTooLarge', 'interrupted'] as const)
    observeKafkaLog(telemetry, { ...append, failure })
  expect(await series('k2_kafka_messages_produced_total')).toEqual([`{topic="${topic}"} 40`])
  expect(await series('k2_kafka_produce_duration_seconds_count')).toEqual([`{topic="${topic}"} 4`])
  expect(await series('k2_kafka_produce_errors_total')).toEqual(
    ['LogUnavailable', 'BatchTooLarge', 'interrupted'].map(
      (it) => `{topic="${topic}",error_type="${it}"} 1`
    )
  )
})

test('the embedded log and the publisher: a torn tail, a refusal, no room to spool', async () => {
  const { shared, telemetry, series } = opened()
  const tail = { topic, partition: 0, offset: 5, bytes: 17 }
  observeLog(telemetry, { type: 'tail.truncated', ...tail })
  observePublisher(shared, topic, { type: 'batch.refused', detail: 'EIO' })
  observePublisher(shared, topic, { type: 'records.refused', reason: 'spool_full', records: 9 })
  expect(await series('k2_log_truncated_bytes_total')).toEqual(['17'])
  expect(await series('k2_publish_refused_total')).toEqual([`{topic="${topic}"} 1`])
  expect(await series('k2_spool_refused_total')).toEqual([
    `{topic="${topic}",reason="spool_full"} 9`
  ])
})

test('files of expired snapshots are counted as they are deleted', async () => {
  const { root, shared, clock, series } = opened()
  const file = join(root, 'old.parquet')
  writeFileSync(file, 'old')
  await Effect.runPromise(
    Effect.gen(function* () {
      const commands = yield* Queue.unbounded<{ readonly type: string }>()
      const running = expiryProgram(shared)({
        input: undefined,
        path: 'expiry',
        commands,
        notifyParent: () => undefined,
        ready: () => undefined,
        reportStatus: () => undefined
      })
      const deleted = Effect.gen(function* () {
        const expired = yield* shared.expired.get
        expired.add([file])
        clock.ms += 3_600_000
        while (!(yield* Effect.promise(() => series('k2_expired_files_total'))).includes('1'))
          yield* Effect.sleep(20)
      })
      yield* Effect.raceFirst(Effect.scoped(running), deleted)
    })
  )
  expect(await series('k2_expired_files_total')).toEqual(['1'])
})

test('orphans are counted by their table', async () => {
  const { root, shared, series } = opened()
  const { trades, folder, nowMs, uuid } = shared
  const data = join(root, 'warehouse/market/trades/data')
  mkdirSync(data, { recursive: true })
  const orphan = join(data, 'nobody-names-it.parquet')
  writeFileSync(orphan, 'old')
  utimesSync(orphan, 1, 1)
  const added: string[] = []
  await Effect.runPromise(
    Effect.gen(function* () {
      const options = { storage: {}, snapshotsMax: 5, observe: () => undefined }
      const context = { folder, nowMs, uuid, ...options }
      yield* trades.table.serve(yield* openTable(trades.spec, context))
      yield* shared.expired.serve({ add: (locations) => void added.push(...locations) })
      const commands = yield* Queue.unbounded<{ readonly type: string }>()
      yield* Effect.forkScoped(
        orphansProgram(shared, trades)({
          input: undefined,
          path: 'orphans',
          commands,
          notifyParent: () => undefined,
          ready: () => undefined,
          reportStatus: () => undefined
        })
      )
      // Files are listed by the real disk, the pauses are those of the clock.
      while (added.length === 0) {
        yield* TestClock.adjust(300_000)
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      }
    }).pipe(Effect.scoped, Effect.provide(TestClock.layer()))
  )
  expect(added).toHaveLength(1)
  expect(await series('k2_orphan_files_total')).toEqual(['{table="market.trades"} 1'])
})
