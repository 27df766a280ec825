/**
 * Answers of records, in the form that is asked for.
 *
 * 1. Lines, and JSON of many rows, are sent in parts of some thousand rows, each read when the one
 *    before is taken: it begins behind the last row of that, at the very point at which it was read
 *    (R15).
 * 2. What stands in `meta` of JSON stands in headers of the others, which have no place for it:
 *    that something is missing is never left out.
 */
import * as Effect from 'effect/Effect'
import type { StreamedDataType } from '../../market/data-type.ts'
import { CurrentCost } from '../telemetry/query-cost.ts'
import { partialMetaOf } from './answer-schemas.ts'
import type { ApiDeps, ApiFault, RecordsAnswer, RecordsAsked, RecordsFile } from './api-deps.ts'
import { envelopeEnd, envelopeHead, jsonResponse, type Meta } from './envelope.ts'
import { etagOf, isNoneMatch, revalidated, unchangedResponse } from './etag.ts'
import {
  fileHeaders,
  type Format,
  formatOf,
  formats,
  lineEnds,
  mediaTypes,
  notAcceptable
} from './formats.ts'
import { headerText, type HeaderList, ifAny } from './header-list.ts'
import { problemResponse } from './problem.ts'
import { fieldNamesOf } from './record-schemas.ts'
import type { Call } from './route.ts'
import { type Part, streamedBody } from './streamed-body.ts'

export interface AnswerAsked extends Omit<RecordsAsked, 'format' | 'isKnown'> {
  readonly dataType: StreamedDataType
  /** As the request names it; else its header `Accept` does. */
  readonly format: Format | undefined
  /** Path of the route, for the log. */
  readonly route: string
  /** What else stands in `meta` of JSON. */
  readonly extraMeta?: Readonly<Record<string, unknown>>
}

type Told = Pick<RecordsAnswer, 'snapshotId' | 'readToken' | 'missing'>

/** That pages elsewhere may read. */
export const answerHeaders = [
  'etag',
  'content-disposition',
  'k2-snapshot-id',
  'k2-read-token',
  'k2-next-cursor',
  'k2-missing',
  'k2-record-count',
  'k2-has-more'
] as const

type Asking = Pick<Call<object>, 'headers' | 'correlationId'>

export const answerRecords = (
  deps: ApiDeps,
  call: Asking,
  asked: AnswerAsked
): Effect.Effect<Response, ApiFault> => {
  const { headers, correlationId } = call
  const format = formatOf(asked.format, headers.get('accept') ?? undefined, formats)
  if (format === undefined)
    return Effect.succeed(problemResponse(notAcceptable(formats), correlationId))
  const known = headers.get('if-none-match')
  const isKnown = known === null ? undefined : isNoneMatch(known, format)
  const { dataType, route: _route, extraMeta: _meta, ...request } = asked
  if (format === 'json' && asked.rowsMax <= partRowsMax) {
    return Effect.map(deps.records(dataType, { ...request, format, isKnown }), (answer) =>
      jsonAnswer(deps, call, { asked, answer })
    )
  }
  if (format === 'parquet') {
    return Effect.map(deps.recordsFile(dataType, { ...request, isKnown }), (answer) =>
      fileAnswer(deps, dataType, answer)
    )
  }
  const ask: Ask = (change) => {
    const text = format === 'csv' ? 'csv' : 'json'
    return deps.records(dataType, { ...request, format: text, isKnown, ...change })
  }
  return partsAnswer(deps, call, { asked, format, ask })
}

interface Answered {
  readonly asked: AnswerAsked
  readonly answer: RecordsAnswer
}

const jsonAnswer = (
  deps: ApiDeps,
  { correlationId }: Asking,
  { asked, answer }: Answered
): Response => {
  const { rows, readToken, isKnown } = answer
  if (isKnown && readToken !== null) return unchangedResponse(readToken, 'json')
  const nowMs = deps.nowMs()
  const end = jsonEnd({ asked, answer }, answer, { correlationId, nowMs })
  const response = jsonResponse(`${jsonHead}${rows.join(',')}${end}`)
  for (const [name, value] of cacheHeaders(answer, 'json')) response.headers.set(name, value)
  return response
}

const jsonHead = `${envelopeHead}[`

/** Behind the last rows, of which `last` tells; `answer` tells of what was read. */
const jsonEnd = (
  { asked: { rowsMax, offset, extraMeta }, answer }: Answered,
  { hasMore, nextCursor }: RecordsAnswer,
  meta: Meta
): string => {
  const page = { limit: rowsMax, offset: offset ?? 0, total: null, hasMore, nextCursor }
  const extra = { ...partialMetaOf(answer), ...extraMeta, read_token: answer.readToken }
  return `]${envelopeEnd(page, { ...meta, extra })}`
}

const cacheHeaders = (
  { readToken }: Told,
  format: Format
): HeaderList => [
  ['vary', 'Accept'],
  ...ifAny(readToken && etagOf(readToken, format), 'etag'),
  ...ifAny(readToken && revalidated, 'cache-control')
]

const fileAnswer = (
  deps: ApiDeps,
  dataType: StreamedDataType,
  answer: RecordsFile
): Response => {
  if (answer.isKnown && answer.readToken !== null)
    return unchangedResponse(answer.readToken, 'parquet')
  return new Response(answer.body, {
    headers: new Headers([
      ...fileHeaders(dataType, 'parquet', deps.nowMs()),
      ['content-length', String(answer.bytes)],
      ['k2-record-count', String(answer.rowCount)],
      ...cacheHeaders(answer, 'parquet'),
      ...metaHeaders(answer),
      ...cursorHeader(answer)
    ])
  })
}

/** Rows of a part: some megabytes (1). */
const partRowsMax = 10_000

type Ask = (
  change: Pick<RecordsAsked, 'rowsMax'> & Partial<Pick<RecordsAsked, 'from' | 'offset'>>
) => Effect.Effect<RecordsAnswer, ApiFault>

interface Asked {
  readonly asked: AnswerAsked
  readonly format: 'json' | 'ndjson' | 'csv'
  readonly ask: Ask
}

const partsAnswer = Effect.fnUntraced(function* (
  deps: ApiDeps,
  { correlationId }: Asking,
  { asked, format, ask }: Asked
) {
  const { rowsMax, dataType, route, fields = fieldNamesOf(dataType) } = asked
  const answer = yield* firstOf(ask, rowsMax)
  if (answer.isKnown && answer.readToken !== null)
    return unchangedResponse(answer.readToken, format)
  // Parts are read for this very request, whoever asks what it costs.
  const cost = yield* CurrentCost
  const meta = { correlationId, nowMs: deps.nowMs() }
  const text = textIn(format, fields, (last) => jsonEnd({ asked, answer }, last, meta))
  const partOf = (given: RecordsAnswer, rowsLeft: number, isFirst = false): Part<Rest> => {
    const next = restOf(given, rowsLeft - given.rows.length)
    const end = next === undefined ? text.end(given) : ''
    return { bytes: Buffer.from((isFirst ? text.head : text.between) + text.of(given) + end), next }
  }
  const body = streamedBody({
    first: partOf(answer, rowsMax, true),
    make: ({ cursor, rowsLeft }: Rest) =>
      Effect.map(
        ask({
          rowsMax: Math.min(rowsLeft, partRowsMax),
          from: { ...asked.from, cursor },
          offset: 0
        }),
        (next) => partOf(next, rowsLeft)
      ).pipe(Effect.provideService(CurrentCost, cost)),
    run: deps.run,
    onFailed: (cause) =>
      deps.observe({ type: 'http.request_failed', route, correlationId, cause })
  })
  return new Response(body, {
    headers: new Headers([
      ...(format === 'json'
        ? [['content-type', mediaTypes.json] as [string, string]]
        : [
            ...fileHeaders(dataType, format, deps.nowMs()),
            ...metaHeaders(answer),
            // Of what comes in parts, the last one only would say where it ends.
            ...(restOf(answer, rowsMax - answer.rows.length) ? [] : cursorHeader(answer))
          ]),
      ...cacheHeaders(answer, format)
    ])
  })
})

interface TextOfParts {
  readonly head: string
  /** Between the rows of one part and those of the next, of which there are some. */
  readonly between: string
  readonly of: (answer: RecordsAnswer) => string
  readonly end: (last: RecordsAnswer) => string
}

const textIn = (
  format: Asked['format'],
  fields: readonly string[],
  end: TextOfParts['end']
): TextOfParts => {
  if (format === 'json')
    return { head: jsonHead, between: ',', of: ({ rows }) => rows.join(','), end }
  const lineEnd = lineEnds[format]
  return {
    head: format === 'csv' ? `${fields.join(',')}${lineEnd}` : '',
    between: '',
    of: ({ rows }) => rows.map((row) => row + lineEnd).join(''),
    end: () => ''
  }
}

interface Rest {
  readonly cursor: string
  readonly rowsLeft: number
}

const restOf = ({ hasMore, nextCursor }: RecordsAnswer, rowsLeft: number): Rest | undefined =>
  rowsLeft > 0 && hasMore && nextCursor !== null ? { cursor: nextCursor, rowsLeft } : undefined

/** All of them at once where there is no point to come back to. */
const firstOf = (ask: Ask, rowsMax: number): Effect.Effect<RecordsAnswer, ApiFault> =>
  Effect.flatMap(ask({ rowsMax: Math.min(rowsMax, partRowsMax) }), (answer) =>
    answer.hasMore && answer.nextCursor === null && rowsMax > partRowsMax
      ? ask({ rowsMax })
      : Effect.succeed(answer)
  )

/** (2) */
const metaHeaders = ({
  snapshotId,
  readToken,
  missing
}: Told): HeaderList => [
  ...ifAny(snapshotId, 'k2-snapshot-id'),
  ...ifAny(readToken, 'k2-read-token'),
  ...ifAny(headerText(missing.join('; ')), 'k2-missing')
]

const cursorHeader = ({ nextCursor }: Pick<RecordsAnswer, 'nextCursor'>): HeaderList =>
  ifAny(nextCursor, 'k2-next-cursor')
