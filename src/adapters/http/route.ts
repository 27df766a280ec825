/** What a route of the API is. */
import type * as Effect from 'effect/Effect'
import type { Scope } from '../config/api-key-values.ts'
import type { ApiFault } from './api-deps.ts'
import type { Decoded, Parameter } from './parameters.ts'
import type { FieldError } from './problem.ts'

export interface Call<P> {
  readonly values: Decoded<P>
  /** Parts of the address that the route names. */
  readonly segments: Readonly<Record<string, string>>
  /** Of a route that reads it: parsed JSON; undefined where it is empty. */
  readonly body?: unknown
  readonly correlationId: string
}

/** A route answers GET, and HEAD with it, unless it is there to change something. */
export interface Route {
  readonly method?: 'POST' | 'DELETE'
  readonly readsBody?: boolean
  /** What a key must allow; read, unless told. */
  readonly scope?: Scope
  /** `{name}` stands for a part of the address, slashes included, as they are or encoded. */
  readonly path: string
  readonly about: string
  readonly parameters: Readonly<Record<string, Parameter<unknown>>>
  /** Faults between parameters that are valid one by one. */
  readonly check: (values: Readonly<Record<string, unknown>>) => readonly FieldError[]
  readonly answer: (
    call: Call<Readonly<Record<string, Parameter<unknown>>>>
  ) => Effect.Effect<Response, ApiFault>
}

export const route = <P extends Readonly<Record<string, Parameter<unknown>>>>(
  path: string,
  about: string,
  parameters: P,
  answer: (call: Call<P>) => Effect.Effect<Response, ApiFault>
): Route => ({ path, about, parameters, check: () => [], answer: answer as Route['answer'] })
