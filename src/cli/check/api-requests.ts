/**
 * A request for each operation that `/openapi.json` describes, with what the table really has: its
 * newest trade's symbol, exchange and day, and its newest snapshot.
 *
 * 1. What changes something is not asked.
 */
import type { ApiDocument, JsonSchema, Operation } from './conformance.ts'

export interface RealFacts {
  readonly symbol: string
  readonly exchange: string
  /** Of the newest trade; ISO 8601. */
  readonly newest: string
  readonly snapshotId: string
}

export interface ApiRequest {
  readonly path: string
  readonly method: string
  /** Undefined where it is not asked (1). */
  readonly url?: string
  readonly init?: RequestInit
  /** It goes on for as long as somebody reads. */
  readonly isEndless: boolean
}

const rows = 5
const hourMs = 3_600_000

export const apiRequests = (document: ApiDocument, facts: RealFacts): readonly ApiRequest[] =>
  Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([name, operation]): ApiRequest => {
      const method = name.toUpperCase()
      const isEndless = path === '/v1/system/watch'
      if (method !== 'GET' && path.startsWith('/v1/system/')) return { path, method, isEndless }
      return {
        path,
        method,
        url: urlOf(path, operation, facts),
        init: { method, ...bodyOf(operation, facts) },
        isEndless
      }
    })
  )

/** By name of parameter, field or part of a path; others are left at their presets. */
const valuesOf = ({ symbol, exchange, newest, snapshotId }: RealFacts) =>
  new Map<string, unknown>([
    ['symbol', symbol],
    ['symbols', [symbol]],
    ['exchange', exchange],
    ['exchanges', [exchange]],
    ['date', newest.slice(0, 10)],
    ['limit', rows]
  ]).set('snapshot_id', snapshotId)

const spanOf = ({ newest }: RealFacts) => {
  const atMs = Date.parse(newest)
  return new Map([
    ['start_time', new Date(atMs - hourMs).toISOString()],
    ['end_time', new Date(atMs + 1_000).toISOString()]
  ])
}

/** A stream without an end is asked for a span. */
const isStream = (path: string): boolean => path.endsWith('/stream')

const urlOf = (path: string, { parameters }: Operation, facts: RealFacts): string => {
  const values = valuesOf(facts)
  const address = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const parameter = parameters.find((it) => it.in === 'path' && it.name === name)
    return encodeURIComponent(textOf(values.get(name) ?? exampleOf(parameter?.schema ?? {})))
  })
  const query = new URLSearchParams()
  for (const { name, in: place, required, schema } of parameters) {
    // A point of the table goes with no other one, and is asked for by the paths that need one.
    if (place !== 'query' || name === 'snapshot_id') continue
    const span = isStream(path) ? spanOf(facts).get(name) : undefined
    const value = values.get(name) ?? span ?? (required === true ? exampleOf(schema) : undefined)
    if (value !== undefined) query.set(name, textOf(value))
  }
  return query.size === 0 ? address : `${address}?${query.toString()}`
}

const bodyOf = ({ requestBody }: Operation, facts: RealFacts): RequestInit => {
  const schema = requestBody?.content['application/json']?.schema
  if (schema === undefined) return {}
  const properties = (schema['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>
  const required = (schema['required'] ?? []) as readonly string[]
  const values = new Map<string, unknown>([...valuesOf(facts), ...spanOf(facts)])
  values.delete('snapshot_id')
  const fields = Object.entries(properties).flatMap(([name, property]) => {
    const isGiven = required.includes(name) || !spanOf(facts).has(name)
    const value = isGiven ? values.get(name) : undefined
    const given = value ?? (required.includes(name) ? exampleOf(property) : undefined)
    return given === undefined ? [] : [[name, given] as const]
  })
  return { body: JSON.stringify(Object.fromEntries(fields)) }
}

const exampleOf = (schema: JsonSchema): unknown =>
  [
    ...((schema['examples'] ?? []) as readonly unknown[]),
    schema['default'],
    ...((schema['enum'] ?? []) as readonly unknown[])
  ].find((it) => it !== undefined)

const textOf = (value: unknown): string =>
  Array.isArray(value) ? value.map(String).join(',') : String(value)
