/** `GET /v1/gaps`: ids that are missing from the trades, why, and what became of them. */
import * as Effect from 'effect/Effect'
import { openReasons } from '../../market/gap-events.ts'
import type { ApiDeps } from './api-deps.ts'
import { count, json, pageEnvelope, pinned } from './answer-schemas.ts'
import { envelopeResponse } from './envelope.ts'
import {
  choiceParameter,
  exchangeParameter,
  limitParameter,
  symbolParameter,
  withDefault
} from './parameters.ts'
import { gap } from './record-schemas.ts'
import { readProblems, route, type Route } from './route.ts'

const parameters = {
  state: withDefault(choiceParameter('open', 'closed', 'all'), 'open'),
  exchange: exchangeParameter,
  symbol: symbolParameter,
  reason: choiceParameter(...openReasons),
  limit: withDefault(limitParameter(10_000), 100)
}

export const gapsRoute = (deps: ApiDeps): Route => ({
  ...route(
    '/v1/gaps',
    'What is missing, and why; with state=closed or all, what was',
    parameters,
    ({ values, correlationId }) => {
      const { state, exchange, symbol, reason, limit } = values
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
  ),
  responses: {
    200: json(
      'Open gaps, oldest first, then closed ones, newest first',
      pageEnvelope(gap, { ...pinned, open_gaps: count, open_trades: count })
    )
  },
  problems: readProblems
})
