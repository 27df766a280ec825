/**
 * Errors as RFC 9457 problem documents.
 *
 * 1. `code` is stable: clients branch on it, never on prose.
 * 2. What a document says was written for clients: no stack, path, SQL or cause is ever copied in.
 */

export interface FieldError {
  /** Name of the parameter or header. */
  readonly field: string
  readonly detail: string
  /** What to send instead. */
  readonly remedy: string
}

export interface Problem {
  readonly status: number
  readonly code: ProblemCode
  readonly detail: string
  readonly errors?: readonly FieldError[]
  /** Why the service is not ready. */
  readonly reasons?: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
}

type ProblemCode = keyof typeof titles

const titles = {
  invalid_parameters: 'Some parameters are not valid',
  not_found: 'There is nothing at this address',
  method_not_allowed: 'This address does not answer this method',
  api_key_missing: 'This server answers requests with an API key only',
  api_key_invalid: 'The API key is not known',
  scope_missing: 'The API key does not allow this',
  rate_limited: 'There were too many requests',
  host_not_allowed: 'This server answers requests to this machine only',
  origin_not_allowed: 'This server answers its own pages only',
  too_much_to_read: 'The query reads too much',
  uri_too_long: 'The address is too long',
  body_too_large: 'The request body is too large',
  invalid_body: 'The request body is not JSON',
  unsupported_media_type: 'The request must say that it is JSON',
  actor_not_found: 'There is no such actor',
  actor_not_quarantined: 'The actor is not quarantined',
  not_ready: 'The service is not ready',
  not_served_here: 'This process answers no queries',
  table_unavailable: 'The table cannot be read yet',
  overloaded: 'The server is overloaded',
  query_queue_full: 'Too many queries are waiting',
  query_timed_out: 'The query took too long',
  query_failed: 'The query failed',
  sql_not_allowed: 'The statement may not do this',
  sql_unknown_table: 'There is no such table',
  sql_invalid: 'The statement is not valid SQL',
  sql_failed: 'The statement failed on a value',
  sql_result_too_large: 'The answer is too large',
  sql_memory_exceeded: 'The statement needs too much memory',
  internal_error: 'The server failed'
} as const

export const problemResponse = (problem: Problem, correlationId: string): Response =>
  new Response(
    JSON.stringify({
      type: `urn:k2:problem:${problem.code}`,
      title: titles[problem.code],
      status: problem.status,
      detail: problem.detail,
      code: problem.code,
      correlation_id: correlationId,
      ...(problem.errors === undefined ? {} : { errors: problem.errors }),
      ...(problem.reasons === undefined ? {} : { reasons: problem.reasons })
    }),
    {
      status: problem.status,
      headers: { 'content-type': 'application/problem+json', ...problem.headers }
    }
  )

/** The problem that a fault of a query is to a client. */
export const faultProblem = (tag: string): Problem => {
  switch (tag) {
    case 'TableUnavailable':
      return {
        status: 503,
        code: 'table_unavailable',
        detail:
          'the table has not been created, or its storage does not answer: try again in a moment',
        headers: retrySoon
      }
    case 'NotServedHere':
      return {
        status: 421,
        code: 'not_served_here',
        detail: 'ask a process that has serve in its K2_ROLES'
      }
    case 'QueryQueueFull':
      return {
        status: 503,
        code: 'query_queue_full',
        detail: 'as many queries as this server keeps waiting are waiting: try again in a moment',
        headers: retrySoon
      }
    case 'QueryTimedOut':
      return {
        status: 504,
        code: 'query_timed_out',
        detail:
          'the query was stopped at its deadline: narrow its time range or name a symbol'
      }
    case 'FilesExceedCache':
      return {
        status: 422,
        code: 'too_much_to_read',
        detail:
          'the query reads more at once than the cache of the object store holds: ' +
          'narrow its time range or name a symbol'
      }
    case 'QueryFailed':
      return {
        status: 500,
        code: 'query_failed',
        detail: 'the query engine could not answer: the log has the cause under the correlation id'
      }
    default:
      return internalProblem
  }
}

export const invalidParameters = (errors: readonly FieldError[]): Problem => ({
  status: 400,
  code: 'invalid_parameters',
  detail: errors.map(({ field, detail, remedy }) => `${field} ${detail}: ${remedy}`).join('; '),
  errors
})

/** Reads that cost are refused so that what is captured can be kept. */
export const overloadProblem = (retrySeconds: number): Problem => ({
  status: 503,
  code: 'overloaded',
  detail:
    'reads are refused while the server is at its last level of degradation: ' +
    'GET /v1/system/degradation says why',
  headers: { 'retry-after': String(retrySeconds) }
})

export const internalProblem: Problem = {
  status: 500,
  code: 'internal_error',
  detail: 'the log has the cause under the correlation id'
}

const retrySoon = { 'retry-after': '1' }
