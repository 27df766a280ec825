/**
 * `GET /v1/system/actors`, and `POST /v1/system/actors/{path}/release`, which lets a quarantined
 * actor start again.
 */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import { json, valueEnvelope } from './answer-schemas.ts'
import type { ApiDeps } from './api-deps.ts'
import { envelopeResponse } from './envelope.ts'
import { type Problem, problemResponse } from './problem.ts'
import { route, type Route } from './route.ts'
import { actors } from './system-schemas.ts'

export const actorsRoute = (deps: ApiDeps): Route => ({
  ...route(
    '/v1/system/actors',
    'The actors that run: state, restarts, queues',
    {},
    ({ correlationId }) =>
      Effect.sync(() =>
        envelopeResponse(JSON.stringify(deps.status()), undefined, {
          correlationId,
          nowMs: deps.nowMs()
        })
      )
  ),
  responses: { 200: json('The tree of actors, and what they hold', valueEnvelope(actors)) }
})

const releasePath = '/v1/system/actors/{path}/release'

/** The request that releases an actor, as an operator is told. */
export const releaseRequest = (path: string): string =>
  `POST ${releasePath.replace('{path}', () => path)}`

export const releaseRoute = (deps: ApiDeps): Route => ({
  ...route(releasePath, 'Starts a quarantined actor again', {}, ({ segments, correlationId }) =>
    releaseAnswer(deps, segments['path'] ?? '', correlationId)
  ),
  method: 'POST',
  scope: 'admin',
  segments: { path: { remedy: 'the path of the actor', example: 'root/landing/lander:trades' } },
  responses: {
    200: json('It starts', valueEnvelope(Schema.Struct({ path: Schema.String })))
  },
  problems: ['actor_not_found', 'actor_not_quarantined']
})

const releaseAnswer = (
  { release, nowMs }: ApiDeps,
  path: string,
  correlationId: string
): Effect.Effect<Response> =>
  Effect.sync(() => {
    const outcome = release(path)
    return outcome === 'released'
      ? envelopeResponse(JSON.stringify({ path }), undefined, { correlationId, nowMs: nowMs() })
      : problemResponse(problems[outcome], correlationId)
  })

const problems: Readonly<Record<'unknown' | 'not_quarantined', Problem>> = {
  unknown: {
    status: 404,
    code: 'actor_not_found',
    detail: 'no actor has this path: GET /v1/system/actors lists them'
  },
  not_quarantined: {
    status: 409,
    code: 'actor_not_quarantined',
    detail: 'only an actor with the tag quarantined can be released: others start by themselves'
  }
}
