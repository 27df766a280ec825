/**
 * Spans as OTLP/HTTP takes them in JSON (OpenTelemetry Protocol 1.x, "JSON Protobuf Encoding"):
 * ids are hex, 64-bit integers are text, times are ns.
 */
import { type Span, spanKinds } from './span.ts'

/** Who tells of the spans: attributes as in the OpenTelemetry conventions for resources. */
export type TraceResource = Readonly<Record<string, string>>

export const otlpTraces = (resource: TraceResource, spans: readonly Span[]): string =>
  JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: attributesOf(resource) },
        scopeSpans: [{ scope: { name: 'k2' }, spans: spans.map(otlpSpan) }]
      }
    ]
  })

const failed = 2

const otlpSpan = (span: Span) => ({
  traceId: span.traceId,
  spanId: span.spanId,
  ...(span.parentId === undefined ? {} : { parentSpanId: span.parentId }),
  name: span.name,
  kind: spanKinds[span.kind],
  startTimeUnixNano: nanosOf(span.startMs),
  endTimeUnixNano: nanosOf(span.endMs),
  attributes: attributesOf(span.attributes),
  status: span.failure === undefined ? {} : { code: failed, message: span.failure }
})

/** To the microsecond: more digits than a double has here. */
const nanosOf = (ms: number): string => `${BigInt(Math.round(ms * 1_000)) * 1_000n}`

const attributesOf = (attributes: Span['attributes']) =>
  Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: valueOf(value) }]
  )

const valueOf = (value: string | number | boolean) => {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value }
}
