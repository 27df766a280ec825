/** `POST /v1/snapshots/{snapshot_id}/query`: records as a snapshot of their table has them. */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import { streamedDataTypes } from '../../market/data-type.ts'
import { snapshotId, time } from './answer-schemas.ts'
import type { ApiDeps } from './api-deps.ts'
import { formatParameter } from './formats.ts'
import {
  choiceParameter,
  exchangeParameter,
  symbolParameter,
  withDefault
} from './parameters.ts'
import { problemResponse } from './problem.ts'
import {
  invalidSnapshotId,
  isSnapshotId,
  readFields,
  snapshotIdParameter
} from './read-parameters.ts'
import { readFaultProblem } from './read-problems.ts'
import { quote, trade } from './record-schemas.ts'
import { answerRecords } from './records-answer.ts'
import {
  decimalsField,
  limitField,
  offsetFaults,
  offsetField,
  unconditional
} from './records-query-route.ts'
import { documentedAs, recordsMeta, recordsProblems } from './records-route.ts'
import { postRoute, readProblems, type Route } from './route.ts'
import { isoOfMs } from './time-parameter.ts'

const fields = {
  data_type: withDefault(choiceParameter(...streamedDataTypes), 'trades'),
  symbol: symbolParameter,
  exchange: exchangeParameter,
  limit: limitField,
  offset: offsetField,
  format: formatParameter,
  decimals: decimalsField,
  cursor: readFields.cursor
}

const path = '/v1/snapshots/{snapshot_id}/query'

/** More than a table keeps. */
const snapshotsMax = 100_000

export const snapshotQueryRoute = (deps: ApiDeps): Route => ({
  ...postRoute(
    path,
    'Records as a snapshot of their table has them, newest first',
    fields,
    ({ body, segments, ...call }) => {
      const id = segments['snapshot_id'] ?? ''
      const { data_type: dataType, symbol, exchange, cursor } = body
      const { limit, offset, format, decimals } = body
      if (!isSnapshotId(id))
        return Effect.succeed(problemResponse(invalidSnapshotId, call.correlationId))
      return Effect.gen(function* () {
        const snapshots = yield* deps.snapshots(dataType, snapshotsMax)
        const snapshot = snapshots.find((it) => it.snapshotId === id)
        if (snapshot === undefined)
          return problemResponse(readFaultProblem('SnapshotNotFound')!, call.correlationId)
        return yield* answerRecords(deps, unconditional(call), {
          dataType,
          filter: {
            ...(symbol === undefined ? {} : { symbols: [symbol] }),
            ...(exchange === undefined ? {} : { exchanges: [exchange] })
          },
          rowsMax: limit,
          offset,
          format,
          decimals,
          from: {
            choice: { kind: 'snapshot', snapshotId: id },
            ...(cursor === undefined ? {} : { cursor })
          },
          route: path,
          extraMeta: { snapshot_timestamp: isoOfMs(snapshot.timestampMs) }
        })
      })
    }
  ),
  segments: { snapshot_id: snapshotIdParameter },
  responses: {
    200: documentedAs(Schema.Union([trade, quote]), {
      ...recordsMeta,
      snapshot_id: snapshotId,
      snapshot_timestamp: time
    })
  },
  problems: [...readProblems, ...recordsProblems],
  check: offsetFaults
})
