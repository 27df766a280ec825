/**
 * The routes of the API, as data: path, parameters and what answers. `app.ts` serves them, and
 * knows from the same table which methods an address has and what its parameters are.
 */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import { aggregationsRoute } from './aggregations-route.ts'
import { actorsRoute, releaseRoute } from './actors-routes.ts'
import {
  json,
  pageEnvelope,
  partialMeta,
  partialMetaOf,
  snapshotId,
  time
} from './answer-schemas.ts'
import type { ApiDeps } from './api-deps.ts'
import { candlesRoute, summaryRoute } from './candles-route.ts'
import { conservationRoute } from './conservation-route.ts'
import { degradationRoutes } from './degradation-routes.ts'
import { drainRoute } from './drain-route.ts'
import { tableNames } from '../../market/data-type.ts'
import { envelopeResponse } from './envelope.ts'
import { explained } from './explain.ts'
import { gapsRoute } from './gaps-route.ts'
import { healthRoutes } from './health-routes.ts'
import {
  choiceParameter,
  exchangeParameter,
  limitParameter,
  withDefault
} from './parameters.ts'
import { docsRoutes } from './docs-routes.ts'
import { indexRoute, openApiRoute } from './document-routes.ts'
import { pageFilesRoute } from './page-routes.ts'
import { recordsQueryRoute } from './records-query-route.ts'
import { recentRoute } from './recent-route.ts'
import { inRowForms } from './row-forms.ts'
import { recordsRoute } from './records-route.ts'
import { referenceRoute } from './reference-route.ts'
import { readProblems, route, type Route } from './route.ts'
import { replayPagesRoute, replayRoute } from './replay-route.ts'
import { snapshotQueryRoute } from './snapshot-query-route.ts'
import { snapshotDiffRoute } from './snapshot-diff-route.ts'
import { sqlRoute } from './sql-route.ts'
import { statsRoute } from './stats-route.ts'
import { isoOfMs } from './time-parameter.ts'
import { watchRoutes } from './watch-routes.ts'

export const makeRoutes = (deps: ApiDeps): readonly Route[] => {
  const openApi = openApiRoute(deps, () => routes)
  const others = [...answeringRoutes(deps), openApi, ...docsRoutes(), pageFilesRoute()]
  const routes: readonly Route[] = [indexRoute(deps, others), ...others]
  return routes
}

const queryRoutes = (deps: ApiDeps): readonly Route[] => [
  recordsRoute(deps, 'trades'),
  recentRoute(deps),
  recordsRoute(deps, 'quotes'),
  recordsQueryRoute(deps, 'trades'),
  recordsQueryRoute(deps, 'quotes'),
  ...[
    referenceRoute(deps),
    gapsRoute(deps),
    candlesRoute(deps),
    summaryRoute(deps),
    aggregationsRoute(deps)
  ].map((it) => inRowForms(deps, it)),
  symbolsRoute(deps),
  snapshotQueryRoute(deps),
  ...[snapshotDiffRoute(deps), replayPagesRoute(deps), sqlRoute(deps)].map((it) =>
    inRowForms(deps, it)
  )
]

const answeringRoutes = (deps: ApiDeps): readonly Route[] => [
  ...queryRoutes(deps).map(explained),
  snapshotsRoute(deps),
  statsRoute(deps),
  replayRoute(deps),
  actorsRoute(deps),
  releaseRoute(deps),
  conservationRoute(deps),
  ...degradationRoutes(deps),
  ...watchRoutes(deps),
  drainRoute(deps),
  ...healthRoutes(deps)
]

const instrument = Schema.Struct({
  symbol: Schema.String,
  exchange: Schema.String,
  base_asset: Schema.NullOr(Schema.String),
  quote_asset: Schema.String
})

const symbolsRoute = (deps: ApiDeps): Route => ({
  ...route(
    '/v1/symbols',
    'Symbols that have trades',
    { exchange: exchangeParameter },
    ({ values, correlationId }) =>
      deps.symbols(values.exchange === undefined ? {} : { exchange: values.exchange }).pipe(
        Effect.map(({ instruments, ...facts }) => {
          const symbols = [...new Set(instruments.map(({ symbol }) => symbol))]
          return envelopeResponse(
            JSON.stringify(symbols),
            { limit: symbols.length, total: symbols.length, hasMore: false },
            {
              correlationId,
              nowMs: deps.nowMs(),
              extra: {
                ...partialMetaOf(facts),
                instruments: instruments.map(({ symbol, exchange, baseAsset, quoteAsset }) => ({
                  symbol,
                  exchange,
                  base_asset: baseAsset,
                  quote_asset: quoteAsset
                }))
              }
            }
          )
        })
      )
  ),
  responses: {
    200: json(
      'Symbols, and in meta what they are',
      pageEnvelope(Schema.String, { ...partialMeta, instruments: Schema.Array(instrument) })
    )
  },
  problems: readProblems
})

const snapshotsParameters = {
  table: withDefault(choiceParameter(...tableNames), 'trades'),
  limit: withDefault(limitParameter(100), 10)
}

/** Summary entries that name files of this machine. */
export const hiddenSummaryKeys: ReadonlySet<string> = new Set(['k2.state', 'k2.ledger'])

const snapshot = Schema.Struct({
  snapshot_id: snapshotId,
  parent_id: Schema.NullOr(snapshotId),
  timestamp: time,
  operation: Schema.Literals(['append', 'replace', 'overwrite', 'delete']),
  summary: Schema.Record(Schema.String, Schema.String)
}).annotate({ identifier: 'Snapshot' })

const snapshotsRoute = (deps: ApiDeps): Route => ({
  ...route(
    '/v1/snapshots',
    'Snapshots of a table',
    snapshotsParameters,
    ({ values, correlationId }) => {
      const { table, limit } = values
      return deps.snapshots(table, limit + 1).pipe(
        Effect.map((listings) =>
          envelopeResponse(
            JSON.stringify(
              listings
                .slice(0, limit)
                .map(({ snapshotId, parentId, timestampMs, operation, summary }) => ({
                  snapshot_id: snapshotId,
                  parent_id: parentId,
                  timestamp: isoOfMs(timestampMs),
                  operation,
                  summary: Object.fromEntries(
                    Object.entries(summary).filter(([key]) => !hiddenSummaryKeys.has(key))
                  )
                }))
            ),
            { limit, total: null, hasMore: listings.length > limit },
            {
              correlationId,
              nowMs: deps.nowMs(),
              extra: { table_name: `market.${table}` }
            }
          )
        )
      )
    }
  ),
  responses: {
    200: json('Newest first', pageEnvelope(snapshot, { table_name: Schema.String }))
  },
  problems: readProblems
})
