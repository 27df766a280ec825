/**
 * What a route of the API is: one definition, from which requests are checked and typed, and the
 * document of the API is made (`openapi.ts`).
 *
 * 1. A route says what it answers, or a test fails: `responses` for its own media types, by status,
 *    as Effect Schemas (`answer-schemas.ts` has the envelope, decimals, times, ids), and the codes
 *    of its `problems`, beyond those that the guards give (`openapi-problems.ts` has these).
 *    `{ ...route(path, about, parameters, answer), ...documented }`
 * 2. Its parameters carry what the document needs (`parameters.ts`): use `withDefault` instead of a
 *    default in the handler. A body is defined by fields (`body-fields.ts`), see `postRoute`.
 * 3. What goes out is held against the schemas by a test of every route
 *    (`test/e2e/openapi.test.ts`): it fails for a member that the schema lacks.
 */
import type * as Effect from 'effect/Effect'
import type * as Schema from 'effect/Schema'
import type { Scope } from '../config/api-key-values.ts'
import type { ApiFault } from './api-deps.ts'
import type { Fields } from './body-fields.ts'
import type { Decoded, Parameter } from './parameters.ts'
import type { ProblemCode } from './problem-kinds.ts'
import type { FieldError } from './problem.ts'

export interface Call<P> {
  readonly values: Decoded<P>
  /** Parts of the address that the route names. */
  readonly segments: Readonly<Record<string, string>>
  /**
   * Of a route that reads it: parsed JSON; undefined where it is empty. With `fields`, their
   * values.
   */
  readonly body?: unknown
  /** Of the request. */
  readonly headers: Headers
  readonly correlationId: string
}

/** An answer of a route: schemas by media type. */
export interface Documented {
  readonly about: string
  readonly content: Readonly<Record<string, Schema.Top>>
  /** Beside those that every answer has; what they say by name. */
  readonly headers?: Readonly<Record<string, string>>
}

/** A route answers GET, and HEAD with it, unless it is there to change something. */
export interface Route {
  readonly method?: 'POST' | 'DELETE'
  readonly readsBody?: boolean
  /** Of a body that is read; without them the route checks it itself. */
  readonly fields?: Fields
  /** What a key must allow; read, unless told. */
  readonly scope?: Scope
  /** `{name}` stands for a part of the address, slashes included, as they are or encoded. */
  readonly path: string
  readonly about: string
  readonly parameters: Readonly<Record<string, Parameter<unknown>>>
  /** What `{name}` in the path is; a text, unless told. */
  readonly segments?: Readonly<Record<string, Omit<Parameter<unknown>, 'schema'>>>
  /** By status, those of success; problems are below (1). */
  readonly responses?: Readonly<Record<number, Documented>>
  /** What else it answers, beside the problems that all routes of its kind have (1). */
  readonly problems?: readonly ProblemCode[]
  /** Faults between parameters, or fields, that are valid one by one. */
  readonly check: (values: Readonly<Record<string, unknown>>) => readonly FieldError[]
  readonly answer: (
    call: Call<Readonly<Record<string, Parameter<unknown>>>>
  ) => Effect.Effect<Response, ApiFault>
}

/** Data costs, and is refused under overload; what says how things are does not. */
export const isData = ({ path }: Pick<Route, 'path'>): boolean =>
  path.startsWith('/v1/') && !path.startsWith('/v1/system/')

/** Codes that whatever reads tables may answer. */
export const readProblems = [
  'table_unavailable',
  'not_served_here',
  'query_queue_full',
  'query_timed_out',
  'too_much_to_read',
  'query_failed'
] as const satisfies readonly ProblemCode[]

export const route = <P extends Readonly<Record<string, Parameter<unknown>>>>(
  path: string,
  about: string,
  parameters: P,
  answer: (call: Call<P>) => Effect.Effect<Response, ApiFault>
): Route => ({ path, about, parameters, check: () => [], answer: answer as Route['answer'] })

/** A route that takes a JSON object, as its fields say. */
export const postRoute = <F extends Fields>(
  path: string,
  about: string,
  fields: F,
  answer: (call: Call<object> & { readonly body: Decoded<F> }) => Effect.Effect<Response, ApiFault>
): Route => ({
  ...route(path, about, {}, answer as unknown as Route['answer']),
  method: 'POST',
  readsBody: true,
  fields
})
