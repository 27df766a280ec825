/** Metrics and log lines of the API, and of the queries that it asks. */
import * as Cause from 'effect/Cause'
import type { HttpEvent } from '../../adapters/http/api-deps.ts'
import { methodLabel } from '../../adapters/telemetry/label-sets.ts'
import { type QueryCost, roundedMs } from '../../adapters/telemetry/query-cost.ts'
import type { Shared } from '../shared.ts'
import { noteRequest } from '../watch/watch-api.ts'
import { slowQuery } from './slow-query.ts'

/** Counts a request that is being answered; what is returned ends that. */
export const answering = (
  { telemetry: { metrics } }: Shared,
  method: string,
  endpoint: string
): (() => void) => {
  const asked = { method: methodLabel(method), endpoint }
  metrics.httpInProgress.inc(asked)
  return () => metrics.httpInProgress.dec(asked)
}

export const observeHttp = (shared: Shared, event: HttpEvent): void => {
  const { metrics, log, logSeldom } = shared.telemetry
  noteRequest(shared, event)
  switch (event.type) {
    case 'http.admin_action': {
      const { method, path, status, caller, address, reason, correlationId } = event
      const facts = { method, path, status, caller, address, reason }
      log('info', event.type, { ...facts, correlation_id: correlationId })
      return
    }
    case 'http.request_refused': {
      const { route, correlationId, status, fault } = event
      if (isWithoutConnection.has(fault._tag)) metrics.poolRefusals.inc()
      logSeldom('warn', event.type, `${route} ${fault._tag}`, {
        route,
        status,
        correlation_id: correlationId,
        detail: fault.message
      })
      return
    }
    case 'http.request_finished':
      observeFinished(shared, event)
      return
    case 'http.request_failed': {
      const cause = Cause.isCause(event.cause) ? Cause.pretty(event.cause) : String(event.cause)
      log('error', event.type, {
        route: event.route,
        correlation_id: event.correlationId,
        cause
      })
      return
    }
    default:
      event satisfies never
  }
}

const isWithoutConnection: ReadonlySet<string> = new Set(['QueryQueueFull', 'QueryTimedOut'])

type Finished = Extract<HttpEvent, { readonly type: 'http.request_finished' }>

const observeFinished = ({ telemetry, config, traces }: Shared, event: Finished): void => {
  const { metrics, log } = telemetry
  const { method, route, status, durationMs, correlationId, trace, caller, address } = event
  traces?.requests.finished(event)
  const slow = slowQuery(event, config.slowQueryMs)
  if (slow !== undefined) {
    metrics.slowQueries.inc({ endpoint: route })
    log('warn', 'http.query_slow', slow)
  }
  const asked = { method: methodLabel(method), endpoint: route }
  metrics.httpRequests.inc({ ...asked, status_code: String(status) })
  metrics.httpSeconds.observe({ endpoint: route }, durationMs / 1_000)
  if (event.query !== undefined) measureQuery(telemetry, event.query.cost, event)
  log(config.httpAccessLog === 'on' ? 'info' : 'debug', event.type, {
    method,
    route,
    status,
    duration_ms: roundedMs(durationMs),
    caller,
    address,
    correlation_id: correlationId,
    trace_id: trace?.traceId
  })
}

const measureQuery = (
  { metrics }: Shared['telemetry'],
  cost: QueryCost,
  { status, durationMs }: Finished
): void => {
  const query_type = typeOf(cost)
  metrics.queries.inc({ query_type, status: outcomeOf(status) })
  metrics.querySeconds.observe({ query_type }, durationMs / 1_000)
  metrics.queryRows.observe({ query_type }, cost.rows)
  metrics.cacheHits.inc({ cache_tier: 'hot_files' }, cost.filesInMemory)
  metrics.cacheMisses.inc({ cache_tier: 'hot_files' }, cost.filesRead)
  metrics.poolWaitSeconds.observe(cost.waitMs / 1_000)
  metrics.tailSeconds.observe(cost.tailMs / 1_000)
}

const typeOf = ({ filesRead, filesInMemory, tailMs }: QueryCost) => {
  const hasFiles = filesRead + filesInMemory > 0
  if (tailMs === 0) return hasFiles ? 'historical' : 'none'
  return hasFiles ? 'hybrid' : 'realtime'
}

/** Closed by the client before it was answered: 499. */
const outcomeOf = (status: number) => {
  if (status < 400) return 'success'
  if (status === 499) return 'abandoned'
  return status < 500 ? 'refused' : 'failed'
}
