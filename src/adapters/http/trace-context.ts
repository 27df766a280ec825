/** W3C trace context (https://www.w3.org/TR/trace-context/), as far as K2 takes part: it joins. */

export interface TraceContext {
  readonly traceId: string
  /** Of the span that asks. */
  readonly parentId: string
  readonly isSampled: boolean
}

const form = new RegExp(
  '^(?!ff)[0-9a-f]{2}-(?!0{32})(?<traceId>[0-9a-f]{32})-(?!0{16})(?<parentId>[0-9a-f]{16})-' +
    '(?<flags>[0-9a-f]{2})(?:$|-)'
)
const sampledFlag = 1

/** Undefined where there is no `traceparent`, or none that is valid. */
export const traceOf = (headers: Headers): TraceContext | undefined => {
  const { traceId, parentId, flags } = form.exec(headers.get('traceparent') ?? '')?.groups ?? {}
  return traceId === undefined
    ? undefined
    : { traceId, parentId: parentId!, isSampled: (parseInt(flags!, 16) & sampledFlag) !== 0 }
}
