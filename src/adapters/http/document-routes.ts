/** What the API says of itself: `/`, `/openapi.json`. */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import { json } from './answer-schemas.ts'
import type { ApiDeps } from './api-deps.ts'
import { jsonResponse } from './envelope.ts'
import { openApiDocument } from './openapi.ts'
import { pageContent, pageResponse, wantsPage } from './page-routes.ts'
import { route, type Route } from './route.ts'

/** @param routes all others */
export const indexRoute = ({ version }: ApiDeps, routes: readonly Route[]): Route => ({
  ...route('/', 'The page that shows what K2 does, or, as JSON, this index', {}, ({ headers }) =>
    Effect.sync(() => {
      const response = wantsPage(headers)
        ? pageResponse()
        : jsonResponse(JSON.stringify({ name: 'k2', version, routes: routes.map(inShort) }))
      response.headers.set('vary', 'Accept')
      return response
    })
  ),
  responses: {
    200: {
      about: 'A page to a browser, all addresses in short to others',
      content: { ...json('', index).content, ...pageContent }
    }
  }
})

const inShort = ({ method, path, about, parameters }: Route) => ({
  method: method ?? 'GET',
  path,
  about,
  parameters: Object.entries(parameters).map(([name, { remedy }]) => ({ name, allowed: remedy }))
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
