/** What a process that is traced has for it; `Shared` has none where it is not. */
import type { Config } from '../../adapters/config/config.ts'
import { SpanQueue } from '../../adapters/telemetry/span-queue.ts'
import type { Telemetry } from '../../adapters/telemetry/telemetry.ts'
import { RecordTraces } from './record-traces.ts'
import { RequestTraces } from './request-traces.ts'

export interface Traces {
  readonly endpoint: string
  readonly queue: SpanQueue
  readonly records: RecordTraces
  readonly requests: RequestTraces
}

const spansMax = 4_096

export const tracesOf = ({ config, telemetry, nowMs, uuid }: {
  readonly config: Config
  readonly telemetry: Telemetry
  readonly nowMs: () => number
  readonly uuid: () => string
}): Traces | undefined => {
  const { otlpEndpoint: endpoint, traceRecords, traceRequests } = config
  if (endpoint === undefined) return undefined
  const queue = new SpanQueue(spansMax, (spans) =>
    telemetry.metrics.traceSpans.inc({ outcome: 'queue_full' }, spans)
  )
  return {
    endpoint,
    queue,
    records: new RecordTraces({ queue, every: traceRecords, nowMs }),
    requests: new RequestTraces({ queue, every: traceRequests, nowMs, uuid })
  }
}
