/** Metrics of landing, of the tables, and of who maintains them. */
import { counter, gauge, histogram } from './declaration.ts'
import { deadLetterReasons, tableNames, topicNames } from './label-sets.ts'

const writeSeconds = [
  0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300
]

const topic = { topic: topicNames }
const table = { table: tableNames }
/** `append`: of a lander or the gap writer; `compact`: rewritten; `rollup`: candles. */
const operation = ['append', 'compact', 'rollup'] as const

export const landingMetrics = {
  lagRecords: gauge('k2_landing_lag_records', {
    help: 'Durable records that the table does not have yet.',
    unit: 'records',
    labels: topic
  }),
  landed: gauge('k2_landed_records', {
    help: 'Rows landed since the table was made.',
    unit: 'records',
    labels: topic
  }),
  duplicates: counter('k2_duplicate_messages_detected_total', {
    help: 'Repeats recognised since the table was made.',
    unit: 'records',
    labels: topic
  }),
  lateRecords: counter('k2_out_of_order_messages_total', {
    help: 'Rows that landed after newer ones since the table was made.',
    unit: 'records',
    labels: topic
  }),
  deadLettered: gauge('k2_dead_lettered_records', {
    help: 'Records refused since the table was made.',
    unit: 'records',
    labels: topic
  }),
  gapIds: gauge('k2_sequence_gap_ids', {
    help:
      'Ids skipped since the table was made, before late arrivals; 0 where gaps are no holes.',
    unit: 'ids',
    labels: topic
  }),
  stoppedPartitions: gauge('k2_landing_stopped_partitions', {
    help: 'Partitions that an operator must see to.',
    unit: '1',
    labels: topic
  }),
  deadLetterLines: counter('k2_dead_letters_total', {
    help: 'Lines written to the dead-letter log, by reason.',
    unit: 'records',
    labels: {
      source: [
        'feed', 'gaps', 'lander:trades', 'lander:quotes', 'lander:reference_data', 'lander:gaps',
        'publisher:trades', 'publisher:quotes', 'publisher:reference_data', 'publisher:gaps'
      ],
      reason: deadLetterReasons
    }
  })
}

export const tableMetrics = {
  transactions: counter('k2_iceberg_transactions_total', {
    help: 'Snapshots that were committed to a table.',
    unit: 'events',
    labels: { ...table, operation }
  }),
  commitFailures: counter('k2_iceberg_commit_failures_total', {
    help:
      'Commits that did not happen: the table had moved on (fenced), or what was planned did not ' +
      'hold any more (abandoned), or catalog, store or engine failed (failed).',
    unit: 'events',
    labels: { ...table, operation, reason: ['fenced', 'abandoned', 'failed'] }
  }),
  rowsWritten: counter('k2_iceberg_rows_written_total', {
    help: 'Rows of the snapshots that this process has committed to a table.',
    unit: 'rows',
    labels: { ...table, operation }
  }),
  transactionRows: histogram('k2_iceberg_transaction_rows', {
    help: 'Rows of one commit to a table.',
    unit: 'rows',
    labels: table,
    buckets: [10, 50, 100, 500, 1_000, 5_000, 10_000, 50_000, 100_000]
  }),
  tableBytes: gauge('k2_iceberg_table_size_bytes', {
    help: 'Bytes of the data files of a table, as this process knows it.',
    unit: 'bytes',
    labels: table
  }),
  tableRows: gauge('k2_iceberg_table_rows', {
    help: 'Rows of a table, as this process knows it.',
    unit: 'rows',
    labels: table
  }),
  tableFiles: gauge('k2_iceberg_table_data_files', {
    help: 'Data files of a table, as this process knows it: many small ones wait for compaction.',
    unit: 'files',
    labels: table
  }),
  snapshots: gauge('k2_iceberg_snapshot_count', {
    help: 'Snapshots that a table keeps, as this process knows it.',
    unit: '1',
    labels: table
  }),
  writeSeconds: histogram('k2_iceberg_write_duration_seconds', {
    help: 'From the cut of a batch, or the plan of a rewrite, to its snapshot.',
    unit: 'seconds',
    labels: { ...table, operation },
    buckets: writeSeconds
  })
}

export const maintenanceMetrics = {
  compactions: counter('k2_compaction_groups_total', {
    help: 'Groups of data files that were to be merged.',
    unit: 'events',
    labels: { ...table, outcome: ['committed', 'abandoned', 'failed'] }
  }),
  compactedRows: counter('k2_compaction_rows_total', {
    help: 'Rows rewritten by compaction.',
    unit: 'rows',
    labels: table
  }),
  compactedFiles: counter('k2_compaction_files_total', {
    help: 'Data files of compaction.',
    unit: 'files',
    labels: { ...table, kind: ['replaced', 'written'] }
  }),
  candleCommits: counter('k2_candle_commits_total', {
    help: 'Steps of the table of candles towards the trades.',
    unit: 'events',
    labels: { outcome: ['committed', 'overtaken', 'failed'] }
  }),
  candleMinutes: counter('k2_candle_minutes_total', {
    help: 'Minutes of an exchange whose candles were made of their trades.',
    unit: '1'
  }),
  orphanFiles: counter('k2_orphan_files_total', {
    help: 'Files that nothing names, given to be deleted.',
    unit: 'files',
    labels: table
  }),
  expiryWaiting: gauge('k2_expiry_waiting_files', {
    help: 'Files that no snapshot names and that wait to be deleted until no read can use them.',
    unit: 'files'
  }),
  expiredFiles: counter('k2_expired_files_total', {
    help: 'Files of expired snapshots that were deleted.',
    unit: 'files'
  })
}
