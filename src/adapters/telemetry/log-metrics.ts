/** Metrics of publisher, spool and event log. */
import { counter, gauge, histogram } from './declaration.ts'
import { breakerNames, partitionNames, topicNames } from './label-sets.ts'

export const requestSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5]

const topic = { topic: topicNames }

export const publisherMetrics = {
  published: counter('k2_published_records_total', {
    help: 'Records that are durable in the event log, whichever it is.',
    unit: 'records',
    labels: topic
  }),
  publishedBytes: counter('k2_published_bytes_total', {
    help: 'Bytes of batches that are durable in the event log.',
    unit: 'bytes',
    labels: topic
  }),
  publishSeconds: histogram('k2_publish_duration_seconds', {
    help: 'From the first record of a batch to its durability, in the event log or the spool.',
    unit: 'seconds',
    labels: topic,
    buckets: requestSeconds
  }),
  publishPendingBytes: gauge('k2_publish_pending_bytes', {
    help: 'Bytes between feeds and event log.',
    unit: 'bytes',
    labels: topic
  }),
  publishRefused: counter('k2_publish_refused_total', {
    help: 'Times that the event log refused a batch; it is offered again.',
    unit: 'events',
    labels: topic
  }),
  circuitState: gauge('k2_circuit_breaker_state', {
    help: 'Circuit between a publisher and the event log: 0 closed, 1 half-open, 2 open.',
    unit: '1',
    labels: { breaker_name: breakerNames }
  })
}

export const spoolMetrics = {
  spooled: counter('k2_spooled_total', {
    help: 'Records that went to the spool.',
    unit: 'records',
    labels: topic
  }),
  spoolRefused: counter('k2_spool_refused_total', {
    help: 'Records that were not taken from a feed for want of room in the spool, by reason.',
    unit: 'records',
    labels: { ...topic, reason: ['spool_full'] }
  }),
  spoolBytes: gauge('k2_spool_bytes', { help: 'Bytes of the spool on disk.', unit: 'bytes' }),
  spoolRecords: gauge('k2_spool_records', {
    help: 'Records in the spool that wait for the event log.',
    unit: 'records'
  })
}

export const logMetrics = {
  logSyncSeconds: histogram('k2_log_sync_duration_seconds', {
    help: 'Write and fsync of one group of appends to the embedded log.',
    unit: 'seconds',
    buckets: requestSeconds
  }),
  logDiskBytes: gauge('k2_log_disk_bytes', {
    help: 'Bytes of the event log on disk.',
    unit: 'bytes'
  }),
  logTruncated: counter('k2_log_truncated_bytes_total', {
    help: 'Bytes of torn tails cut off at start.',
    unit: 'bytes'
  }),
  logLagRecords: gauge('k2_log_lag_records', {
    help:
      'Records that the table lacks, of each partition: raw, and overdue after two commit ages.',
    unit: 'records',
    labels: { ...topic, partition: partitionNames, kind: ['raw', 'overdue'] }
  }),
  logLagAge: gauge('k2_log_lag_age_seconds', {
    help: 'Age of the sample of the end of the partition that its lag rests on.',
    unit: 'seconds',
    labels: { ...topic, partition: partitionNames }
  })
}
