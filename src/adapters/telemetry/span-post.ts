/** One request to a collector of traces: OTLP over HTTP, JSON. */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'

export interface Collector {
  /** Base address; `/v1/traces` is appended, as the OTLP specification says. */
  readonly endpoint: string
  readonly headers: Readonly<Record<string, string>>
  readonly requestMsMax: number
}

/** The collector did not take the spans. */
export class SpansNotTaken extends Schema.TaggedError<SpansNotTaken>()('SpansNotTaken', {
  /** It answered, and said no; else it was not reached, or not in time. */
  isRefused: Schema.Boolean,
  detail: Schema.String
}) {
  override get message() {
    const remedy = this.isRefused ? 'check K2_OTLP_HEADERS and the collector' : 'is it running?'
    return `the collector at K2_OTLP_ENDPOINT took no spans: ${this.detail}; ${remedy}`
  }
}

export const postSpans = (
  { endpoint, headers, requestMsMax }: Collector,
  body: string
): Effect.Effect<void, SpansNotTaken> =>
  Effect.tryPromise({
    try: async (signal) => {
      const response = await fetch(`${endpoint}/v1/traces`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body,
        redirect: 'manual',
        signal
      })
      // What it says is nobody's here, and may be long.
      await response.body?.cancel()
      return response.status
    },
    catch: (error) => new SpansNotTaken({ isRefused: false, detail: reasonOf(error) })
  }).pipe(
    Effect.timeoutOrElse({
      duration: requestMsMax,
      orElse: () =>
        Effect.fail(
          new SpansNotTaken({ isRefused: false, detail: `no answer within ${requestMsMax} ms` })
        )
    }),
    Effect.flatMap((status) =>
      status >= 200 && status < 300
        ? Effect.void
        : Effect.fail(new SpansNotTaken({ isRefused: true, detail: `HTTP ${status}` }))
    )
  )

/** `fetch` has what happened in the cause. */
const reasonOf = (error: unknown): string => {
  const { cause } = error as { readonly cause?: unknown }
  return String(cause instanceof Error ? cause.message : error)
}
