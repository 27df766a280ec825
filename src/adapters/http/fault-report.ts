/** What a client is told of a fault, and the log with its cause. */
import * as Cause from 'effect/Cause'
import type { ApiDeps, ApiFault } from './api-deps.ts'
import { faultProblem, internalProblem, type Problem } from './problem.ts'

/** Only failures that are the server's own are logged with their cause, and so with a stack. */
export const reported = (
  { observe }: Pick<ApiDeps, 'observe'>,
  cause: Cause.Cause<ApiFault>,
  asked: { readonly route: string; readonly correlationId: string }
): Problem => {
  const found = Cause.findErrorOption(cause)
  const fault = found._tag === 'Some' ? found.value : undefined
  const problem = fault === undefined ? internalProblem : faultProblem(fault._tag)
  if (fault === undefined || problem.status === internalProblem.status)
    observe({ type: 'http.request_failed', ...asked, cause })
  else observe({ type: 'http.request_refused', ...asked, status: problem.status, fault })
  return problem
}
