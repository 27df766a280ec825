/** What the document of the API says of problems (RFC 9457), and of headers that answers have. */
import * as Schema from 'effect/Schema'
import { isOpenPath } from './api-keys.ts'
import type { Components } from './json-schema.ts'
import { hintOf, type ProblemCode, problemKinds } from './problem-kinds.ts'
import { isData, type Route } from './route.ts'
import { level } from './system-schemas.ts'

const fieldError = Schema.Struct({
  field: Schema.String.annotate({ description: 'Name of the parameter, field or header' }),
  detail: Schema.String,
  remedy: Schema.String.annotate({ description: 'What to send instead' })
}).annotate({ identifier: 'FieldError' })

const problem = Schema.Struct({
  type: Schema.String.annotate({ description: 'urn:k2:problem: and the code' }),
  title: Schema.String,
  status: Schema.Int,
  detail: Schema.String,
  hint: Schema.optionalKey(Schema.String.annotate({ description: 'What to do' })),
  code: Schema.String.annotate({ description: 'Stable: branch on it' }),
  correlation_id: Schema.String,
  errors: Schema.optionalKey(Schema.Array(fieldError)),
  reasons: Schema.optionalKey(Schema.Array(Schema.String))
}).annotate({ identifier: 'Problem' })

/** What a request may be refused for before its route is asked, and what may fail under it. */
export const guardProblems = (route: Route): readonly ProblemCode[] => [
  'invalid_parameters',
  ...(isOpenPath(route.path) ? [] : keyProblems),
  'host_not_allowed',
  'origin_not_allowed',
  'rate_limited',
  'uri_too_long',
  'body_too_large',
  'malformed_request',
  'headers_too_large',
  'request_too_slow',
  'internal_error',
  ...(route.path.includes('{') ? (['not_found'] as const) : []),
  ...(route.method === 'POST' ? (['unsupported_media_type'] as const) : []),
  ...(route.readsBody === true ? (['invalid_body'] as const) : []),
  ...(isData(route) ? (['overloaded'] as const) : [])
]

const keyProblems = ['api_key_missing', 'api_key_invalid', 'scope_missing'] as const

/** By status. */
export const problemResponses = (
  codes: readonly ProblemCode[],
  components: Components
): Readonly<Record<string, unknown>> => {
  const schema = components.of(problem)
  const byStatus = new Map<number, ProblemCode[]>()
  for (const code of new Set(codes)) {
    const { status } = problemKinds[code]
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  return Object.fromEntries(
    [...byStatus].map(([status, all]) => [
      status,
      {
        description: all.map(describedOf).join('\n'),
        headers: headersOf([...commonHeaders, ...(problemHeaders[status] ?? [])]),
        content: {
          'application/problem+json': {
            schema: {
              allOf: [
                schema,
                { properties: { status: { const: status }, code: { enum: all } } }
              ]
            }
          }
        }
      }
    ])
  )
}

const describedOf = (code: ProblemCode): string => {
  const hint = hintOf(code)
  return `- \`${code}\`: ${problemKinds[code].title}${hint === undefined ? '' : `: ${hint}`}`
}

const text = { type: 'string' }
const whole = { type: 'integer', minimum: 0 }

/** By name, as components of the document. */
export const answerHeaders = (components: Components) => ({
  'X-Correlation-ID': {
    description: 'The id that the request was given, or had; logs have it',
    required: true,
    schema: { type: 'string', pattern: '^[A-Za-z0-9._-]{1,64}$' }
  },
  'K2-Level': { description: 'Absent before the first sample', schema: components.of(level) },
  'RateLimit-Limit': { description: 'Requests a minute, where there is a limit', schema: whole },
  'RateLimit-Remaining': { description: 'Requests that may follow at once', schema: whole },
  'RateLimit-Reset': { description: 'Seconds until all of them may again', schema: whole },
  'Retry-After': { description: 'Seconds after which to ask again', schema: whole },
  'WWW-Authenticate': { description: 'What kind of key is asked for', schema: text }
})

const commonHeaders = [
  'X-Correlation-ID',
  'K2-Level',
  'RateLimit-Limit',
  'RateLimit-Remaining',
  'RateLimit-Reset'
]

const problemHeaders: Readonly<Record<number, readonly string[]>> = {
  401: ['WWW-Authenticate'],
  403: ['WWW-Authenticate'],
  429: ['Retry-After'],
  503: ['Retry-After']
}

const headersOf = (names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]))

/** Those of every answer. */
export const answerHeaderReferences = headersOf(commonHeaders)

/** Headers that every request may have. */
export const requestHeaders = [
  {
    name: 'X-Correlation-ID',
    in: 'header',
    description: 'Comes back, and stands in the logs, if it is plain',
    schema: { type: 'string', examples: ['order-42'] }
  },
  {
    name: 'traceparent',
    in: 'header',
    description: 'W3C trace context: its trace id is the correlation id where there is no other',
    schema: {
      type: 'string',
      examples: ['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01']
    }
  }
]
