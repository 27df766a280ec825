/** `GET /v1/reference-data`: what the sources say of each company or pair, newest version. */
import * as Effect from 'effect/Effect'
import type { ApiDeps } from './api-deps.ts'
import { envelopeResponse } from './envelope.ts'
import {
  companyParameter,
  exchangeParameter,
  limitParameter,
  symbolParameter
} from './parameters.ts'
import { route, type Route } from './route.ts'

const limitDefault = 100

const parameters = {
  company: companyParameter,
  ticker: symbolParameter,
  exchange: exchangeParameter,
  limit: limitParameter(10_000)
}

export const referenceRoute = (deps: ApiDeps): Route =>
  route(
    '/v1/reference-data',
    'Reference data of each company or pair, newest version',
    parameters,
    ({ values, correlationId }) => {
      const { company: companyId, ticker, exchange, limit = limitDefault } = values
      const filter = {
        ...(companyId === undefined ? {} : { companyId }),
        ...(ticker === undefined ? {} : { ticker }),
        ...(exchange === undefined ? {} : { exchange })
      }
      return deps
        .reference(filter, limit)
        .pipe(
          Effect.map(({ rows, hasMore, snapshotId }) =>
            envelopeResponse(
              `[${rows.join(',')}]`,
              { limit, total: null, hasMore },
              { correlationId, nowMs: deps.nowMs(), extra: { snapshot_id: snapshotId } }
            )
          )
        )
    }
  )
