/** Commits, maintenance, disk. */
import type { Dashboard } from './dashboard.ts'
import { dataFiles, orNone, percentile, rate } from './parts.ts'

export const storage: Dashboard = {
  uid: 'k2-storage',
  title: 'K2: storage',
  about: 'Commits to the tables, what keeps them small, and the disk.',
  rows: [
    {
      title: 'Commits',
      panels: [
        {
          title: 'Snapshots',
          about: 'Snapshots a second, by table and what they were for.',
          unit: 'cps',
          queries: [
            [rate('k2_iceberg_transactions_total', 'table, operation'), '{{table}} {{operation}}']
          ]
        },
        {
          title: 'Time of a commit',
          about: 'From the cut of a batch to its snapshot, by percentile; two seconds is slow.',
          unit: 's',
          marks: [
            [undefined, 'green'],
            [2, 'orange']
          ],
          alert: 'K2CommitsSlow',
          queries: [0.5, 0.99].map((share) => [
            percentile(share, 'k2_iceberg_write_duration_seconds{operation="append"}', 'table'),
            `${share * 100} %: {{table}}`
          ])
        },
        {
          title: 'Commits that did not happen',
          about: 'In a quarter of an hour: fenced and abandoned are harmless, failed is not.',
          unit: 'short',
          alert: 'K2CommitsFailing',
          queries: [
            [
              'sum by (table, reason) (table:k2_iceberg_commit_failures:increase15m) > 0',
              '{{table}} {{reason}}'
            ],
            [orNone('sum(table:k2_iceberg_commit_failures:increase15m)'), 'all']
          ]
        },
        {
          title: 'Rows written',
          about: 'Rows a second, by table and what they were written for.',
          unit: 'cps',
          queries: [
            [rate('k2_iceberg_rows_written_total', 'table, operation'), '{{table}} {{operation}}']
          ]
        }
      ]
    },
    {
      title: 'Maintenance',
      panels: [
        {
          title: 'Merges',
          about: 'Groups of files in the last hour, by what came of them.',
          unit: 'short',
          alert: 'K2CompactionFailing',
          queries: [
            [
              'sum by (table, outcome) (table:k2_compaction_groups:increase1h)',
              '{{table}} {{outcome}}'
            ]
          ]
        },
        {
          title: 'Files merged',
          about: 'Data files a second that were replaced, and those written instead.',
          unit: 'cps',
          queries: [[rate('k2_compaction_files_total', 'table, kind'), '{{table}} {{kind}}']]
        },
        dataFiles,
        {
          title: 'Snapshots kept',
          about: 'Of each table; K2_SNAPSHOTS_MAX is the most.',
          unit: 'short',
          alert: 'K2ExpiryBehind',
          queries: [['max by (table) (k2_iceberg_snapshot_count)', '{{table}}']]
        },
        {
          title: 'Bytes of tables',
          about: 'Of the data files of each table.',
          unit: 'bytes',
          kind: 'stacked',
          queries: [['max by (table) (k2_iceberg_table_size_bytes)', '{{table}}']]
        },
        {
          title: 'Candles',
          about: 'Steps of the table of candles towards the trades, in the last hour.',
          unit: 'short',
          alert: 'K2CandlesBehind',
          queries: [['sum by (outcome) (outcome:k2_candle_commits:increase1h)', '{{outcome}}']]
        },
        {
          title: 'Files deleted',
          about: 'Files in all that no snapshot names any more, and those that wait for their end.',
          unit: 'short',
          queries: [
            ['sum(k2_expired_files_total)', 'deleted'],
            ['sum(k2_expiry_waiting_files)', 'waiting']
          ]
        }
      ]
    },
    {
      title: 'Disk',
      panels: [
        {
          title: 'Bytes',
          about: 'The data folder, the event log and the spool in it.',
          unit: 'bytes',
          alert: 'K2DiskFull',
          queries: [
            ['sum(k2_disk_bytes)', 'data folder'],
            ['sum(k2_log_disk_bytes)', 'event log'],
            ['sum(k2_spool_bytes)', 'spool']
          ]
        },
        {
          title: 'Share of the limit',
          about: 'At 90 % K2 throttles, at 97 % it sheds, at 99 % it pauses.',
          unit: 'percentunit',
          marks: [
            [undefined, 'green'],
            [0.9, 'orange'],
            [0.97, 'red']
          ],
          alert: 'K2DiskAtLimit',
          queries: [['max by (instance) (instance:k2_disk:ratio)', '{{instance}}']]
        },
        {
          title: 'Time of a sync',
          about: 'Write and fsync of a group of appends to the embedded log, 99th percentile.',
          unit: 's',
          alert: 'K2PublishSlow',
          queries: [[percentile(0.99, 'k2_log_sync_duration_seconds', 'instance'), '{{instance}}']]
        }
      ]
    }
  ]
}
