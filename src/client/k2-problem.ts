/** What requests fail with. A server that is not reached is the error of `fetch`. */
import type { FieldError, Problem, ProblemCode } from './api-types.ts'

/** The server says why (RFC 9457): branch on `code`. */
export class K2Problem extends Error {
  override readonly name = 'K2Problem'
  readonly code: ProblemCode
  readonly status: number
  readonly detail: string
  readonly hint: string | undefined
  readonly errors: readonly FieldError[]
  readonly reasons: readonly string[]
  readonly correlationId: string
  /** Seconds after which to ask again, where the server says. */
  readonly retryAfterSeconds: number | undefined

  constructor(problem: Problem, retryAfter: string | null) {
    super(`${problem.code}: ${problem.detail}`)
    // A newer server may know more codes.
    this.code = problem.code as ProblemCode
    this.status = problem.status
    this.detail = problem.detail
    this.hint = problem.hint
    this.errors = problem.errors ?? []
    this.reasons = problem.reasons ?? []
    this.correlationId = problem.correlation_id
    this.retryAfterSeconds = retryAfter === null ? undefined : Number(retryAfter)
  }
}

/** Something else answers there, or the answer broke off. */
export class UnexpectedAnswer extends Error {
  override readonly name = 'UnexpectedAnswer'
  readonly status: number

  constructor(message: string, status: number) {
    super(message)
    this.status = status
  }
}
