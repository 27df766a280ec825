/** The line of the log that a slow query gets: what was asked, what it cost, whose it was. */
import type { HttpEvent } from '../../adapters/http/api-deps.ts'

type Finished = Extract<HttpEvent, { readonly type: 'http.request_finished' }>

/** Undefined for what is no query, or was fast enough; `slowMs` null: nothing is slow. */
export const slowQuery = (
  { query, route, status, durationMs, correlationId, traceId, caller }: Finished,
  slowMs: number | null
) =>
  query === undefined || slowMs === null || durationMs < slowMs
    ? undefined
    : {
        route,
        status,
        duration_ms: rounded(durationMs),
        caller,
        parameters: query.parameters,
        plan: Object.fromEntries(
          Object.entries(query.cost).map(([name, value]) => [snakeCase(name), rounded(value)])
        ),
        correlation_id: correlationId,
        trace_id: traceId
      }

const rounded = (value: number): number => Math.round(value * 1_000) / 1_000

const snakeCase = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
