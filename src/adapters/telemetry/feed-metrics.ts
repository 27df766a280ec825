/** Metrics of the feeds. */
import { counter, gauge, histogram } from './declaration.ts'
import { failureNames, feedNames, frameFaults, frameKinds } from './label-sets.ts'
import { symbolTiers, topicNames } from './label-sets.ts'
import { requestSeconds } from './log-metrics.ts'

export const feedMetrics = {
  feedFrames: counter('k2_feed_frames_total', {
    help: 'Frames received, by what they were.',
    unit: 'frames',
    labels: { feed: feedNames, kind: frameKinds }
  }),
  feedBytes: counter('k2_feed_bytes_total', {
    help: 'Bytes of the frames received.',
    unit: 'bytes',
    labels: { feed: feedNames }
  }),
  feedBatchSeconds: histogram('k2_feed_batch_duration_seconds', {
    help:
      'From frames off the socket to their records with the publishers: what those are slow in ' +
      'keeps the socket unread.',
    unit: 'seconds',
    labels: { feed: feedNames },
    buckets: requestSeconds
  }),
  feedQueueBytes: gauge('k2_feed_queue_bytes', {
    help: 'Bytes of frames that wait to be read, as they were behind the newest batch.',
    unit: 'bytes',
    labels: { feed: feedNames }
  }),
  feedRejected: counter('k2_feed_rejected_frames_total', {
    help: 'Frames that could not become a record, by reason.',
    unit: 'frames',
    labels: { feed: feedNames, reason: frameFaults }
  }),
  feedConnected: gauge('k2_feed_connected', {
    help: '1 while the feed is subscribed and streaming.',
    unit: '1',
    labels: { feed: feedNames }
  }),
  feedConnectionOpened: gauge('k2_feed_connection_opened_timestamp_seconds', {
    help:
      'When the newest subscribed connection was opened; the venue ends one after 24 hours.',
    unit: 'seconds',
    labels: { feed: feedNames }
  }),
  feedRotations: counter('k2_feed_rotations_total', {
    help: 'Tries to replace a connection by a new one.',
    unit: 'events',
    labels: { feed: feedNames, outcome: ['completed', 'failed', 'too_late'] }
  }),
  shed: counter('k2_messages_shed_total', {
    help: 'Records that were dropped under pressure, by tier of their symbol and by reason.',
    unit: 'records',
    labels: {
      topic: topicNames,
      symbol_tier: symbolTiers,
      reason: ['level', 'paused', 'conflated', 'log_refused', 'publisher_away', 'not_captured']
    }
  }),
  feedFailures: counter('k2_feed_failures_total', {
    help: 'Attempts that failed, by what they failed of; each is followed by another.',
    unit: 'events',
    labels: { feed: feedNames, failure: failureNames }
  }),
  feedLastFrame: gauge('k2_feed_last_frame_timestamp_seconds', {
    help: 'When the newest frame was received.',
    unit: 'seconds',
    labels: { feed: feedNames }
  })
}
