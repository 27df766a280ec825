/**
 * Query parameters: each has a schema and a remedy, and all faults of a request are told at once.
 *
 * 1. A parameter that the route does not know is an error that names it: a misspelt filter must not
 *    answer as if it had been applied.
 * 2. A parameter given twice is an error.
 */
import * as Schema from 'effect/Schema'
import * as SchemaTransformation from 'effect/SchemaTransformation'
import type { FieldError } from './problem.ts'
import { parseTimeUs } from './time-parameter.ts'

export interface Parameter<A> {
  readonly schema: Schema.Codec<A, string>
  /** What is allowed, with an example. */
  readonly remedy: string
}

export type Decoded<P> = {
  readonly [Name in keyof P]?: P[Name] extends Parameter<infer A> ? A : never
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
  return errors.length === 0 ? { ok: true, values: values as Decoded<P> } : { ok: false, errors }
}

export const symbolParameter: Parameter<string> = {
  schema: Schema.String.check(Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9._/:-]{0,63}$/)),
  remedy: "the venue's own symbol, as /v1/symbols lists it, for example BTCUSDT"
}

export const companyParameter: Parameter<string> = {
  schema: Schema.String.check(Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9._/:-]{0,63}$/)),
  remedy: 'a company_id, as /v1/reference-data lists it, for example 7078 or BTCUSDT'
}

export const exchangeParameter: Parameter<string> = {
  schema: Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_-]{1,32}$/)).pipe(
    Schema.decodeTo(
      Schema.String,
      SchemaTransformation.transform({
        decode: (text) => text.toUpperCase(),
        encode: (text) => text
      })
    )
  ),
  remedy: 'an exchange code, for example BINANCE'
}

/** Microseconds. */
export const timeParameter: Parameter<number> = {
  schema: Schema.String.check(Schema.makeFilter((text) => parseTimeUs(text) !== undefined)).pipe(
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
    '2024-08-08T00:00:00.123456Z, or a whole number of microseconds since 1970'
}

export const limitParameter = (max: number): Parameter<number> => ({
  schema: Schema.String.check(Schema.isPattern(/^\d{1,9}$/)).pipe(
    Schema.decodeTo(
      Schema.Number.check(Schema.isBetween({ minimum: 1, maximum: max })),
      SchemaTransformation.transform({ decode: Number, encode: String })
    )
  ),
  remedy: `a whole number from 1 to ${max}`
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
