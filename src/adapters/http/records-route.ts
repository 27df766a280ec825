/**
 * `GET /v1/trades` and `GET /v1/quotes`: records newest first, as they are now or as they were.
 *
 * 1. Every answer names what it read in `meta.read_token`: sent back with the same query, it gives
 *    the same bytes of `data` (R15). Its ETag says the same to whoever asks with `If-None-Match`.
 * 2. A page is continued by its cursor at the very point at which it was read.
 */
import * as Schema from 'effect/Schema'
import type { StreamedDataType } from '../../market/data-type.ts'
import { pageEnvelope, partialMeta } from './answer-schemas.ts'
import type { ApiDeps } from './api-deps.ts'
import { unchanged } from './etag.ts'
import { formatParameter, mediaTypes } from './formats.ts'
import {
  choiceParameter,
  exchangeParameter,
  limitParameter,
  symbolParameter,
  timeParameter,
  withDefault
} from './parameters.ts'
import { readFaults, readFromOf, readParameters, timesInOrder } from './read-parameters.ts'
import { streamedRecords } from './record-schemas.ts'
import { answerRecords } from './records-answer.ts'
import { type Documented, readProblems, route, type Route } from './route.ts'

const recordsParameters = {
  symbol: symbolParameter,
  exchange: exchangeParameter,
  start_time: timeParameter,
  end_time: timeParameter,
  limit: withDefault(limitParameter(10_000), 100),
  format: formatParameter,
  decimals: withDefault(choiceParameter('number', 'string'), 'number'),
  ...readParameters
}

export const recordsRoute = (deps: ApiDeps, dataType: StreamedDataType): Route => ({
  ...route(`/v1/${dataType}`, `The newest ${dataType}`, recordsParameters, (call) => {
    const { symbol, exchange, start_time: fromUs, end_time: toUs } = call.values
    const { limit, format, decimals } = call.values
    const filter = {
      ...(symbol === undefined ? {} : { symbols: [symbol] }),
      ...(exchange === undefined ? {} : { exchanges: [exchange] }),
      ...(fromUs === undefined ? {} : { fromUs }),
      ...(toUs === undefined ? {} : { toUs })
    }
    return answerRecords(deps, call, {
      dataType,
      filter,
      rowsMax: limit,
      format,
      decimals,
      from: readFromOf(call.values),
      route: `/v1/${dataType}`
    })
  }),
  responses: {
    200: recordsDocumented(dataType),
    304: unchanged
  },
  problems: [...readProblems, ...recordsProblems],
  check: (values) => [
    ...timesInOrder(values['start_time'], values['end_time']),
    ...readFaults(values, deps.nowMs())
  ]
})

/** What reads of a state of a table may answer beside what all reads may. */
export const recordsProblems = [
  'read_token_invalid',
  'cursor_invalid',
  'snapshot_not_found',
  'gone',
  'read_not_reached',
  'not_acceptable'
] as const

export const recordsMeta = {
  ...partialMeta,
  read_token: Schema.NullOr(Schema.String).annotate({
    description:
      'What was read: the same query with it gives the same data. null where it would be too ' +
      'long, or others have written to the table'
  })
}

/** In each of its forms. */
const recordsDocumented = (dataType: StreamedDataType): Documented =>
  documentedAs(streamedRecords[dataType], recordsMeta)

/** Rows in each form; `meta` is of JSON. */
export const documentedAs = (
  row: Schema.Top,
  meta: Schema.Struct.Fields
): Documented => ({
  about: 'Newest first',
  content: {
    [mediaTypes.json]: pageEnvelope(row, meta),
    [mediaTypes.ndjson]: row,
    [mediaTypes.csv]: Schema.String.annotate({ description: 'A line of names, then the records' }),
    [mediaTypes.parquet]: Schema.String.annotate({ description: 'Bytes of one file' })
  },
  headers: {
    ETag: 'Of what was read: the same as long as the answer would be',
    'Content-Disposition': 'Of what is not JSON: a name for the file',
    'K2-Snapshot-Id': 'Of what is not JSON: as meta.snapshot_id',
    'K2-Read-Token': 'Of what is not JSON: as meta.read_token',
    'K2-Next-Cursor':
      'Of what is not JSON: as pagination.next_cursor, absent where there is no more; of lines, ' +
      'where limit is at most 10000',
    'K2-Missing': 'Of what is not JSON: what the answer lacks; absent where it is whole',
    'K2-Record-Count': 'Of Parquet'
  }
})
