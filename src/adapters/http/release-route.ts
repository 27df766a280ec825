/** `POST /v1/system/actors/{path}/release`: lets a quarantined actor start again. */
import * as Effect from 'effect/Effect'
import type { ApiDeps } from './api-deps.ts'
import { envelopeResponse } from './envelope.ts'
import { type Problem, problemResponse } from './problem.ts'

export const releasePath = '/v1/system/actors/{path}/release'

/** The request that releases an actor, as an operator is told. */
export const releaseRequest = (path: string): string =>
  `POST ${releasePath.replace('{path}', () => path)}`

export const releaseAnswer = (
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
