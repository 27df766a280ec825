/**
 * Every metric that is declared is recorded by a running K2, or by the one situation that records
 * it: a metric that nobody ever sees is worse than none.
 *
 * 1. A metric is seen once it is set, observed, or counted up by more than 0.
 * 2. Of what no run here brings about, the test that does is named, and reads it by its name.
 */
import { readFileSync } from 'node:fs'
import { Counter, Gauge, Histogram } from 'prom-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { metricsByComponent } from '../../src/adapters/telemetry/metrics.ts'
import { cleanUp, newFolder, startTree, type Tree } from './support/runtime.ts'

const declared = Object.values(metricsByComponent)
  .flatMap((group) => Object.values(group))
  .map(({ name }): string => name)
  .sort()

const seldom = 'test/actors/seldom-metrics.test.ts'
const elsewhere: Readonly<Record<string, string>> = {
  k2_compaction_files_total: 'test/actors/repair/maintenance-actors.test.ts',
  k2_compaction_groups_total: 'test/actors/repair/maintenance-actors.test.ts',
  k2_compaction_rows_total: 'test/actors/repair/maintenance-actors.test.ts',
  k2_connection_pool_acquisition_timeouts_total: 'test/actors/reading/http-telemetry.test.ts',
  k2_consumer_errors_total: seldom,
  k2_dead_letters_total: 'test/actors/gaps/gaps-tree.test.ts',
  k2_duplicate_messages_detected_total: seldom,
  k2_expired_files_total: seldom,
  k2_feed_rejected_frames_total: 'test/e2e/odd-frames.test.ts',
  k2_feed_rotations_total: 'test/actors/rotation.test.ts',
  k2_heal_request_duration_seconds: 'test/actors/repair/healer.test.ts',
  k2_heal_requests_total: 'test/actors/repair/healer.test.ts',
  k2_heal_written_off_trades_total: 'test/e2e/healing.test.ts',
  k2_healed_trades_total: 'test/actors/repair/healer.test.ts',
  k2_iceberg_commit_failures_total: seldom,
  k2_kafka_consumer_lag_messages: seldom,
  k2_kafka_consumer_lag_seconds: seldom,
  k2_kafka_consumer_offset: seldom,
  k2_kafka_messages_consumed_total: seldom,
  k2_kafka_messages_produced_total: seldom,
  k2_kafka_produce_duration_seconds: seldom,
  k2_kafka_produce_errors_total: seldom,
  k2_log_truncated_bytes_total: seldom,
  k2_orphan_files_total: seldom,
  k2_out_of_order_messages_total: seldom,
  k2_publish_refused_total: seldom,
  k2_query_cache_hits_total: 'test/actors/reading/http-telemetry.test.ts',
  k2_query_cache_misses_total: 'test/actors/reading/http-telemetry.test.ts',
  k2_spool_refused_total: seldom,
  k2_trace_spans_total: 'test/actors/traces/traces-tree.test.ts',
  k2_telemetry_refused_total: 'test/adapters/telemetry/metrics.test.ts'
}

const seen = new Set<string>()

const watched = (metric: { prototype: object }, method: string, by = false): void => {
  const prototype = metric.prototype as Record<string, (...args: unknown[]) => unknown>
  const original = prototype[method]!
  undo.push(() => void (prototype[method] = original))
  prototype[method] = function (this: { readonly name: string }, ...args: unknown[]) {
    if (!by || args[1] !== 0) seen.add(this.name) // (1)
    return original.apply(this, args)
  }
}
const undo: (() => void)[] = []

beforeAll(() => {
  watched(Counter, 'incWithoutExemplar', true)
  watched(Gauge, 'set')
  watched(Gauge, 'inc')
  watched(Histogram, 'observeWithoutExemplar')
})
afterAll(() => {
  for (const mend of undo) mend()
})
cleanUp()

const ask = async (tree: Tree, path: string, init?: RequestInit): Promise<string> =>
  (await fetch(`${tree.shared.http.current!.url}${path}`, init)).text()

/** Nobody listens there. */
const noBroker = { K2_KAFKA_BOOTSTRAP_SERVERS: '127.0.0.1:1', K2_KAFKA_SEND_TIMEOUT: '1s' }

test.each(['ingest', 'land', 'serve'])('to %s alone: /metrics is there', async (role) => {
  const tree = startTree(newFolder(), { ...noBroker, K2_ROLES: role })
  await tree.until('the API', () => tree.shared.http.current !== undefined)
  const body = await ask(tree, '/metrics')
  const info = new RegExp(`^k2_platform_info\\{.*roles="${role}".*log="kafka".*\\} 1$`, 'm')
  expect(body).toMatch(info)
  for (const name of declared) expect(body).toContain(`# TYPE ${name} `)
  if (role === 'serve') {
    await ask(tree, '/v1/trades?symbol=BTCUSDT')
    const failures = () => tree.metric('k2_tail_failures_total')
    await tree.until('a tail that cannot read on', async () => (await failures()) > 0)
  }
  if (role !== 'ingest') return
  for (const name of ['k2_circuit_breaker_failures_total', 'k2_spooled_total']) {
    await tree.until(name, async () => (await tree.metric(name)) > 0)
  }
})

test('all that is declared is recorded by a run, or by the situation that is named', async () => {
  const tree = startTree(newFolder(), {
    K2_SLOW_QUERY: '1ms',
    K2_ROLLUP_INTERVAL: '1s',
    K2_COMPACTION_INTERVAL: '2s'
  })
  await tree.until('rows', async () => (await tree.metric('k2_landed_records')) > 0)
  await ask(tree, '/v1/trades?symbol=BTCUSDT&limit=5')
  await ask(tree, '/v1/trades?symbol=BTCUSDT&limit=500')
  tree.crash('root/repair/disk')
  tree.park('root/repair/retention:quotes')
  tree.crash('root/ingest/exchange')
  const pressure = { level: 'aggressive', expires_seconds: 10 }
  await ask(tree, '/v1/system/pressure', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(pressure)
  })
  const late = [
    'k2_messages_shed_total',
    'k2_actor_restarts_total',
    'k2_actor_down_duration_seconds_count',
    'k2_candle_commits_total',
    'k2_feed_failures_total'
  ]
  for (const name of late) {
    await tree.until(name, async () => (await tree.metric(name)) > 0)
  }
  const unseen = () => declared.filter((name) => !seen.has(name))
  await expect.poll(() => unseen().filter((name) => elsewhere[name] === undefined)).toEqual([])
  for (const name of unseen()) expect(readFileSync(elsewhere[name]!, 'utf8')).toContain(name)
})
