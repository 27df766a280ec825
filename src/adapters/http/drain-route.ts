/** Ends this process as SIGTERM does: for who can reach its API and not its process. */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import { count, json, valueEnvelope } from './answer-schemas.ts'
import type { ApiDeps } from './api-deps.ts'
import { envelopeResponse } from './envelope.ts'
import { route, type Route } from './route.ts'

export const drainRoute = (deps: ApiDeps): Route => ({
  ...route(
    '/v1/system/drain',
    'Takes nothing more, lands what there is, and ends the process',
    {},
    ({ correlationId }) =>
      Effect.sync(() => {
        // Asked again it changes nothing: what drains goes on.
        const { endsWithinSeconds } = deps.drain()
        const data = JSON.stringify({ draining: true, ends_within_seconds: endsWithinSeconds })
        return envelopeResponse(data, undefined, { correlationId, nowMs: deps.nowMs() })
      })
  ),
  method: 'POST',
  scope: 'admin',
  responses: { 200: json('It is draining', valueEnvelope(drained)) }
})

const drained = Schema.Struct({
  draining: Schema.Literal(true),
  ends_within_seconds: count.annotate({ description: 'As K2_SHUTDOWN_TIMEOUT says' })
})
