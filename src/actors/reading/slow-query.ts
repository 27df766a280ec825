/** The line of the log that a slow query gets: what was asked, what it cost, whose it was. */
import type { HttpEvent } from '../../adapters/http/api-deps.ts'
import { costFields, roundedMs } from '../../adapters/telemetry/query-cost.ts'

type Finished = Extract<HttpEvent, { readonly type: 'http.request_finished' }>

/** Undefined for what is no query, or was fast enough; `slowMs` null: nothing is slow. */
export const slowQuery = (
  { query, route, status, durationMs, correlationId, trace, caller }: Finished,
  slowMs: number | null
) =>
  query === undefined || slowMs === null || durationMs < slowMs
    ? undefined
    : {
        route,
        status,
        duration_ms: roundedMs(durationMs),
        caller,
        parameters: query.parameters,
        plan: costFields(query.cost),
        correlation_id: correlationId,
        trace_id: trace?.traceId
      }
