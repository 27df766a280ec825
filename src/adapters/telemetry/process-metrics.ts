/** Metrics of degradation, supervision, process and API. */
import { counter, gauge, histogram } from './declaration.ts'
import { actorNames, endpointNames, httpMethods, levels, metricNames } from './label-sets.ts'
import { signals, statusCodes, threadNames } from './label-sets.ts'
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
  pressureSignal: gauge('k2_pressure_signal', {
    help: 'Pressure by signal, as a share of its mark of soft: 1 is where the level rises.',
    unit: '1',
    labels: { signal: signals, data_type: ['trades', 'quotes', 'all'] }
  })
}

export const supervisionMetrics = {
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
  slowQueries: counter('k2_http_slow_queries_total', {
    help: 'Queries that took longer than K2_SLOW_QUERY, by route.',
    unit: 'requests',
    labels: { endpoint: endpointNames }
  })
}
