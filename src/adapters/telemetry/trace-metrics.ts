/** Metrics of OpenTelemetry traces. */
import { counter } from './declaration.ts'

export const traceMetrics = {
  traceSpans: counter('k2_trace_spans_total', {
    help:
      'Spans of traces, by what became of them: exported to the collector, or dropped, because ' +
      'too many waited (queue_full), it said no (refused) or could not be reached in time.',
    unit: 'spans',
    labels: { outcome: ['exported', 'queue_full', 'refused', 'unreachable'] }
  })
}
