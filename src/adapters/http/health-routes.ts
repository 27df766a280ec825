/** What watches a process asks: `/health/live`, `/health/ready`, `/health`, `/metrics`. */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import { json } from './answer-schemas.ts'
import type { ApiDeps, Readiness } from './api-deps.ts'
import { jsonResponse } from './envelope.ts'
import { type Problem, problemResponse } from './problem.ts'
import { route, type Route } from './route.ts'
import { health, live, ready } from './system-schemas.ts'
import { isoOfMs } from './time-parameter.ts'

export const healthRoutes = (deps: ApiDeps): readonly Route[] => [
  {
    ...route('/health/live', 'Whether the process is up', {}, () =>
      Effect.sync(() => jsonResponse(JSON.stringify({ status: 'live' })))
    ),
    responses: { 200: json('It is', live) }
  },
  {
    ...route('/health/ready', 'Whether requests can be answered', {}, ({ correlationId }) =>
      Effect.sync(() => readyResponse(deps.readiness(), correlationId))
    ),
    responses: { 200: json('They can', ready) },
    problems: ['not_ready']
  },
  {
    ...route('/health', 'State of each component', {}, () =>
      Effect.sync(() => healthResponse(deps))
    ),
    responses: { 200: json('Whatever the state is', health) }
  },
  {
    ...route('/metrics', 'Metrics for Prometheus', {}, () =>
      Effect.promise(() => deps.metrics()).pipe(
        Effect.map(
          ({ contentType, text }) =>
            new Response(text, { headers: { 'content-type': contentType } })
        )
      )
    ),
    responses: { 200: { about: 'All metrics', content: { 'text/plain': Schema.String } } }
  }
]

const readyResponse = (
  { reasons, components, level }: Readiness,
  correlationId: string
): Response => {
  if (reasons.length === 0)
    return jsonResponse(JSON.stringify({ status: 'ready', level, components }))
  const problem: Problem = {
    status: 503,
    code: 'not_ready',
    detail: 'requests are answered once the reasons are gone',
    reasons,
    headers: { 'retry-after': '1' }
  }
  return problemResponse(problem, correlationId)
}

/** Always 200: it says how things are, and being asked does not make them worse. */
const healthResponse = (deps: ApiDeps): Response => {
  const { components, level } = deps.readiness()
  const isHealthy = components.every(({ status }) => status === 'healthy')
  const isDown = components.length > 0 && components.every(({ status }) => status === 'unavailable')
  return jsonResponse(
    JSON.stringify({
      status: isHealthy ? 'healthy' : isDown ? 'unhealthy' : 'degraded',
      version: deps.version,
      timestamp: isoOfMs(deps.nowMs()),
      level,
      components
    })
  )
}
