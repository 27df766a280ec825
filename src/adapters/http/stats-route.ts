/**
 * `GET /v1/stats`: how much there is in each table, as its newest snapshot says: nothing is
 * counted, and nothing of where it lies is told.
 */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import { type TableName, tableNames } from '../../market/data-type.ts'
import { int64, json, snapshotId, time, valueEnvelope } from './answer-schemas.ts'
import type { ApiDeps, ApiFault } from './api-deps.ts'
import { envelopeResponse } from './envelope.ts'
import { readProblems, route, type Route } from './route.ts'
import { isoOfMs } from './time-parameter.ts'

export const statsRoute = (deps: ApiDeps): Route => ({
  ...route('/v1/stats', 'How much there is in each table', {}, ({ correlationId }) =>
    Effect.all(tableNames.map((table) => statsOf(deps, table))).pipe(
      Effect.map((tables) => {
        const counts = tables
          .filter(({ table }) => table === 'trades' || table === 'quotes')
          .map(({ table, records }) => `"${table}_count":${records}`)
        return envelopeResponse(
          `{${counts.join(',')},"tables":[${tables.map(tableJson).join(',')}]}`,
          undefined,
          { correlationId, nowMs: deps.nowMs() }
        )
      })
    )
  ),
  responses: { 200: json('As of the newest snapshots', valueEnvelope(stats)) },
  problems: readProblems
})

const tableStats = Schema.Struct({
  table_name: Schema.String,
  records: Schema.NullOr(int64),
  data_files: Schema.NullOr(int64),
  bytes: Schema.NullOr(int64),
  snapshot_id: Schema.NullOr(snapshotId),
  committed_at: Schema.NullOr(time)
}).annotate({
  identifier: 'TableStats',
  description: 'null where the snapshot does not say it, or where there is none yet'
})

const stats = Schema.Struct({
  trades_count: Schema.NullOr(int64),
  quotes_count: Schema.NullOr(int64),
  tables: Schema.Array(tableStats)
}).annotate({ identifier: 'Stats' })

interface TableStats {
  readonly table: TableName
  /** Digits, or null, as JSON has them: they may be more than a double holds. */
  readonly records: string
  readonly files: string
  readonly bytes: string
  readonly snapshotId: string | null
  readonly timestampMs: number | null
}

const statsOf = (deps: ApiDeps, table: TableName): Effect.Effect<TableStats, ApiFault> =>
  deps.snapshots(table, 1).pipe(
    Effect.map(([newest]) => {
      const totalOf = (name: string): string => {
        if (newest === undefined) return '0'
        const text = newest.summary[`total-${name}`]
        return text !== undefined && digits.test(text) ? text : 'null'
      }
      return {
        table,
        records: totalOf('records'),
        files: totalOf('data-files'),
        bytes: totalOf('files-size'),
        snapshotId: newest?.snapshotId ?? null,
        timestampMs: newest?.timestampMs ?? null
      }
    })
  )

const digits = /^(?:0|[1-9][0-9]{0,18})$/

const tableJson = ({ table, records, files, bytes, ...of }: TableStats): string => {
  const committedAt = of.timestampMs === null ? null : isoOfMs(of.timestampMs)
  return (
    `{"table_name":"market.${table}","records":${records},"data_files":${files},` +
    `"bytes":${bytes},"snapshot_id":${JSON.stringify(of.snapshotId)},` +
    `"committed_at":${JSON.stringify(committedAt)}}`
  )
}
