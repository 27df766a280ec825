/**
 * Errors as RFC 9457 problem documents.
 *
 * 1. `code` is stable: clients branch on it, never on prose.
 * 2. What a document says was written for clients: no stack, path, SQL or cause is ever copied in.
 */
import { readFaultProblem } from './read-problems.ts'
import { streamFaultProblem } from './stream-problems.ts'
import { hintOf, type ProblemCode, problemKinds } from './problem-kinds.ts'

export interface FieldError {
  /** Name of the parameter or header. */
  readonly field: string
  readonly detail: string
  /** What to send instead. */
  readonly remedy: string
}

/** Each code has the status of its kind. */
export type Problem = { readonly [Code in ProblemCode]: ProblemOf<Code> }[ProblemCode]

interface ProblemOf<Code extends ProblemCode> {
  readonly status: (typeof problemKinds)[Code]['status']
  readonly code: Code
  readonly detail: string
  /** What to do; that of the kind, unless told. */
  readonly hint?: string
  readonly errors?: readonly FieldError[]
  /** Why the service is not ready. */
  readonly reasons?: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
}

export const problemResponse = (problem: Problem, correlationId: string): Response => {
  const hint = problem.hint ?? hintOf(problem.code)
  return new Response(
    JSON.stringify({
      type: `urn:k2:problem:${problem.code}`,
      title: problemKinds[problem.code].title,
      status: problem.status,
      detail: problem.detail,
      ...(hint === undefined ? {} : { hint }),
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
}

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
        status: 429,
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
      return readFaultProblem(tag) ?? streamFaultProblem(tag) ?? internalProblem
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
