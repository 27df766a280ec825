/** `GET /v1/snapshots/{snapshot_id}/diff`: what a snapshot has that an older one has not. */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import { streamedDataTypes } from '../../market/data-type.ts'
import { count, json, pageEnvelope, snapshotId } from './answer-schemas.ts'
import type { ApiDeps } from './api-deps.ts'
import { envelopeResponse } from './envelope.ts'
import {
  choiceParameter,
  exchangeParameter,
  limitParameter,
  symbolParameter,
  withDefault
} from './parameters.ts'
import { problemResponse } from './problem.ts'
import { invalidSnapshotId, isSnapshotId, snapshotIdParameter } from './read-parameters.ts'
import { quote, trade } from './record-schemas.ts'
import { readProblems, route, type Route } from './route.ts'

const parameters = {
  table: withDefault(choiceParameter(...streamedDataTypes), 'trades'),
  base_snapshot_id: {
    ...snapshotIdParameter,
    remedy: `what it is held against, its parent unless told: ${snapshotIdParameter.remedy}`
  },
  symbol: symbolParameter,
  exchange: exchangeParameter,
  limit: withDefault(limitParameter(10_000, 0), 100),
  decimals: withDefault(choiceParameter('number', 'string'), 'number')
}

export const snapshotDiffRoute = (deps: ApiDeps): Route => ({
  ...route(
    '/v1/snapshots/{snapshot_id}/diff',
    'Rows that a snapshot has and an older one has not; maintenance shows none',
    parameters,
    ({ values, segments, correlationId }) => {
      const id = segments['snapshot_id'] ?? ''
      if (!isSnapshotId(id))
        return Effect.succeed(problemResponse(invalidSnapshotId, correlationId))
      const { table, base_snapshot_id: baseId, symbol, exchange, limit, decimals } = values
      const filter = {
        ...(symbol === undefined ? {} : { symbols: [symbol] }),
        ...(exchange === undefined ? {} : { exchanges: [exchange] })
      }
      const asked = { snapshotId: id, baseId, filter, rowsMax: limit, decimals }
      return deps.snapshotDiff(table, asked).pipe(
        Effect.map(({ rows, hasMore, added, removed, baseId: base }) =>
          envelopeResponse(
            `[${rows.join(',')}]`,
            { limit, total: added, hasMore },
            {
              correlationId,
              nowMs: deps.nowMs(),
              extra: {
                snapshot_id: id,
                base_snapshot_id: base,
                added_rows: added,
                removed_rows: removed
              }
            }
          )
        )
      )
    }
  ),
  segments: { snapshot_id: snapshotIdParameter },
  responses: {
    200: json(
      'Newest first',
      pageEnvelope(Schema.Union([trade, quote]), {
        snapshot_id: snapshotId,
        base_snapshot_id: Schema.NullOr(snapshotId).annotate({
          description: 'null: the snapshot is the first of its table'
        }),
        added_rows: count,
        removed_rows: count.annotate({
          description: 'That only the base has: by retention, a rollback or others'
        })
      })
    )
  },
  problems: [...readProblems, 'snapshot_not_found', 'gone']
})
