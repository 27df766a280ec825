/**
 * Query parameters: each has a schema and a remedy, and all faults of a request are told at once.
 *
 * 1. A parameter that the route does not know is an error that names it: a misspelt filter must not
 *    answer as if it had been applied.
 * 2. A parameter given twice is an error.
 * 3. One definition checks a request and stands in the document (`openapi.ts`): patterns have the
 *    flag `u`, or the document lacks them, and a filter of code says its pattern; a number tells
 *    its `wire` form; what is taken where nothing is given is the parameter's (`withDefault`).
 */
import type * as JsonSchema from 'effect/JsonSchema'
import * as Schema from 'effect/Schema'
import * as SchemaTransformation from 'effect/SchemaTransformation'
import type { FieldError } from './problem.ts'
import { parseTimeUs, timePattern } from './time-parameter.ts'

export interface Parameter<A> {
  readonly schema: Schema.Codec<A, string>
  /** What is allowed, with an example. */
  readonly remedy: string
  /** For the document, where the schema of its text does not say it. */
  readonly wire?: JsonSchema.JsonSchema
  readonly example?: string | number | readonly string[]
  /** Taken where nothing is given. */
  readonly preset?: A
  readonly isRequired?: true
}

type Given<Q> = Q extends { readonly schema: Schema.Codec<infer A, infer _Wire> } ? A : never
type Always = { readonly preset: unknown } | { readonly isRequired: true }

/** What is neither required nor has a default may be absent. */
export type Decoded<P> = {
  readonly [Name in keyof P as P[Name] extends Always ? Name : never]: Given<P[Name]>
} & {
  readonly [Name in keyof P as P[Name] extends Always ? never : Name]?: Given<P[Name]>
}

export type Parsed<P> =
  | { readonly ok: true; readonly values: Decoded<P> }
  | { readonly ok: false; readonly errors: readonly FieldError[] }

/** Reads the query string of a URL by the parameters of a route. */
export const parseParameters = <P extends Readonly<Record<string, Parameter<unknown>>>>(
  url: string,
  parameters: P
): Parsed<P> => {
  const given = new URL(url).searchParams
  const values: Record<string, unknown> = {}
  const errors: FieldError[] = []
  for (const name of new Set(given.keys())) {
    const parameter = Object.hasOwn(parameters, name) ? parameters[name] : undefined
    const [text = '', ...repeats] = given.getAll(name)
    if (parameter === undefined) {
      errors.push(unknownParameter(name, Object.keys(parameters)))
    } else if (repeats.length > 0) {
      errors.push({ field: name, detail: 'is given more than once', remedy: 'give it once' })
    } else {
      const exit = Schema.decodeUnknownExit(parameter.schema)(text)
      if (exit._tag === 'Success') values[name] = exit.value
      else
        errors.push({
          field: name,
          detail: `${shown(text)} is not valid`,
          remedy: parameter.remedy
        })
    }
  }
  for (const [name, { preset, isRequired, remedy }] of Object.entries(parameters)) {
    if (given.has(name)) continue
    if (preset !== undefined) values[name] = preset
    if (isRequired === true) errors.push({ field: name, detail: 'is missing', remedy })
  }
  return errors.length === 0 ? { ok: true, values: values as Decoded<P> } : { ok: false, errors }
}

/** The parameter, or field, with what is taken where it is not given. */
export const withDefault = <Q, A extends Given<Q>>(
  parameter: Q,
  preset: A
): Q & { readonly preset: A } => ({ ...parameter, preset })

/** The parameter, or field, which has to be given. */
export const required = <Q>(parameter: Q): Q & { readonly isRequired: true } => ({
  ...parameter,
  isRequired: true
})

const symbolPattern = /^[A-Za-z0-9][A-Za-z0-9._/:-]{0,63}$/u

export const isSymbol = (text: string): boolean => symbolPattern.test(text)

export const symbolParameter: Parameter<string> = {
  schema: Schema.String.check(Schema.isPattern(symbolPattern)),
  remedy: "the venue's own symbol, as /v1/symbols lists it, for example BTCUSDT",
  example: 'BTCUSDT'
}

export const companyParameter: Parameter<string> = {
  schema: Schema.String.check(Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9._/:-]{0,63}$/u)),
  remedy: 'a company_id, as /v1/reference-data lists it, for example 7078 or BTCUSDT',
  example: 'BTCUSDT'
}

export const exchangeParameter: Parameter<string> = {
  schema: Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_-]{1,32}$/u)).pipe(
    Schema.decodeTo(
      Schema.String,
      SchemaTransformation.transform({
        decode: (text) => text.toUpperCase(),
        encode: (text) => text
      })
    )
  ),
  remedy: 'an exchange code, for example BINANCE',
  example: 'BINANCE'
}

/** Microseconds. */
export const timeParameter: Parameter<number> = {
  schema: Schema.String.check(
    Schema.makeFilter((text) => parseTimeUs(text) !== undefined, {
      toJsonSchema: () => ({ pattern: timePattern })
    })
  ).pipe(
    Schema.decodeTo(
      Schema.Number,
      SchemaTransformation.transform({
        decode: (text) => parseTimeUs(text) ?? Number.NaN,
        encode: String
      })
    )
  ),
  remedy:
    'an ISO 8601 time with at most six decimals of a second, for example ' +
    '2024-08-08T00:00:00.123456Z, or a whole number of microseconds since 1970',
  example: '2024-08-08T00:00:00.123456Z'
}

export const limitParameter = (max: number, min = 1): Parameter<number> => ({
  schema: Schema.String.check(Schema.isPattern(/^[0-9]{1,9}$/u)).pipe(
    Schema.decodeTo(
      Schema.Number.check(Schema.isBetween({ minimum: min, maximum: max })),
      SchemaTransformation.transform({ decode: Number, encode: String })
    )
  ),
  remedy: `a whole number from ${min} to ${max}`,
  wire: { type: 'integer', minimum: min, maximum: max }
})

export const choiceParameter = <const A extends string>(
  ...choices: readonly [A, ...A[]]
): Parameter<A> => ({
  schema: Schema.Literals(choices),
  remedy: `one of ${choices.join(', ')}`
})

const unknownParameter = (name: string, known: readonly string[]): FieldError => ({
  field: name.slice(0, shownMax),
  detail: 'is not a parameter of this address',
  remedy:
    known.length === 0 ? 'this address has no parameters' : `parameters are ${known.join(', ')}`
})

const shownMax = 64

const shown = (text: string): string => JSON.stringify(text.slice(0, shownMax))
