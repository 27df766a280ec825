/**
 * The document of the API (OpenAPI 3.1), made from the routes: what checks a request says what a
 * request may be.
 *
 * 1. Every status that an address answers stands in it: those of its route, and those that the
 *    guards give before a route is asked.
 * 2. Schemas of requests are closed, as unknown names are refused; those of answers are open, as
 *    later versions may tell more.
 */
import type * as JsonSchema from 'effect/JsonSchema'
import { scopes } from '../config/api-key-values.ts'
import { isOpenPath } from './api-keys.ts'
import type { Field } from './body-fields.ts'
import { type Components, makeComponents } from './json-schema.ts'
import {
  answerHeaderReferences,
  answerHeaders,
  guardProblems,
  problemResponses,
  requestHeaders
} from './openapi-problems.ts'
import type { Parameter } from './parameters.ts'
import type { Documented, Route } from './route.ts'

export interface OpenApiDocument {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly [member: string]: unknown
}

export const openApiDocument = (
  { version, hasKeys }: { readonly version: string; readonly hasKeys: boolean },
  routes: readonly Route[]
): OpenApiDocument => {
  const components = makeComponents()
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) {
    const method = (route.method ?? 'GET').toLowerCase()
    paths[route.path] = { ...paths[route.path], [method]: operationOf(route, components) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'K2',
      version,
      description: 'Trades and quotes, every one exactly once; decimals digit by digit.',
      license: { name: 'MIT', identifier: 'MIT' }
    },
    servers: [{ url: '/' }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    security: [...(hasKeys ? [] : [{}]), { bearer: [] }, { apiKey: [] }],
    paths,
    components: {
      schemas: components.schemas,
      headers: answerHeaders(components),
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: keyAbout },
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: keyAbout }
      }
    }
  }
}

const keyAbout =
  'A key of K2_API_KEYS. Without keys configured, K2 answers this machine only, and needs none. ' +
  `A key has scopes of ${scopes.join(', ')}.`

const tags = {
  data: 'What was captured',
  system: 'How K2 runs',
  health: 'For what watches the process'
}

const tagOf = (path: string): keyof typeof tags =>
  path.startsWith('/v1/system/') ? 'system' : path.startsWith('/v1/') ? 'data' : 'health'

const operationOf = (route: Route, components: Components) => {
  const { method, path, about, parameters, segments, responses = {}, scope } = route
  const name = path.replaceAll(/[{}]/g, '').split('/').filter(Boolean).join('_')
  return {
    operationId: `${(method ?? 'GET').toLowerCase()}_${name === '' ? 'index' : name}`,
    summary: about,
    tags: [tagOf(path)],
    ...(isOpenPath(path) ? { security: [{}] } : {}),
    ...(scope === undefined ? {} : { description: `Takes a key with the scope ${scope}.` }),
    parameters: [
      ...[...path.matchAll(/\{(\w+)\}/g)].map(([, segment = '']) => ({
        name: segment,
        in: 'path',
        required: true,
        ...describedOf(segments?.[segment] ?? { remedy: segment }, { type: 'string' })
      })),
      ...Object.entries(parameters).map(([parameter, definition]) => ({
        name: parameter,
        in: 'query',
        required: definition.isRequired === true,
        ...describedOf(definition, components.of(definition.schema))
      })),
      ...requestHeaders
    ],
    ...requestBodyOf(route, components),
    responses: {
      ...Object.fromEntries(
        Object.entries(responses).map(([status, it]) => [status, responseOf(it, components)])
      ),
      ...problemResponses([...guardProblems(route), ...(route.problems ?? [])], components)
    }
  }
}

type Definition = Omit<Parameter<unknown>, 'schema'>

/** Examples are the schema's: those of a parameter would be sent by whoever tries the page out. */
const describedOf = (
  { remedy, wire, example, preset }: Definition,
  schema: JsonSchema.JsonSchema
) => ({
  description: remedy,
  schema: {
    ...(wire ?? schema),
    ...(preset === undefined ? {} : { default: preset }),
    ...(example === undefined ? {} : { examples: [example] })
  }
})

/** Required also where nothing of it is read: what changes something says that it sends JSON. */
const requestBodyOf = ({ method, fields }: Route, components: Components) => {
  if (method !== 'POST') return {}
  const schema = fields === undefined ? { type: 'object' } : objectOf(fields, components)
  return { requestBody: { required: true, content: { 'application/json': { schema } } } }
}

const objectOf = (fields: Readonly<Record<string, Field<unknown>>>, components: Components) => ({
  type: 'object',
  properties: Object.fromEntries(
    Object.entries(fields).map(([name, field]) => {
      const closed = components.of(field.schema, 'closed')
      const { description, schema } = describedOf(field, closed)
      return [name, { ...schema, description }]
    })
  ),
  required: Object.entries(fields)
    .filter(([, { isRequired }]) => isRequired === true)
    .map(([name]) => name),
  additionalProperties: false
})

const responseOf = (
  { about, content, headers = {} }: Documented,
  components: Components
) => ({
  description: about,
  headers: {
    ...answerHeaderReferences,
    ...Object.fromEntries(
      Object.entries(headers).map(([name, description]) => [
        name,
        { description, schema: { type: 'string' } }
      ])
    )
  },
  content: Object.fromEntries(
    Object.entries(content).map(([type, schema]) => [
      type,
      { schema: components.of(schema) }
    ])
  )
})
