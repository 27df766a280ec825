/** Program of the actor `reading/http`: the API. */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import type { ApiDeps, ApiFault } from '../../adapters/http/api-deps.ts'
import { makeApp } from '../../adapters/http/app.ts'
import { inspectSocket } from '../../adapters/http/inspect-socket.ts'
import { serveHttp } from '../../adapters/http/server.ts'
import { describeSnapshots, type Table } from '../../adapters/iceberg/table.ts'
import type { TableName } from '../../market/data-type.ts'
import { conservationView } from '../conservation/conservation-view.ts'
import { degradationView, overloadSeconds } from '../degradation/degradation-view.ts'
import { inject } from '../degradation/injection.ts'
import type { EffectActorArgs } from '../effect-actor.ts'
import type { Gate } from '../gate.ts'
import { tracked } from '../resource-registry.ts'
import { drainRequested, type Shared } from '../shared.ts'
import type { RuntimeStatus } from '../status.ts'
import { answering, observeHttp } from './http-telemetry.ts'
import { TableUnavailable } from './leases.ts'
import { recordsFile } from './records-file.ts'
import { readinessOf } from './readiness.ts'
import { watchDeps } from '../watch/watch-api.ts'

/** Longest time that running requests may take once the server closes. */
export const httpDrainMsMax = 1_000
/** A request waits this long for a service that is just being restarted. */
const serviceWaitMsMax = 2_000

/** Queries are answered by processes with the role `serve`. */
class NotServedHere extends Schema.TaggedError<NotServedHere>()('NotServedHere', {
  roles: Schema.String
}) {
  override get message() {
    return `K2_ROLES of this process is ${this.roles}: ask one that has serve in it`
  }
}

export interface HttpContext {
  readonly shared: Shared
  readonly status: () => RuntimeStatus
  readonly release: ApiDeps['release']
  readonly drain: ApiDeps['drain']
  readonly run: ApiDeps['run']
  readonly version: string
}

export const httpProgram =
  (context: HttpContext) =>
  ({ commands, ready }: EffectActorArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const { config } = context.shared
      const deps = apiDeps(context)
      const server = yield* tracked('HTTP server', 'server')(
        serveHttp({
          app: makeApp(deps),
          upgrades: inspectSocket(deps),
          host: config.httpHost,
          hasKeys: config.apiKeys.length > 0,
          port: config.httpPort,
          drainMsMax: httpDrainMsMax
        })
      )
      yield* context.shared.http.serve(server)
      ready()
      yield* drainRequested(commands)
    })

const recordsDeps = (
  shared: Shared
): Pick<ApiDeps, 'records' | 'recordsFile' | 'snapshotDiff'> => ({
  records: (dataType, { format, decimals, ...asked }) =>
    within(shared, shared.queries, ({ records }) =>
      records[dataType].newest({ ...asked, text: { format, decimals } })
    ),
  recordsFile: (dataType, asked) =>
    within(shared, shared.queries, ({ records }) =>
      recordsFile(shared, records[dataType], asked)
    ),
  snapshotDiff: (dataType, { decimals, ...asked }) =>
    within(shared, shared.queries, ({ diffs }) =>
      diffs[dataType].between({ ...asked, text: { format: 'json', decimals } })
    )
})

/** What the routes ask, of the services that the gates of `shared` have. */
export const apiDeps = ({
  shared,
  status,
  release,
  drain,
  run,
  version
}: HttpContext): ApiDeps => ({
  version,
  access: {
    apiKeys: shared.config.apiKeys,
    rateLimit: shared.config.httpRateLimit,
    trustedProxies: shared.config.httpTrustedProxies,
    corsOrigins: shared.config.httpCorsOrigins
  },
  ...recordsDeps(shared),
  reference: (filter, rowsMax) =>
    within(shared, shared.queries, ({ reference }) => reference.newest(filter, rowsMax)),
  gaps: (filter, rowsMax) =>
    within(shared, shared.queries, ({ gaps }) => gaps.list(filter, rowsMax)),
  candles: (filter, candlesMax) =>
    within(shared, shared.queries, ({ candles }) => candles.list(filter, candlesMax)),
  tradingZones: shared.config.tradingZones,
  symbols: (filter) => within(shared, shared.queries, ({ symbols }) => symbols.list(filter)),
  sql: (request) => within(shared, shared.queries, ({ sql }) => sql.run(request)),
  replayPage: ({ dataType, ...request }) =>
    within(shared, shared.queries, ({ replayPages }) => replayPages[dataType].page(request)),
  replay: (request, sink) =>
    within(shared, shared.queries, ({ replays }) => replays.run(request, sink)),
  sqlRowsMax: shared.config.sqlRowsMax,
  snapshots: (name, rowsMax) =>
    within(shared, tableOf(shared, name), (table) =>
      describeSnapshots(table).pipe(
        Effect.map((snapshots) =>
          snapshots.slice(0, rowsMax).map((snapshot) => ({
            snapshotId: snapshot.snapshotId.toString(),
            parentId: snapshot.parentId?.toString() ?? null,
            timestampMs: snapshot.timestampMs,
            operation: snapshot.operation,
            summary: snapshot.summary
          }))
        ),
        Effect.mapError(({ message }) => new TableUnavailable({ detail: message }))
      )
    ),
  readiness: () => readinessOf(shared, status()),
  status,
  release,
  drain,
  degradation: () => degradationView(shared),
  conservation: (filter) => conservationView(shared, filter),
  watch: watchDeps(shared, version),
  inject: (request) => inject(shared, request),
  clearPressure: () => shared.degradation.clear(),
  level: () => shared.policy.current?.level ?? null,
  overloadSeconds: () => overloadSeconds(shared),
  metrics: async () => {
    const { contentType, body } = await shared.telemetry.exposition()
    return { contentType, text: body }
  },
  run,
  nowMs: shared.nowMs,
  newCorrelationId: shared.uuid,
  observe: (event) => observeHttp(shared, event),
  answering: (method, route) => answering(shared, method, route)
})

const tableOf = ({ pipelines, candles }: Shared, name: TableName): Gate<Table> =>
  [...pipelines, candles].find(({ tableSpec }) => tableSpec.name === name)!.table

/** Uses a service, waiting a little for one that is gone: its owner is being restarted. */
const within = <S, A, E extends { readonly _tag: string; readonly message: string }>(
  { config, hasRole }: Shared,
  gate: Gate<S>,
  use: (service: S) => Effect.Effect<A, E>
): Effect.Effect<A, ApiFault> => {
  if (!hasRole('serve')) return Effect.fail(new NotServedHere({ roles: config.roles.join(',') }))
  return gate.get.pipe(
    Effect.timeoutOrElse({
      duration: serviceWaitMsMax,
      orElse: () => Effect.fail(new TableUnavailable({ detail: 'it is being opened' }))
    }),
    Effect.flatMap(use)
  )
}
