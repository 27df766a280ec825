/**
 * Bodies of requests: JSON objects whose fields are defined as parameters are, and all faults of a
 * body are told at once. A field that the route does not know is an error that names it.
 */
import * as Schema from 'effect/Schema'
import type { Decoded, Parameter, Parsed } from './parameters.ts'
import type { FieldError } from './problem.ts'

/** `wire` and `example` as of a parameter. */
export interface Field<A> extends Omit<Parameter<A>, 'schema'> {
  /** Of the JSON value. */
  readonly schema: Schema.Codec<A, unknown>
}

export type Fields = Readonly<Record<string, Field<unknown>>>

/** @param body parsed JSON; undefined where it is empty */
export const parseFields = <F extends Fields>(body: unknown, fields: F): Parsed<F> => {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    const remedy = `send one with ${Object.keys(fields).join(', ')}`
    return { ok: false, errors: [{ field: 'body', detail: 'is no JSON object', remedy }] }
  }
  const given = new Map(Object.entries(body))
  const errors: FieldError[] = [...given.keys()]
    .filter((name) => !Object.hasOwn(fields, name))
    .map((name) => ({
      field: name.slice(0, shownMax),
      detail: 'is not a field of this request',
      remedy: `fields are ${Object.keys(fields).join(', ')}`
    }))
  const values: Record<string, unknown> = {}
  for (const [name, { schema, remedy, preset, isRequired }] of Object.entries(fields)) {
    if (given.has(name)) {
      const exit = Schema.decodeUnknownExit(schema)(given.get(name), strict)
      if (exit._tag === 'Success') values[name] = exit.value
      else errors.push({ field: name, detail: 'is not valid', remedy })
    } else if (preset !== undefined) values[name] = preset
    else if (isRequired === true) errors.push({ field: name, detail: 'is missing', remedy })
  }
  return errors.length === 0 ? { ok: true, values: values as Decoded<F> } : { ok: false, errors }
}

const strict = { onExcessProperty: 'error' } as const
const shownMax = 64
