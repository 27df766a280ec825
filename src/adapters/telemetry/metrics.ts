/**
 * Every metric of K2, declared once: name, help, labels. Labels have closed value
 * sets or are names of actors, feeds, routes and tables, so that the number of series
 * is bounded; symbols are never a label.
 */
import { Registry } from 'prom-client'
import { conservationMetrics } from './conservation-metrics.ts'
import { type Declare, declarersOf } from './declare-metrics.ts'
import { gapMetrics, healingMetrics } from './gap-metrics.ts'

const commitSeconds = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]
const compactionSeconds = [0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300]
const requestSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5]

export const declareMetrics = () => {
  const registry = new Registry()
  const declare = declarersOf(registry)
  return {
    registry,
    ...feedMetrics(declare),
    ...logMetrics(declare),
    ...landingMetrics(declare),
    ...gapMetrics(declare),
    ...conservationMetrics(declare),
    ...maintenanceMetrics(declare),
    ...healingMetrics(declare),
    ...processMetrics(declare)
  }
}

export type Metrics = ReturnType<typeof declareMetrics>

const feedMetrics = ({ counter, gauge }: Declare) => ({
  feedFrames: counter(
    'k2_feed_frames_total',
    'Frames received, by what they were.',
    'feed',
    'kind'
  ),
  feedRejected: counter(
    'k2_feed_rejected_frames_total',
    'Frames that could not become a record, by reason.',
    'feed',
    'reason'
  ),
  feedConnected: gauge(
    'k2_feed_connected',
    '1 while the feed is subscribed and streaming.',
    'feed'
  ),
  feedConnectionOpened: gauge(
    'k2_feed_connection_opened_timestamp_seconds',
    'When the newest subscribed connection was opened; the venue ends one after 24 hours.',
    'feed'
  ),
  feedRotations: counter(
    'k2_feed_rotations_total',
    'Tries to replace a connection by a new one: completed, failed, too_late.',
    'feed',
    'outcome'
  ),
  shed: counter(
    'k2_shed_records_total',
    'Records that were dropped under pressure, by reason.',
    'topic',
    'reason'
  ),
  feedFailures: counter(
    'k2_feed_failures_total',
    'Attempts that failed, by what they failed of; each is followed by another.',
    'feed',
    'failure'
  ),
  feedLastFrame: gauge(
    'k2_feed_last_frame_timestamp_seconds',
    'When the newest frame was received.',
    'feed'
  )
})

const logMetrics = ({ counter, gauge, histogram }: Declare) => ({
  published: counter(
    'k2_published_records_total',
    'Records that are durable in the event log.',
    'topic'
  ),
  publishedBytes: counter(
    'k2_published_bytes_total',
    'Bytes of batches that are durable in the event log.',
    'topic'
  ),
  publishSeconds: histogram(
    'k2_publish_duration_seconds',
    'From the first record of a batch to its durability.',
    [requestSeconds, 'topic']
  ),
  publishPendingBytes: gauge(
    'k2_publish_pending_bytes',
    'Bytes between feeds and event log.',
    'topic'
  ),
  circuitState: gauge(
    'k2_publisher_circuit_state',
    'Circuit between publisher and event log: 0 closed, 1 half-open, 2 open.',
    'topic'
  ),
  spooled: counter('k2_spooled_total', 'Records that went to the spool.', 'topic'),
  spoolRefused: counter(
    'k2_spool_refused_total',
    'Records that were not taken from a feed for want of room in the spool, by reason.',
    'topic',
    'reason'
  ),
  spoolBytes: gauge('k2_spool_bytes', 'Bytes of the spool on disk.'),
  spoolRecords: gauge('k2_spool_records', 'Records in the spool that wait for the event log.'),
  publishRefused: counter(
    'k2_publish_refused_total',
    'Times that the event log refused a batch; it is offered again.',
    'topic'
  ),
  logSyncSeconds: histogram(
    'k2_log_sync_duration_seconds',
    'Write and fsync of one group of appends.',
    [requestSeconds]
  ),
  logDiskBytes: gauge('k2_log_disk_bytes', 'Bytes of the event log on disk.'),
  logTruncated: counter('k2_log_truncated_bytes_total', 'Bytes of torn tails cut off at start.')
})

const landingMetrics = ({ counter, gauge, histogram }: Declare) => ({
  lagRecords: gauge(
    'k2_landing_lag_records',
    'Durable records that the table does not have yet.',
    'topic'
  ),
  logLagRecords: gauge(
    'k2_log_lag_records',
    'Records that the table lacks, of each partition: raw, and overdue after two commit ages.',
    'topic',
    'partition',
    'kind'
  ),
  logLagAge: gauge(
    'k2_log_lag_age_seconds',
    'Age of the sample of the end of the partition that its lag rests on.',
    'topic',
    'partition'
  ),
  landed: gauge('k2_landed_records', 'Rows landed since the table was made.', 'topic'),
  duplicates: gauge(
    'k2_duplicate_records',
    'Repeats recognised since the table was made.',
    'topic'
  ),
  lateRecords: gauge(
    'k2_late_records',
    'Rows that landed after newer ones since the table was made.',
    'topic'
  ),
  deadLettered: gauge(
    'k2_dead_lettered_records',
    'Records refused since the table was made.',
    'topic'
  ),
  gapIds: gauge(
    'k2_sequence_gap_ids',
    'Ids skipped since the table was made, before late arrivals; 0 where gaps are no holes.',
    'topic'
  ),
  stoppedPartitions: gauge(
    'k2_landing_stopped_partitions',
    'Partitions that an operator must see to.',
    'topic'
  ),
  commits: counter('k2_commits_total', 'Commits to the table, by outcome.', 'table', 'outcome'),
  commitSeconds: histogram(
    'k2_commit_duration_seconds',
    'From the cut of a batch to its snapshot.',
    [commitSeconds, 'table']
  ),
  deadLetterLines: counter(
    'k2_dead_letters_total',
    'Lines written to the dead-letter log, by reason.',
    'source',
    'reason'
  )
})

const maintenanceMetrics = ({ counter, histogram }: Declare) => ({
  compactions: counter(
    'k2_compaction_groups_total',
    'Groups of data files that were to be merged, by outcome: committed, abandoned, failed.',
    'table',
    'outcome'
  ),
  compactedRows: counter('k2_compaction_rows_total', 'Rows rewritten by compaction.', 'table'),
  compactedFiles: counter(
    'k2_compaction_files_total',
    'Data files of compaction: replaced, written.',
    'table',
    'kind'
  ),
  compactionSeconds: histogram(
    'k2_compaction_duration_seconds',
    'From the plan of a group to its snapshot.',
    [compactionSeconds, 'table']
  ),
  candleCommits: counter(
    'k2_candle_commits_total',
    'Steps of the table of candles towards the trades, by outcome: committed, overtaken, failed.',
    'outcome'
  ),
  candleMinutes: counter(
    'k2_candle_minutes_total',
    'Minutes of an exchange whose candles were made of their trades.'
  ),
  candleSeconds: histogram(
    'k2_candle_commit_duration_seconds',
    'From the plan of a step to its snapshot.',
    [compactionSeconds]
  ),
  orphanFiles: counter(
    'k2_orphan_files_total',
    'Files that nothing names, given to be deleted.',
    'table'
  )
})

const processMetrics = ({ counter, gauge, histogram }: Declare) => ({
  actorRestarts: counter('k2_actor_restarts_total', 'Restarts after a crash.', 'actor'),
  actorWaits: counter('k2_actor_waits_total', 'Waits for an unavailable dependency.', 'actor'),
  actorQuarantines: counter('k2_actor_quarantines_total', 'Actors that were parked.', 'actor'),
  degradationLevel: gauge(
    'k2_degradation_level',
    'Level of degradation: 0 normal, 1 soft, 2 graceful, 3 aggressive, 4 circuit break.'
  ),
  degradationTransitions: counter(
    'k2_degradation_transitions_total',
    'Changes of the level of degradation.',
    'from',
    'to'
  ),
  pressureSignal: gauge(
    'k2_pressure_signal',
    'Pressure by signal, as a share of its mark of soft: 1 is where the level rises.',
    'signal',
    'data_type'
  ),
  loopDelay: gauge(
    'k2_event_loop_delay_seconds',
    'Event-loop delay of the main thread over the last sample, by quantile.',
    'quantile'
  ),
  memoryBytes: gauge('k2_memory_bytes', 'Memory in use, by kind.', 'thread', 'kind'),
  diskBytes: gauge('k2_disk_bytes', 'Bytes of the data folder.'),
  diskBytesMax: gauge('k2_disk_limit_bytes', 'Bytes that the data folder may use.'),
  expiredFiles: counter(
    'k2_expired_files_total',
    'Files of expired snapshots that were deleted.'
  ),
  httpRequests: counter(
    'k2_http_requests_total',
    'HTTP requests, by route and status.',
    'method',
    'route',
    'status'
  ),
  slowQueries: counter(
    'k2_http_slow_queries_total',
    'Queries that took longer than K2_SLOW_QUERY, by route.',
    'route'
  ),
  httpSeconds: histogram('k2_http_request_duration_seconds', 'Duration of HTTP requests.', [
    requestSeconds,
    'route'
  ])
})
