/** Metrics of publisher, spool and event log. */
import { counter, gauge, histogram } from './declaration.ts'
import { breakerNames, consumerGroups, partitionNames, topicNames } from './label-sets.ts'

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
  }),
  circuitFailures: counter('k2_circuit_breaker_failures_total', {
    help: 'Sends to the event log that failed, as its circuit breaker was told, probes included.',
    unit: 'events',
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
  logLagSeconds: gauge('k2_log_lag_seconds', {
    help:
      'How long the oldest record that the table lacks has been in the partition, at least; 0 ' +
      'where it lacks none.',
    unit: 'seconds',
    labels: { ...topic, partition: partitionNames }
  }),
  logLagAge: gauge('k2_log_lag_age_seconds', {
    help: 'Age of the sample of the end of the partition that its lag rests on.',
    unit: 'seconds',
    labels: { ...topic, partition: partitionNames }
  })
}

const onKafka = 'Only where Kafka is the log'
const consumed = { ...topic, partition: partitionNames, consumer_group: consumerGroups }

/** What the seed measures of Kafka; of either log there are `k2_published_…` and `k2_log_…`. */
export const kafkaMetrics = {
  kafkaProduced: counter('k2_kafka_messages_produced_total', {
    help: `${onKafka}: records that the brokers have acknowledged, repeats included.`,
    unit: 'records',
    labels: topic
  }),
  kafkaProduceErrors: counter('k2_kafka_produce_errors_total', {
    help: `${onKafka}: appends that failed, or of which it is not known whether they did not.`,
    unit: 'events',
    labels: { ...topic, error_type: ['LogUnavailable', 'BatchTooLarge', 'interrupted'] }
  }),
  kafkaProduceSeconds: histogram('k2_kafka_produce_duration_seconds', {
    help: `${onKafka}: from an append to the answer of the brokers, or to its failure.`,
    unit: 'seconds',
    labels: topic,
    buckets: requestSeconds
  }),
  kafkaConsumed: counter('k2_kafka_messages_consumed_total', {
    help: `${onKafka}: records that landers of this process have consumed and committed.`,
    unit: 'records',
    labels: { ...topic, consumer_group: consumerGroups }
  }),
  kafkaLagRecords: gauge('k2_kafka_consumer_lag_messages', {
    help: `${onKafka}: k2_log_lag_records of the kind raw. The table's offsets count.`,
    unit: 'records',
    labels: consumed
  }),
  kafkaLagSeconds: gauge('k2_kafka_consumer_lag_seconds', {
    help: `${onKafka}: k2_log_lag_seconds.`,
    unit: 'seconds',
    labels: consumed
  }),
  kafkaOffset: gauge('k2_kafka_consumer_offset', {
    help: `${onKafka}: the next offset that the table wants.`,
    unit: '1',
    labels: consumed
  }),
  consumerErrors: counter('k2_consumer_errors_total', {
    help:
      `${onKafka}: failures of a lander's consumer: of its group, of the offsets that it leaves ` +
      'there as a hint, of a look at the topic.',
    unit: 'events',
    labels: { ...topic, error_type: ['group', 'hint', 'check'] }
  })
}
