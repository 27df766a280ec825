/** W3C trace context (https://www.w3.org/TR/trace-context/), as far as K2 takes part: its id. */

const form = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:$|-)/

/** Undefined where there is no `traceparent`, or none that is valid. */
export const traceIdOf = (headers: Headers): string | undefined =>
  form.exec(headers.get('traceparent') ?? '')?.[1]
