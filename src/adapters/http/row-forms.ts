/**
 * Answers of rows as JSON lines or CSV, of routes that make their JSON at once.
 *
 * 1. Which form is asked for is settled before anything is read, as for records
 *    (`records-answer.ts`).
 * 2. Numbers keep their digits: none passes through a double. Lines are the texts that the rows are
 *    in the JSON; only CSV reads them, in turns with others.
 * 3. What stands in `pagination` and `meta` of JSON and changes what the rows mean stands in
 *    headers: that there are more rows, where they go on, and what is missing.
 */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import { parse } from 'lossless-json'
import type { ApiDeps } from './api-deps.ts'
import { cellText, csvLine } from './csv-text.ts'
import {
  fileHeaders,
  type Format,
  formatOf,
  formatParameterOf,
  lineEnds,
  mediaTypes,
  notAcceptable
} from './formats.ts'
import { headerText, ifAny } from './header-list.ts'
import { problemResponse } from './problem.ts'
import type { Call, Documented, Route } from './route.ts'
import { rowTextsOf } from './row-texts.ts'

const forms = ['json', 'ndjson', 'csv'] as const satisfies readonly Format[]
type Form = (typeof forms)[number]

const formParameter = formatParameterOf(forms)

/** The route, whose JSON is an envelope of rows or of one row, in other forms as well. */
export const inRowForms = (
  deps: Pick<ApiDeps, 'nowMs'>,
  route: Route,
  fields = fieldsOf(rowOf(route.responses?.[200]?.content[mediaTypes.json]))
): Route => ({
  ...route,
  ...(route.fields === undefined
    ? { parameters: { ...route.parameters, format: formParameter } }
    : { fields: { ...route.fields, format: formParameter } }),
  responses: { ...route.responses, 200: documentedIn(route.responses?.[200]) },
  problems: [...(route.problems ?? []), 'not_acceptable'],
  answer: (call) => {
    const form = formOf(call) // (1)
    if (form === undefined)
      return Effect.succeed(problemResponse(notAcceptable(forms), call.correlationId))
    return Effect.flatMap(route.answer(call), (answer) =>
      form === 'json' || answer.status !== 200
        ? Effect.succeed(answer)
        : Effect.flatMap(
            Effect.promise(() => answer.text()),
            (json) => linesOf(json, form, { name: nameOf(route), nowMs: deps.nowMs(), fields })
          )
    )
  }
})

const formOf = ({ values, body, headers }: Call<Route['parameters']>): Form | undefined => {
  const given = { ...values, ...(body as object | undefined) } as { readonly format?: Form }
  return formatOf(given.format, headers.get('accept') ?? undefined, forms)
}

/** Of the file: `candles`, `snapshots-diff`. */
const nameOf = ({ path }: Route): string => {
  const words = path.split('/').filter((part) => part !== '' && part !== 'v1')
  return words.filter((word) => !word.startsWith('{')).join('-')
}

/** Of an envelope. */
interface Rest {
  readonly pagination?: { readonly has_more?: boolean; readonly next_cursor?: string | null }
  readonly meta: {
    readonly missing?: readonly string[]
    readonly columns?: ReadonlyArray<{ readonly name: string }>
  }
}

type Row = Readonly<Record<string, unknown>>

interface Told {
  readonly name: string
  readonly nowMs: number
  /** Of rows, where there is none to tell them. */
  readonly fields: readonly string[]
}

const linesOf = Effect.fnUntraced(function* (
  json: string,
  form: 'ndjson' | 'csv',
  { name, nowMs, fields }: Told
) {
  const { rows, rest } = yield* rowTextsOf(json) // (2)
  const { pagination, meta } = parse(rest) as Rest
  const text =
    form === 'csv'
      ? yield* csvOf(rows, { names: meta.columns?.map((it) => it.name), fields })
      : rows.map((row) => row + lineEnds.ndjson).join('')
  return new Response(text, {
    // (3)
    headers: new Headers([
      ...fileHeaders(name, form, nowMs),
      ['content-length', String(Buffer.byteLength(text))],
      ['vary', 'Accept'],
      ['k2-record-count', String(rows.length)],
      ...ifAny(pagination?.has_more === true ? 'true' : null, 'k2-has-more'),
      ...ifAny(pagination?.next_cursor, 'k2-next-cursor'),
      ...ifAny(headerText(meta.missing?.join('; ') ?? ''), 'k2-missing')
    ])
  })
})

interface CsvColumns extends Pick<Told, 'fields'> {
  /** Undefined: those of the rows, in the order in which they come up. */
  readonly names: readonly string[] | undefined
}

/** Rows that are read at once: some milliseconds. */
const turnRows = 500

const csvOf = Effect.fnUntraced(function* (texts: readonly string[], columns: CsvColumns) {
  const rows: Row[] = []
  for (const text of texts) {
    if (rows.length % turnRows === turnRows - 1) yield* Effect.sleep(0)
    rows.push(parse(text) as Row)
  }
  const names = columns.names ?? namesOf(rows, columns.fields)
  const lines = [lineOf(names)]
  for (const row of rows) {
    if (lines.length % turnRows === 0) yield* Effect.sleep(0)
    lines.push(lineOf(names.map((name) => cellText(row[name]))))
  }
  return lines.join('')
})

const namesOf = (rows: readonly Row[], fields: readonly string[]): readonly string[] =>
  rows.length === 0 ? fields : [...new Set(rows.flatMap(Object.keys))]

const lineOf = (cells: readonly string[]): string => csvLine(cells) + lineEnds.csv

const documentedIn = (documented: Documented | undefined): Documented => {
  const { about = '', content = {}, headers } = documented ?? {}
  const { [mediaTypes.json]: json } = content
  return {
    about,
    content: {
      ...content,
      [mediaTypes.ndjson]: rowOf(json),
      [mediaTypes.csv]: Schema.String.annotate({ description: 'A line of names, then the rows' })
    },
    headers: {
      ...headers,
      'Content-Disposition': 'Of what is not JSON: a name for the file',
      'K2-Record-Count': 'Of what is not JSON',
      'K2-Has-More': 'Of what is not JSON: true where there are more rows',
      'K2-Next-Cursor': 'Of what is not JSON: as pagination.next_cursor',
      'K2-Missing': 'Of what is not JSON: what the answer lacks; absent where it is whole'
    }
  }
}

/** What an item of the envelope's data is, or the data itself where it is one value. */
const rowOf = (envelope: Schema.Top | undefined): Schema.Top => {
  const { fields } = (envelope ?? Schema.Struct({})) as unknown as {
    readonly fields: Schema.Struct.Fields
  }
  const data = fields['data'] as unknown as Schema.Top & { readonly value?: Schema.Top }
  return data.value ?? data
}

/** Of a row whose fields are always the same; else none. */
const fieldsOf = (row: Schema.Top): readonly string[] => {
  const { fields = {} } = row as { readonly fields?: Schema.Struct.Fields }
  return Object.keys(fields)
}
