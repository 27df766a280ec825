/** `GET /v1/reference-data`: what the sources say of each company or pair, newest version. */
import * as Effect from 'effect/Effect'
import type { ApiDeps } from './api-deps.ts'
import { json, pageEnvelope, partialMeta, partialMetaOf } from './answer-schemas.ts'
import { envelopeResponse } from './envelope.ts'
import {
  companyParameter,
  exchangeParameter,
  limitParameter,
  symbolParameter,
  withDefault
} from './parameters.ts'
import { referenceData } from './record-schemas.ts'
import { readProblems, route, type Route } from './route.ts'

const parameters = {
  company: companyParameter,
  ticker: symbolParameter,
  exchange: exchangeParameter,
  limit: withDefault(limitParameter(10_000), 100)
}

export const referenceRoute = (deps: ApiDeps): Route => ({
  ...route(
    '/v1/reference-data',
    'Reference data of each company or pair, newest version',
    parameters,
    ({ values, correlationId }) => {
      const { company: companyId, ticker, exchange, limit } = values
      const filter = {
        ...(companyId === undefined ? {} : { companyId }),
        ...(ticker === undefined ? {} : { ticker }),
        ...(exchange === undefined ? {} : { exchange })
      }
      return deps
        .reference(filter, limit)
        .pipe(
          Effect.map(({ rows, hasMore, ...facts }) =>
            envelopeResponse(
              `[${rows.join(',')}]`,
              { limit, total: null, hasMore },
              { correlationId, nowMs: deps.nowMs(), extra: partialMetaOf(facts) }
            )
          )
        )
    }
  ),
  responses: { 200: json('By exchange and company', pageEnvelope(referenceData, partialMeta)) },
  problems: readProblems
})
