/**
 * `GET /v1/trades` and `GET /v1/quotes`: records newest first, as they are now or as they were.
 *
 * 1. Every answer names what it read in `meta.read_token`: sent back with the same query, it gives
 *    the same bytes of `data` (R15). Its ETag says the same to whoever asks with `If-None-Match`.
 * 2. A page is continued by its cursor at the very point at which it was read.
 */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import type { StreamedDataType } from '../../market/data-type.ts'
import { json, pageEnvelope, partialMeta, partialMetaOf } from './answer-schemas.ts'
import type { ApiDeps, RecordsAnswer } from './api-deps.ts'
import { envelopeResponse } from './envelope.ts'
import { etagOf, isNoneMatch, revalidated, unchanged, unchangedResponse } from './etag.ts'
import {
  choiceParameter,
  exchangeParameter,
  limitParameter,
  symbolParameter,
  timeParameter,
  withDefault
} from './parameters.ts'
import { readFaults, readFromOf, readParameters, timesInOrder } from './read-parameters.ts'
import { quote, trade } from './record-schemas.ts'
import { readProblems, route, type Call, type Route } from './route.ts'

const recordsParameters = {
  symbol: symbolParameter,
  exchange: exchangeParameter,
  start_time: timeParameter,
  end_time: timeParameter,
  limit: withDefault(limitParameter(10_000), 100),
  decimals: withDefault(choiceParameter('number', 'string'), 'number'),
  ...readParameters
}

export const recordsRoute = (deps: ApiDeps, dataType: StreamedDataType): Route => ({
  ...route(`/v1/${dataType}`, `The newest ${dataType}`, recordsParameters, (call) => {
    const { symbol, exchange, start_time: fromUs, end_time: toUs } = call.values
    const { limit, decimals } = call.values
    const filter = {
      ...(symbol === undefined ? {} : { symbols: [symbol] }),
      ...(exchange === undefined ? {} : { exchanges: [exchange] }),
      ...(fromUs === undefined ? {} : { fromUs }),
      ...(toUs === undefined ? {} : { toUs })
    }
    const ifNoneMatch = call.headers.get('if-none-match')
    return deps
      .records(dataType, {
        filter,
        rowsMax: limit,
        decimals,
        from: readFromOf(call.values),
        isKnown: ifNoneMatch === null ? undefined : isNoneMatch(ifNoneMatch)
      })
      .pipe(Effect.map((answer) => recordsResponse(deps, call, { limit, offset: 0, answer })))
  }),
  responses: {
    200: {
      ...json('Newest first', pageEnvelope(dataType === 'trades' ? trade : quote, recordsMeta)),
      headers: { ETag: 'Of what was read: the same as long as the answer would be' }
    },
    304: unchanged
  },
  problems: [...readProblems, ...recordsProblems],
  check: (values) => [
    ...timesInOrder(values['start_time'], values['end_time']),
    ...readFaults(values, deps.nowMs())
  ]
})

/** What reads of a state of a table may answer beside what all reads may. */
const recordsProblems = [
  'read_token_invalid',
  'cursor_invalid',
  'snapshot_not_found',
  'gone',
  'read_not_reached'
] as const

const recordsMeta = {
  ...partialMeta,
  read_token: Schema.NullOr(Schema.String).annotate({
    description:
      'What was read: the same query with it gives the same data. null where it would be too ' +
      'long, or others have written to the table'
  })
}

interface Answered {
  readonly limit: number
  readonly offset: number
  readonly answer: RecordsAnswer
}

const recordsResponse = (
  deps: ApiDeps,
  { correlationId }: Pick<Call<object>, 'correlationId'>,
  { limit, offset, answer }: Answered
): Response => {
  const { rows, hasMore, nextCursor, readToken, isKnown } = answer
  if (isKnown && readToken !== null) return unchangedResponse(readToken)
  const response = envelopeResponse(
    `[${rows.join(',')}]`,
    { limit, offset, total: null, hasMore, nextCursor },
    {
      correlationId,
      nowMs: deps.nowMs(),
      extra: { ...partialMetaOf(answer), read_token: readToken }
    }
  )
  if (readToken !== null) {
    response.headers.set('etag', etagOf(readToken))
    response.headers.set('cache-control', revalidated)
  }
  return response
}
