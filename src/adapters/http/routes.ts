/**
 * The routes of the API, as data: path, parameters and what answers. `app.ts` serves them, and
 * knows from the same table which methods an address has and what its parameters are.
 */
import * as Effect from 'effect/Effect'
import type { ApiDeps, Readiness } from './api-deps.ts'
import { conservationRoute } from './conservation-route.ts'
import { degradationRoutes } from './degradation-routes.ts'
import { dataTypes, type StreamedDataType } from '../../market/data-type.ts'
import { envelopeResponse, jsonResponse } from './envelope.ts'
import { gapsRoute } from './gaps-route.ts'
import {
  choiceParameter,
  exchangeParameter,
  limitParameter,
  symbolParameter,
  timeParameter
} from './parameters.ts'
import { type Problem, problemResponse } from './problem.ts'
import { referenceRoute } from './reference-route.ts'
import { releaseAnswer, releasePath } from './release-route.ts'
import { route, type Route } from './route.ts'
import { sqlRoute } from './sql-route.ts'
import { isoOfMs } from './time-parameter.ts'

export const makeRoutes = (deps: ApiDeps): readonly Route[] => [
  recordsRoute(deps, 'trades'),
  recordsRoute(deps, 'quotes'),
  referenceRoute(deps),
  gapsRoute(deps),
  symbolsRoute(deps),
  snapshotsRoute(deps),
  sqlRoute(deps),
  route(
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
  {
    ...route(releasePath, 'Starts a quarantined actor again', {}, ({ segments, correlationId }) =>
      releaseAnswer(deps, segments['path'] ?? '', correlationId)
    ),
    method: 'POST',
    scope: 'admin'
  },
  conservationRoute(deps),
  ...degradationRoutes(deps),
  route('/health/live', 'Whether the process is up', {}, () =>
    Effect.sync(() => jsonResponse(JSON.stringify({ status: 'live' })))
  ),
  route('/health/ready', 'Whether requests can be answered', {}, ({ correlationId }) =>
    Effect.sync(() => readyResponse(deps.readiness(), correlationId))
  ),
  route('/health', 'State of each component', {}, () => Effect.sync(() => healthResponse(deps))),
  route('/metrics', 'Metrics for Prometheus', {}, () =>
    Effect.promise(() => deps.metrics()).pipe(
      Effect.map(
        ({ contentType, text }) => new Response(text, { headers: { 'content-type': contentType } })
      )
    )
  )
]

/** What stands at `/`. */
export const indexResponse = (version: string, routes: readonly Route[]): Response =>
  jsonResponse(
    JSON.stringify({
      name: 'k2',
      version,
      routes: routes.map(({ method = 'GET', path, about, parameters }) => ({
        method,
        path,
        about,
        parameters: Object.entries(parameters).map(([name, { remedy }]) => ({
          name,
          allowed: remedy
        }))
      }))
    })
  )

const limitDefault = { records: 100, snapshots: 10 }

const recordsParameters = {
  symbol: symbolParameter,
  exchange: exchangeParameter,
  start_time: timeParameter,
  end_time: timeParameter,
  limit: limitParameter(10_000)
}

const recordsRoute = (deps: ApiDeps, dataType: StreamedDataType): Route => ({
  ...route(`/v1/${dataType}`, `The newest ${dataType}`, recordsParameters, (call) => {
    const { values, correlationId } = call
    const {
      symbol,
      exchange,
      start_time: fromUs,
      end_time: toUs,
      limit = limitDefault.records
    } = values
    const filter = {
      ...(symbol === undefined ? {} : { symbol }),
      ...(exchange === undefined ? {} : { exchange }),
      ...(fromUs === undefined ? {} : { fromUs }),
      ...(toUs === undefined ? {} : { toUs })
    }
    return deps
      .records(dataType, filter, limit)
      .pipe(
        Effect.map(({ rows, hasMore, snapshotId }) =>
          envelopeResponse(
            `[${rows.join(',')}]`,
            { limit, total: null, hasMore },
            { correlationId, nowMs: deps.nowMs(), extra: { snapshot_id: snapshotId } }
          )
        )
      )
  }),
  check: ({ start_time: from, end_time: to }) =>
    typeof from === 'number' && typeof to === 'number' && from > to
      ? [
          {
            field: 'end_time',
            detail: 'is before start_time',
            remedy: 'start_time is inclusive, end_time exclusive: end_time must not be smaller'
          }
        ]
      : []
})

const symbolsRoute = (deps: ApiDeps): Route =>
  route(
    '/v1/symbols',
    'Symbols that have trades',
    { exchange: exchangeParameter },
    ({ values, correlationId }) =>
      deps.symbols(values.exchange === undefined ? {} : { exchange: values.exchange }).pipe(
        Effect.map(({ instruments, snapshotId }) => {
          const symbols = [...new Set(instruments.map(({ symbol }) => symbol))]
          return envelopeResponse(
            JSON.stringify(symbols),
            { limit: symbols.length, total: symbols.length, hasMore: false },
            {
              correlationId,
              nowMs: deps.nowMs(),
              extra: {
                snapshot_id: snapshotId,
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
  )

const snapshotsParameters = { table: choiceParameter(...dataTypes), limit: limitParameter(100) }

/** Summary entries that name files of this machine. */
const hiddenSummaryKeys: ReadonlySet<string> = new Set(['k2.state', 'k2.ledger'])

const snapshotsRoute = (deps: ApiDeps): Route =>
  route(
    '/v1/snapshots',
    'Snapshots of a table',
    snapshotsParameters,
    ({ values, correlationId }) => {
      const { table = 'trades', limit = limitDefault.snapshots } = values
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
  )

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
