/** `GET /v1/replay/stream`: records in the order of time, as a stream, and then what comes. */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import * as SchemaTransformation from 'effect/SchemaTransformation'
import { streamedDataTypes, type StreamedDataType } from '../../market/data-type.ts'
import {
  count,
  json,
  pageEnvelope,
  partialMeta,
  partialMetaOf,
  snapshotId
} from './answer-schemas.ts'
import type { ApiDeps, ReplayRequest } from './api-deps.ts'
import { timesInOrder } from './read-parameters.ts'
import {
  choiceParameter,
  exchangeParameter,
  type Parameter,
  symbolParameter,
  timeParameter,
  withDefault
} from './parameters.ts'
import { envelopeResponse } from './envelope.ts'
import { readFields } from './read-parameters.ts'
import { filterFields, wholeField } from './records-query-route.ts'
import { recordsProblems } from './records-route.ts'
import { fieldNamesOf, optionalFieldsOf, quote, trade } from './record-schemas.ts'
import { replayResponse } from './replay-body.ts'
import { replayFramings } from './replay-frames.ts'
import type { FieldError } from './problem.ts'
import { postRoute, readProblems, route, type Route } from './route.ts'

const path = '/v1/replay/stream'
const valuesMax = 50

/** Comma-separated texts, each of the pattern. */
const listParameter = (
  pattern: string,
  remedy: string,
  example: string
): Parameter<readonly string[]> => {
  const whole = new RegExp(`^${pattern}(?:,${pattern}){0,${valuesMax - 1}}$`, 'u')
  return {
    schema: Schema.String.check(Schema.isPattern(whole)).pipe(
      Schema.decodeTo(
        Schema.Array(Schema.String),
        SchemaTransformation.transform<readonly string[], string>({
          decode: (text) => text.split(','),
          encode: (texts) => texts.join(',')
        })
      )
    ),
    remedy,
    example
  }
}

const parameters = {
  data_type: withDefault(choiceParameter(...streamedDataTypes), 'trades'),
  symbols: listParameter(
    '[A-Za-z0-9][A-Za-z0-9._\\/:\\-]{0,63}',
    `up to ${valuesMax} symbols, comma-separated: ${symbolParameter.remedy}`,
    'BTCUSDT,ETHUSDT'
  ),
  exchanges: listParameter(
    '[A-Za-z0-9_\\-]{1,32}',
    `up to ${valuesMax} exchanges, comma-separated: ${exchangeParameter.remedy}`,
    'BINANCE'
  ),
  start_time: timeParameter,
  end_time: timeParameter,
  speed: withDefault(
    {
      schema: Schema.String.check(Schema.isPattern(/^(?:max|[0-9]{1,6}(?:[.][0-9]{1,3})?)$/u)),
      remedy: 'max, or how many times as fast as the records came, from 0.001 to 999999',
      example: '1000'
    },
    'max'
  ),
  fields: listParameter(
    '[a-z_]{1,32}',
    'names of fields, comma-separated, in the order that they are to have',
    'symbol,exchange,timestamp,price,quantity,side'
  ),
  format: choiceParameter('ndjson', 'sse'),
  live: withDefault(choiceParameter('true', 'false'), 'false')
}

const record = Schema.Struct(
  optionalFieldsOf({ ...trade.fields, ...quote.fields })
).annotate({ identifier: 'ReplayedRecord' })

const line = Schema.Union([
  Schema.Struct({
    type: Schema.Literal('replay.completed'),
    count: count.annotate({ description: 'Records that were sent' }),
    live: Schema.Boolean.annotate({ description: 'Whether others follow as they come' }),
    snapshot_id: Schema.NullOr(snapshotId),
    partial: Schema.Boolean,
    missing: Schema.optionalKey(Schema.Array(Schema.String))
  }).annotate({ identifier: 'ReplayCompleted' }),
  Schema.Struct({
    type: Schema.Literal('replay.failed'),
    count,
    code: Schema.String,
    detail: Schema.String,
    correlation_id: Schema.String
  }).annotate({ identifier: 'ReplayFailed' }),
  record
])

export const replayRoute = (deps: ApiDeps): Route => ({
  ...route(
    path,
    'Records in the order of time, as a stream; its last line says that it is whole',
    parameters,
    ({ values, headers, correlationId }) => {
      const { data_type: dataType, symbols, exchanges, start_time, end_time } = values
      const { speed, fields, format, live } = values
      const wantsEvents = headers.get('accept')?.includes('text/event-stream') === true
      const request: Omit<ReplayRequest, 'frame'> = {
        dataType,
        filter: {
          ...(symbols === undefined ? {} : { symbols }),
          ...(exchanges === undefined ? {} : { exchanges: exchanges.map(upperCase) }),
          ...(start_time === undefined ? {} : { fromUs: start_time }),
          ...(end_time === undefined ? {} : { toUs: end_time })
        },
        ...(fields === undefined ? {} : { fields }),
        ...(speed === 'max' ? {} : { speed: Number(speed) }),
        isLive: live === 'true'
      }
      const framing = replayFramings[format ?? (wantsEvents ? 'sse' : 'ndjson')]
      return replayResponse(deps, { framing, request, correlationId, route: path })
    }
  ),
  check: (values) => [...timesInOrder(values['start_time'], values['end_time']), ...faults(values)],
  responses: {
    200: {
      about:
        'One record a line, and what is said of the replay: replay.completed, or replay.failed. ' +
        'Server-Sent Events where they are asked for, by format or by Accept',
      content: { 'application/x-ndjson': line, 'text/event-stream': Schema.String }
    }
  },
  problems: [...readProblems, 'replays_busy', 'rows_removed', 'not_followed']
})

const pageFields = {
  data_type: parameters.data_type,
  ...filterFields,
  fields: {
    schema: Schema.Array(Schema.String).check(Schema.isMinLength(1), Schema.isMaxLength(32)),
    remedy: 'a list of names of fields, in the order that they are to have',
    example: ['symbol', 'timestamp', 'price']
  },
  limit: withDefault(wholeField(1, 10_000), 1_000),
  cursor: readFields.cursor
}

/** `POST /v1/replay`: the same by pages, all of one point of the table. */
export const replayPagesRoute = (deps: ApiDeps): Route => ({
  ...postRoute(
    '/v1/replay',
    'Records in the order of time, by pages that are one replay together',
    pageFields,
    ({ body, correlationId }) => {
      const { data_type: dataType, symbols, exchanges, start_time, end_time } = body
      const { fields, limit, cursor } = body
      const filter = {
        ...(symbols === undefined ? {} : { symbols }),
        ...(exchanges === undefined ? {} : { exchanges }),
        ...(start_time === undefined ? {} : { fromUs: start_time }),
        ...(end_time === undefined ? {} : { toUs: end_time })
      }
      return deps.replayPage({ dataType, filter, fields, rowsMax: limit, cursor }).pipe(
        Effect.map(({ rows, hasMore, nextCursor, ...facts }) =>
          envelopeResponse(
            `[${rows}]`,
            { limit, total: null, hasMore, nextCursor },
            { correlationId, nowMs: deps.nowMs(), extra: partialMetaOf(facts) }
          )
        )
      )
    }
  ),
  check: (values) => [
    ...timesInOrder(values['start_time'], values['end_time']),
    ...fieldFaults(values)
  ],
  responses: {
    200: json('A page; behind the last one there is none', pageEnvelope(record, partialMeta))
  },
  problems: recordsProblems
})

const upperCase = (text: string): string => text.toUpperCase()

/** Of values that are each valid by themselves. */
const fieldFaults = (values: Readonly<Record<string, unknown>>): readonly FieldError[] => {
  const { fields, data_type: dataType } = values
  const known = fieldNamesOf(dataType as StreamedDataType)
  const names = (fields as readonly string[] | undefined) ?? []
  const unknown = names.filter((name) => !known.includes(name))
  if (unknown.length === 0 && new Set(names).size === names.length) return []
  return [
    {
      field: 'fields',
      detail: unknown.length === 0 ? 'names a field twice' : `has no ${unknown.join(', ')}`,
      remedy: `name each at most once: ${known.join(', ')}`
    }
  ]
}

const faults = (values: Readonly<Record<string, unknown>>): readonly FieldError[] => {
  const { speed, live, end_time: endTime } = values
  return [
    ...fieldFaults(values),
    ...(speed !== 'max' && Number(speed) === 0
      ? [{ field: 'speed', detail: 'is 0', remedy: 'give max, or a factor from 0.001 on' }]
      : []),
    ...(live === 'true' && endTime !== undefined
      ? [
          {
            field: 'end_time',
            detail: 'ends what is live',
            remedy: 'give live=true without end_time, or end_time without live'
          }
        ]
      : [])
  ]
}
