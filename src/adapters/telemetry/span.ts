/**
 * Spans of traces, and their ids (OpenTelemetry specification, "Trace API"; W3C Trace Context).
 *
 * A span is told once it has ended, as one value: nothing of it is held while it lasts, and no
 * thread but the one that has its end need know of it.
 */
import { createHash } from 'node:crypto'

/** Thirty-two and sixteen lower-case hex digits, not all of them 0. */
export interface SpanIds {
  readonly traceId: string
  readonly spanId: string
}

export interface Span extends SpanIds {
  readonly parentId?: string | undefined
  readonly name: string
  readonly kind: keyof typeof spanKinds
  /** Unix ms, with fractions. */
  readonly startMs: number
  readonly endMs: number
  readonly attributes: Readonly<Record<string, string | number | boolean | undefined>>
  /** Why it failed, where it did. */
  readonly failure?: string | undefined
}

/** By the numbers of OTLP. */
export const spanKinds = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const

/** Ids that whoever knows the same facts gives again. */
export const idsOf = (...facts: readonly (string | number)[]): SpanIds => {
  const digest = createHash('sha256').update(JSON.stringify(facts)).digest('hex')
  return { traceId: digest.slice(0, 32), spanId: digest.slice(32, 48) }
}
