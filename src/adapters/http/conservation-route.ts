/**
 * `GET /v1/system/conservation`: whether every record is accounted for. 200 also when one is not:
 * `holds` says so.
 */
import * as Effect from 'effect/Effect'
import type { ApiDeps } from './api-deps.ts'
import { json, valueEnvelope } from './answer-schemas.ts'
import { envelopeResponse } from './envelope.ts'
import { choiceParameter, symbolParameter, withDefault } from './parameters.ts'
import { route, type Route } from './route.ts'
import { conservation } from './system-schemas.ts'

const parameters = {
  state: withDefault(choiceParameter('all', 'broken'), 'all'),
  symbol: symbolParameter
}

export const conservationRoute = (deps: ApiDeps): Route => ({
  ...route(
    '/v1/system/conservation',
    'Whether every record is accounted for: equations, their terms, since when one fails',
    parameters,
    ({ values: { state, symbol }, correlationId }) =>
      Effect.sync(() =>
        envelopeResponse(
          JSON.stringify(deps.conservation({ state, ...(symbol === undefined ? {} : { symbol }) })),
          undefined,
          { correlationId, nowMs: deps.nowMs() }
        )
      )
  ),
  responses: { 200: json('Equations, with totals', valueEnvelope(conservation)) }
})
