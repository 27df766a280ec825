/** From feed to landing, part by part. */
import type { Dashboard } from './dashboard.ts'
import { lagByTopic, orNone, percentile, publishedByTopic, rate } from './parts.ts'

export const pipeline: Dashboard = {
  uid: 'k2-pipeline',
  title: 'K2: pipeline',
  about: 'From the frame at the socket to the snapshot of the table.',
  rows: [
    {
      title: 'Feeds',
      panels: [
        {
          title: 'Connection',
          about: 'Whether each feed is subscribed and streaming.',
          unit: 'none',
          kind: 'states',
          width: 24,
          marks: [
            [undefined, 'red'],
            [1, 'green']
          ],
          names: { 0: 'away', 1: 'streaming' },
          alert: 'K2FeedDown',
          queries: [['min by (feed) (k2_feed_connected)', '{{feed}}']]
        },
        {
          title: 'Frames',
          about: 'Frames a second, by what they were.',
          unit: 'cps',
          queries: [[rate('k2_feed_frames_total', 'feed, kind'), '{{feed}} {{kind}}']]
        },
        {
          title: 'Age of the newest frame',
          about: 'A feed that is silent for two minutes while it is not paused is not well.',
          unit: 's',
          marks: [
            [undefined, 'green'],
            [120, 'red']
          ],
          alert: 'K2FeedSilent',
          queries: [
            ['max by (feed) (time() - k2_feed_last_frame_timestamp_seconds)', '{{feed}}']
          ]
        },
        {
          title: 'Waiting in the feed',
          about: 'Bytes of frames that wait to be read; at 1 MiB the socket is not read.',
          unit: 'bytes',
          queries: [['sum by (feed) (k2_feed_queue_bytes)', '{{feed}}']]
        },
        {
          title: 'Frames that are no records',
          about: 'By reason; a share of a hundredth may be a new format of the venue.',
          unit: 'cps',
          alert: 'K2FeedRejecting',
          queries: [[rate('k2_feed_rejected_frames_total', 'reason'), '{{reason}}']]
        },
        {
          title: 'Failed attempts',
          about: 'Connections that failed in the last quarter of an hour, by feed.',
          unit: 'short',
          alert: 'K2FeedReconnecting',
          queries: [['sum by (feed) (feed:k2_feed_failures:increase15m)', '{{feed}}']]
        }
      ]
    },
    {
      title: 'Publisher and log',
      panels: [
        publishedByTopic,
        {
          title: 'Bytes into the log',
          about: 'Bytes a second of batches that became durable.',
          unit: 'Bps',
          queries: [[rate('k2_published_bytes_total', 'topic'), '{{topic}}']]
        },
        {
          title: 'Time to durability',
          about: 'From the first record of a batch, by percentile.',
          unit: 's',
          alert: 'K2PublishSlow',
          queries: [
            [percentile(0.5, 'k2_publish_duration_seconds', 'topic'), '50 %: {{topic}}'],
            [percentile(0.99, 'k2_publish_duration_seconds', 'topic'), '99 %: {{topic}}']
          ]
        },
        {
          title: 'Waiting for the log',
          about: 'Bytes between feeds and event log; the limit is K2_PUBLISH_BYTES a data type.',
          unit: 'bytes',
          kind: 'stacked',
          queries: [['sum by (topic) (k2_publish_pending_bytes)', '{{topic}}']]
        }
      ]
    },
    {
      title: 'Landing',
      panels: [
        lagByTopic,
        {
          title: 'Oldest record that has not landed',
          about: 'How long it has been durable; two minutes is too long.',
          unit: 's',
          marks: [
            [undefined, 'green'],
            [120, 'orange']
          ],
          alert: 'K2LandingLate',
          queries: [['max by (topic) (k2_log_lag_seconds)', '{{topic}}']]
        },
        {
          title: 'Landed',
          about: 'Rows a second.',
          unit: 'cps',
          queries: [['sum by (topic) (deriv(k2_landed_records[1m]))', '{{topic}}']]
        },
        {
          title: 'Repeats and late rows',
          about: 'Records a second that had landed before, and rows behind newer ones.',
          unit: 'cps',
          queries: [
            [rate('k2_duplicate_messages_detected_total', 'topic'), 'repeats: {{topic}}'],
            [rate('k2_out_of_order_messages_total', 'topic'), 'late: {{topic}}']
          ]
        },
        {
          title: 'Dead letters',
          about: 'In the last quarter of an hour, by source and reason.',
          unit: 'short',
          alert: 'K2DeadLetters',
          queries: [
            [
              'sum by (source, reason) (reason:k2_dead_letters:increase15m) > 0',
              '{{source}} {{reason}}'
            ],
            [orNone('sum(reason:k2_dead_letters:increase15m)'), 'all']
          ]
        }
      ]
    }
  ]
}
