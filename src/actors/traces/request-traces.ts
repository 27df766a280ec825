/**
 * Traces of requests: one span for the request, and one for each step that it took: the plan, the
 * wait for a connection, what the engine read, what the log has beyond the files.
 *
 * 1. A request that says by `traceparent` whether it is traced is, or is not (W3C Trace Context);
 *    of the others, one of `every`.
 * 2. The trace of a request that came without one has the digits of its correlation id, which
 *    answers and logs have, where that is a UUID as K2 makes them.
 */
import type { HttpEvent } from '../../adapters/http/api-deps.ts'
import { idsOf, type Span } from '../../adapters/telemetry/span.ts'
import type { SpanQueue } from '../../adapters/telemetry/span-queue.ts'

type Finished = Extract<HttpEvent, { readonly type: 'http.request_finished' }>

interface RequestTracesOptions {
  readonly queue: SpanQueue
  readonly every: number
  readonly nowMs: () => number
  readonly uuid: () => string
}

export class RequestTraces {
  readonly #options: RequestTracesOptions
  #count = 0

  constructor(options: RequestTracesOptions) {
    this.#options = options
  }

  finished(event: Finished): void {
    const { queue, every, nowMs, uuid } = this.#options
    const { method, route, status, durationMs, correlationId, trace, caller, query } = event
    // (1)
    if (!(trace?.isSampled ?? this.#count++ % every === 0)) return
    const endMs = nowMs()
    const startMs = endMs - durationMs
    const { traceId, spanId } = idsOf('request', uuid())
    const own = { traceId: trace?.traceId ?? traceOf(correlationId) ?? traceId, spanId }
    const request: Span = {
      ...own,
      parentId: trace?.parentId,
      name: `${method} ${route}`,
      kind: 'server',
      startMs,
      endMs,
      attributes: {
        'http.request.method': method,
        'http.route': route,
        'http.response.status_code': status,
        'k2.correlation_id': correlationId,
        'k2.caller': caller,
        'k2.files_read': query?.cost.filesRead,
        'k2.files_in_memory': query?.cost.filesInMemory,
        'k2.files_pruned': query?.cost.filesPruned,
        'k2.rows_read': query?.cost.rows
      },
      ...(status < 500 ? {} : { failure: `HTTP ${status}` })
    }
    const steps = (query?.steps ?? []).map(({ name, afterMs, tookMs }, index): Span => ({
      traceId: own.traceId,
      spanId: idsOf('step', own.spanId, index).spanId,
      parentId: own.spanId,
      name,
      kind: 'internal',
      startMs: startMs + afterMs,
      endMs: startMs + afterMs + tookMs,
      attributes: {}
    }))
    queue.push([request, ...steps])
  }
}

/** (2) */
const traceOf = (correlationId: string): string | undefined =>
  uuidForm.test(correlationId) ? correlationId.replaceAll('-', '') : undefined

const uuidForm = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/
