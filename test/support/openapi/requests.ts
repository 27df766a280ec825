/** Requests that the document of the API describes, and such that it does not. */
import type {
  ApiDocument,
  JsonSchema,
  Operation,
  OperationParameter
} from '../../../src/cli/check/conformance.ts'

export interface DocumentedRequest {
  /** Template of the path, as the document has it. */
  readonly path: string
  readonly method: string
  readonly url: string
  readonly init: RequestInit
  readonly isValid: boolean
}

/** Of each operation: with nothing optional, each value of a parameter alone, and each fault. */
export const requestsOf = (document: ApiDocument): readonly DocumentedRequest[] =>
  Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, operation]) =>
      [...queriesOf(operation), ...bodiesOf(operation)].map(({ query = '', body, isValid }) => ({
        path,
        method: method.toUpperCase(),
        url: `${addressOf(path, operation)}${query === '' ? '' : `?${query}`}`,
        init: { method: method.toUpperCase(), ...body },
        isValid
      }))
    )
  )

interface Made {
  readonly query?: string
  readonly body?: RequestInit
  readonly isValid: boolean
}

const addressOf = (path: string, { parameters }: Operation): string =>
  path.replaceAll(/\{(\w+)\}/g, (_, name) => {
    const parameter = parameters.find((it) => it.in === 'path' && it.name === name)
    return encodeURIComponent(validValuesOf(parameter)[0] ?? 'none')
  })

const queriesOf = (operation: Operation): readonly Made[] => {
  const parameters = operation.parameters.filter((it) => it.in === 'query')
  const required = parameters.filter((it) => it.required === true)
  const body = validBodyOf(operation)
  const queryWith = (others: Readonly<Record<string, string>>) =>
    new URLSearchParams({
      ...Object.fromEntries(required.map((it) => [it.name, validValuesOf(it)[0] ?? ''])),
      ...others
    }).toString()
  return [
    { query: queryWith({}), body, isValid: true },
    ...(required.length > 0 ? [{ query: '', body, isValid: false }] : []),
    { query: queryWith({ no_such_parameter: '1' }), body, isValid: false },
    ...parameters.flatMap((it) => [
      ...validValuesOf(it).map((value) => ({
        query: queryWith({ [it.name]: value }),
        body,
        isValid: true
      })),
      ...['', '\u0000', 'no such value'].map((value) => ({
        query: queryWith({ [it.name]: value }),
        body,
        isValid: false
      })),
      { query: `${queryWith({ [it.name]: '1' })}&${it.name}=1`, body, isValid: false }
    ])
  ]
}

const validValuesOf = (parameter: OperationParameter | undefined): readonly string[] =>
  valuesOf(parameter?.schema ?? {}).map(String)

const headers = { 'content-type': 'application/json' }
const plain = { 'content-type': 'text/plain' }

const bodiesOf = (operation: Operation): readonly Made[] => {
  const schema = operation.requestBody?.content['application/json']?.schema
  if (schema?.['properties'] === undefined) return []
  const base = baseOf(schema)
  const properties = Object.entries(schema['properties'] as Record<string, JsonSchema>)
  const json = (value: unknown, isValid: boolean) => ({
    body: { body: JSON.stringify(value), headers },
    isValid
  })
  return [
    json([], false),
    json(null, false),
    json({ ...base, no_such_field: 1 }, false),
    { body: { body: '{', headers }, isValid: false },
    { body: { body: JSON.stringify(base), headers: plain }, isValid: false },
    ...properties.flatMap(([name, property]) => [
      ...valuesOf(property).map((value) => json({ ...base, [name]: value }, true)),
      json({ ...base, [name]: { no: 'such value' } }, false)
    ])
  ]
}

const validBodyOf = (operation: Operation): RequestInit => {
  const schema = operation.requestBody?.content['application/json']?.schema
  return schema === undefined ? {} : { body: JSON.stringify(baseOf(schema)), headers }
}

/** Required fields only. */
const baseOf = (schema: JsonSchema): Readonly<Record<string, unknown>> => {
  const properties = schema['properties'] as Record<string, JsonSchema> | undefined
  const required = (schema['required'] as readonly string[] | undefined) ?? []
  return Object.fromEntries(
    required.map((name) => [name, valuesOf(properties?.[name] ?? {})[0]])
  )
}

/** First the example. */
const valuesOf = (schema: JsonSchema): readonly unknown[] => [
  ...((schema['examples'] as readonly unknown[] | undefined) ?? []),
  ...[schema['default'], schema['minimum'], schema['maximum']].filter((it) => it !== undefined),
  ...((schema['enum'] as readonly unknown[] | undefined) ?? [])
]
