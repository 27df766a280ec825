/** What the API says of itself: `/`, `/openapi.json`. */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import { json } from './answer-schemas.ts'
import type { ApiDeps } from './api-deps.ts'
import { jsonResponse } from './envelope.ts'
import { openApiDocument } from './openapi.ts'
import { route, type Route } from './route.ts'

/** @param routes all others */
export const indexRoute = ({ version }: ApiDeps, routes: readonly Route[]): Route => ({
  ...route('/', 'This index', {}, () =>
    Effect.sync(() =>
      jsonResponse(
        JSON.stringify({
          name: 'k2',
          version,
          routes: routes.map(({ method = 'GET', path, about, parameters }) => ({
            method,
            path,
            about,
            parameters: Object.entries(parameters).map(([name, { remedy }]) => ({
              name,
              allowed: remedy
            }))
          }))
        })
      )
    )
  ),
  responses: { 200: json('All addresses, in short', index) }
})

const index = Schema.Struct({
  name: Schema.Literal('k2'),
  version: Schema.String,
  routes: Schema.Array(
    Schema.Struct({
      method: Schema.String,
      path: Schema.String,
      about: Schema.String,
      parameters: Schema.Array(Schema.Struct({ name: Schema.String, allowed: Schema.String }))
    })
  )
})

/** @param routes all, this one too */
export const openApiRoute = (deps: ApiDeps, routes: () => readonly Route[]): Route => {
  const { version, access } = deps
  const hasKeys = access.apiKeys.length > 0
  let text: string | undefined
  return {
    ...route('/openapi.json', 'This document: OpenAPI 3.1', {}, () =>
      Effect.sync(() => {
        text ??= JSON.stringify(openApiDocument({ version, hasKeys }, routes()))
        return jsonResponse(text)
      })
    ),
    responses: { 200: json('OpenAPI 3.1', Schema.Record(Schema.String, Schema.Unknown)) }
  }
}
