/** The first dashboard to look at: whether K2 does what it is for. */
import type { Dashboard } from './dashboard.ts'
import {
  brokenEquations,
  lagByTopic,
  levelNow,
  levelOverTime,
  orNone,
  percentile,
  publishedByTopic,
  rate
} from './parts.ts'

export const overview: Dashboard = {
  uid: 'k2',
  title: 'K2: overview',
  about: 'Whether K2 captures, lands and answers, and what it suffers from.',
  rows: [
    {
      title: 'Now',
      panels: [
        levelNow,
        {
          title: 'Feeds connected',
          about: 'Feeds that are subscribed and streaming, of all.',
          unit: 'short',
          kind: 'number',
          alert: 'K2FeedDown',
          queries: [
            ['sum(k2_feed_connected)', 'connected'],
            ['count(k2_feed_connected)', 'all']
          ]
        },
        {
          title: 'Stopped partitions',
          about: 'Partitions that an operator must see to.',
          unit: 'short',
          kind: 'number',
          marks: [
            [undefined, 'green'],
            [1, 'red']
          ],
          alert: 'K2PartitionStopped',
          queries: [['sum(k2_landing_stopped_partitions)', 'partitions']]
        },
        brokenEquations,
        {
          title: 'Missing trades',
          about: 'Trades that the gap ledger has open; they are fetched while the level is normal.',
          unit: 'short',
          kind: 'number',
          alert: 'K2GapsOld',
          queries: [['sum(k2_gaps_open_trades)', 'trades']]
        },
        {
          title: 'Disk used',
          about: 'Share of K2_DISK_LIMIT that the data folder uses.',
          unit: 'percentunit',
          kind: 'number',
          marks: [
            [undefined, 'green'],
            [0.9, 'orange'],
            [0.97, 'red']
          ],
          alert: 'K2DiskFull',
          queries: [['max(k2_disk_bytes / k2_disk_limit_bytes)', 'used']]
        },
        {
          title: 'Requests',
          about: 'Requests a second that the API answers.',
          unit: 'reqps',
          kind: 'number',
          queries: [['sum(rate(k2_http_requests_total[$__rate_interval]))', 'requests']]
        },
        {
          title: 'Actors parked',
          about: 'Actors that crashed too often and wait to be released.',
          unit: 'short',
          kind: 'number',
          marks: [
            [undefined, 'green'],
            [1, 'red']
          ],
          alert: 'K2ActorQuarantined',
          queries: [[orNone('sum(k2_actor_quarantined)'), 'actors']]
        }
      ]
    },
    {
      title: 'Through K2',
      panels: [
        levelOverTime,
        publishedByTopic,
        lagByTopic,
        {
          title: 'Delay',
          about: 'To durability in the log, and from the cut of a batch to its snapshot: 99 %.',
          unit: 's',
          queries: [
            [percentile(0.99, 'k2_publish_duration_seconds', 'topic'), 'durable: {{topic}}'],
            [
              percentile(0.99, 'k2_iceberg_write_duration_seconds{operation="append"}', 'table'),
              'landed: {{table}}'
            ]
          ]
        },
        {
          title: 'Not taken',
          about: 'Records a second that were shed, refused or set aside, by reason.',
          unit: 'cps',
          alert: 'K2RecordsShed',
          queries: [
            [rate('k2_messages_shed_total', 'reason'), 'shed: {{reason}}'],
            [rate('k2_feed_rejected_frames_total', 'reason'), 'rejected: {{reason}}'],
            [rate('k2_dead_letters_total', 'reason'), 'dead letter: {{reason}}']
          ]
        },
        {
          title: 'Memory',
          about: 'Memory in use, by thread and kind; resident is of the whole process.',
          unit: 'bytes',
          alert: 'K2MemoryNearLimit',
          queries: [['sum by (thread, kind) (k2_memory_bytes)', '{{thread}} {{kind}}']]
        },
        {
          title: 'Crashes and waits',
          about: 'Restarts after a crash, and waits for a dependency, in the last minutes.',
          unit: 'short',
          alert: 'K2ActorRestarting',
          queries: [
            [orNone('sum(actor:k2_actor_restarts:increase15m)'), 'restarts, 15 min'],
            [orNone('sum(actor:k2_actor_waits:increase5m)'), 'waits, 5 min']
          ]
        }
      ]
    }
  ]
}
