/** Metrics of degradation, supervision, process and API. */
import { counter, gauge, histogram } from './declaration.ts'
import {
  actorNames,
  endpointNames,
  httpMethods,
  levels,
  metricNames,
  signals,
  statusCodes,
  threadNames,
  versionNames
} from './label-sets.ts'
import { requestSeconds } from './log-metrics.ts'

export const degradationMetrics = {
  degradationLevel: gauge('k2_degradation_level', {
    help: 'Level of degradation: 0 normal, 1 soft, 2 graceful, 3 aggressive, 4 circuit break.',
    unit: '1'
  }),
  degradationTransitions: counter('k2_degradation_transitions_total', {
    help: 'Changes of the level of degradation.',
    unit: 'events',
    labels: { from_level: levels, to_level: levels }
  }),
  unknownSignals: gauge('k2_pressure_unknown_signals', {
    help: 'Signals of pressure that are stale or unknown: while there is one, no level is left.',
    unit: '1'
  }),
  levelSeconds: counter('k2_degradation_level_seconds_total', {
    help: 'Time spent at each level of degradation.',
    unit: 'seconds',
    labels: { level: levels }
  }),
  pressureSignal: gauge('k2_pressure_signal', {
    help: 'Pressure by signal, as a share of its mark of soft: 1 is where the level rises.',
    unit: '1',
    labels: { signal: signals, data_type: ['trades', 'quotes', 'all'] }
  })
}

export const supervisionMetrics = {
  actorTransitions: counter('k2_actor_transitions_total', {
    help: 'Changes of state of an actor, of its keeper or its machine.',
    unit: 'events',
    labels: { actor: actorNames }
  }),
  actorQuarantined: gauge('k2_actor_quarantined', {
    help: '1 while an actor is parked, until an operator releases it.',
    unit: '1',
    labels: { actor: actorNames }
  }),
  actorDownSeconds: histogram('k2_actor_down_duration_seconds', {
    help: 'From the crash of an actor, or its loss of a dependency, to its running again.',
    unit: 'seconds',
    buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]
  }),
  actorRestarts: counter('k2_actor_restarts_total', {
    help: 'Restarts after a crash.',
    unit: 'events',
    labels: { actor: actorNames }
  }),
  actorWaits: counter('k2_actor_waits_total', {
    help: 'Waits for an unavailable dependency.',
    unit: 'events',
    labels: { actor: actorNames }
  }),
  actorQuarantines: counter('k2_actor_quarantines_total', {
    help: 'Actors that were parked.',
    unit: 'events',
    labels: { actor: actorNames }
  })
}

export const processMetrics = {
  platformInfo: gauge('k2_platform_info', {
    help: 'Always 1: what this process is. The log is embedded or kafka, the store local or s3.',
    unit: '1',
    labels: {
      version: versionNames,
      node_version: versionNames,
      roles: versionNames,
      log: ['embedded', 'kafka'],
      catalog: ['embedded', 'rest'],
      store: ['local', 's3']
    }
  }),
  limitBytes: gauge('k2_limit_bytes', {
    help: 'What is configured as the most bytes of something that K2 measures.',
    unit: 'bytes',
    labels: { of: ['publish_pending', 'spool', 'log_disk', 'tail', 'memory'] }
  }),
  loopDelay: gauge('k2_event_loop_delay_seconds', {
    help: 'Event-loop delay of the main thread over the last sample, by quantile.',
    unit: 'seconds',
    labels: { quantile: ['p50', 'p99', 'max'] }
  }),
  memoryBytes: gauge('k2_memory_bytes', {
    help: 'Memory in use, by kind.',
    unit: 'bytes',
    labels: { thread: threadNames, kind: ['heap', 'array_buffers', 'resident', 'duckdb'] }
  }),
  diskBytes: gauge('k2_disk_bytes', { help: 'Bytes of the data folder.', unit: 'bytes' }),
  diskBytesMax: gauge('k2_disk_limit_bytes', {
    help: 'Bytes that the data folder may use.',
    unit: 'bytes'
  }),
  refusedRecordings: counter('k2_telemetry_refused_total', {
    help:
      'Recordings that were refused: a value that is no number or lets a counter fall, a label ' +
      'that is none of its set, one name or one series too many.',
    unit: 'events',
    labels: { metric: metricNames, reason: ['value', 'label', 'names', 'series'] }
  })
}

export const httpMetrics = {
  httpRequests: counter('k2_http_requests_total', {
    help: 'HTTP requests, by route and status.',
    unit: 'requests',
    labels: { method: httpMethods, endpoint: endpointNames, status_code: statusCodes }
  }),
  httpSeconds: histogram('k2_http_request_duration_seconds', {
    help: 'Duration of HTTP requests.',
    unit: 'seconds',
    labels: { endpoint: endpointNames },
    buckets: requestSeconds
  }),
  watchViewers: gauge('k2_watch_viewers', {
    help: 'Pages and inspectors that watch, of 64 at most.',
    unit: '1'
  }),
  watchJournalBytes: gauge('k2_watch_journal_bytes', {
    help: 'Bytes of the last hour that is kept for those who watch.',
    unit: 'bytes'
  }),
  httpInProgress: gauge('k2_http_requests_in_progress', {
    help: 'Requests that are being answered, until the first byte of the answer.',
    unit: 'requests',
    labels: { method: httpMethods, endpoint: endpointNames }
  }),
  slowQueries: counter('k2_http_slow_queries_total', {
    help: 'Queries that took longer than K2_SLOW_QUERY, by route.',
    unit: 'requests',
    labels: { endpoint: endpointNames }
  })
}
