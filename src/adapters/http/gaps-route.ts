/** `GET /v1/gaps`: ids that are missing from the trades, why, and what became of them. */
import * as Effect from 'effect/Effect'
import { openReasons } from '../../market/gap-events.ts'
import type { ApiDeps } from './api-deps.ts'
import { envelopeResponse } from './envelope.ts'
import {
  choiceParameter,
  exchangeParameter,
  limitParameter,
  symbolParameter
} from './parameters.ts'
import { route, type Route } from './route.ts'

const limitDefault = 100

const parameters = {
  state: choiceParameter('open', 'closed', 'all'),
  exchange: exchangeParameter,
  symbol: symbolParameter,
  reason: choiceParameter(...openReasons),
  limit: limitParameter(10_000)
}

export const gapsRoute = (deps: ApiDeps): Route =>
  route(
    '/v1/gaps',
    'What is missing, and why; with state=closed or all, what was',
    parameters,
    ({ values, correlationId }) => {
      const { state = 'open', exchange, symbol, reason, limit = limitDefault } = values
      const filter = {
        state,
        ...(exchange === undefined ? {} : { exchange }),
        ...(symbol === undefined ? {} : { symbol }),
        ...(reason === undefined ? {} : { reason })
      }
      return deps.gaps(filter, limit).pipe(
        Effect.map(({ rows, hasMore, snapshotId, openGaps, openTrades }) =>
          envelopeResponse(
            `[${rows.join(',')}]`,
            { limit, total: null, hasMore },
            {
              correlationId,
              nowMs: deps.nowMs(),
              extra: { snapshot_id: snapshotId, open_gaps: openGaps, open_trades: openTrades }
            }
          )
        )
      )
    }
  )
