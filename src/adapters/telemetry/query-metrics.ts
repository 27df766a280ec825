/** Metrics of queries: requests for data, their engine, what is kept for them, and the tail. */
import { counter, gauge, histogram } from './declaration.ts'
import { poolNames, queryTypes } from './label-sets.ts'
import { requestSeconds } from './log-metrics.ts'

const kind = { query_type: queryTypes }
const tier = { cache_tier: ['hot_files'] } as const
const pool = { pool: poolNames }

export const queryMetrics = {
  queries: counter('k2_query_executions_total', {
    help:
      'Requests for data, by what answered them: the tail (realtime), files (historical), both ' +
      '(hybrid), or nothing that had to be read (none).',
    unit: 'requests',
    labels: { ...kind, status: ['success', 'refused', 'failed', 'abandoned'] }
  }),
  querySeconds: histogram('k2_query_duration_seconds', {
    help: 'Duration of requests for data, until the first byte of the answer.',
    unit: 'seconds',
    labels: kind,
    buckets: requestSeconds
  }),
  queryRows: histogram('k2_query_rows_scanned', {
    help: 'Rows that the engine gave for one request for data; those found in memory do not count.',
    unit: 'rows',
    labels: kind,
    buckets: [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000]
  }),
  cacheHits: counter('k2_query_cache_hits_total', {
    help: 'Files that a query needed and found unpacked in memory.',
    unit: 'files',
    labels: tier
  }),
  cacheMisses: counter('k2_query_cache_misses_total', {
    help: 'Files that a query needed and read.',
    unit: 'files',
    labels: tier
  }),
  poolSize: gauge('k2_connection_pool_size', {
    help: 'Connections to the query engine.',
    unit: '1',
    labels: pool
  }),
  poolActive: gauge('k2_connection_pool_active_connections', {
    help: 'Connections to the query engine that are used.',
    unit: '1',
    labels: pool
  }),
  poolAvailable: gauge('k2_connection_pool_available_connections', {
    help: 'Connections to the query engine that are not used.',
    unit: '1',
    labels: pool
  }),
  poolWaiting: gauge('k2_connection_pool_waiting_queries', {
    help: 'Queries that wait for a connection.',
    unit: '1',
    labels: pool
  }),
  poolWaitSeconds: histogram('k2_connection_pool_wait_time_seconds', {
    help: 'How long one request for data has waited for connections, all its statements together.',
    unit: 'seconds',
    buckets: requestSeconds
  }),
  poolRefusals: counter('k2_connection_pool_acquisition_timeouts_total', {
    help: 'Requests for data that got no connection, or not before their deadline.',
    unit: 'requests'
  }),
  hotBytes: gauge('k2_query_cache_bytes', {
    help: 'Bytes of files that are kept unpacked in memory.',
    unit: 'bytes',
    labels: tier
  })
}

const store = { data_type: ['trades', 'quotes', 'reference_data'] } as const

export const tailMetrics = {
  tailRows: gauge('k2_tail_rows', {
    help: 'Rows of the log that the tail holds, beyond the tables.',
    unit: 'rows',
    labels: store
  }),
  tailBytes: gauge('k2_tail_bytes', {
    help: 'Bytes of what the tail holds.',
    unit: 'bytes',
    labels: store
  }),
  tailFailures: counter('k2_tail_failures_total', {
    help: 'Times that the tail could not read the log on; it opens it again.',
    unit: 'events',
    labels: store
  }),
  tailSeconds: histogram('k2_tail_wait_duration_seconds', {
    help: 'How long one request for data has waited for what the log has beyond the files.',
    unit: 'seconds',
    buckets: requestSeconds
  })
}
