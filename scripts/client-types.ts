/**
 * TypeScript of the typed client, from the document of the API: what each address takes and
 * answers, as `src/client/k2-client.ts` gives it: decimals as text, 63-bit integers as bigint where
 * a number cannot hold them.
 */
import type { ApiDeps } from '../src/adapters/http/api-deps.ts'
import { openApiDocument } from '../src/adapters/http/openapi.ts'
import { makeRoutes } from '../src/adapters/http/routes.ts'

interface SchemaNode {
  readonly $ref?: string
  readonly anyOf?: readonly SchemaNode[]
  readonly allOf?: readonly SchemaNode[]
  readonly type?: string
  readonly format?: string
  readonly pattern?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | SchemaNode
  readonly items?: SchemaNode
  readonly description?: string
}

type Content = Readonly<Record<string, { readonly schema: SchemaNode }>>

interface ParameterNode {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly schema: SchemaNode
}

interface OperationNode {
  readonly summary: string
  readonly parameters: readonly ParameterNode[]
  readonly requestBody?: { readonly content: Content }
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>
}

interface DocumentNode {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationNode>>>>
  readonly components: { readonly schemas: Readonly<Record<string, SchemaNode>> }
}

/** The client chooses these itself. */
const ownParameters = new Set(['decimals', 'format'])

/** Of a server as it is without settings: its routes are defined without asking anything. */
const defined = {
  version: '',
  access: { apiKeys: [] },
  sqlRowsMax: 10_000
} as unknown as ApiDeps

export const clientTypes = (): string => {
  const routes = makeRoutes(defined)
  const made: unknown = openApiDocument({ version: '', hasKeys: true }, routes)
  const document = made as DocumentNode
  const operations = operationsOf(document).map(([name, operation]) => operationOf(name, operation))
  const codes = [...JSON.stringify(document).matchAll(/- `(\w+)`:/g)].map(([, code]) => code)
  return `${[
    '/** Generated from the routes of the API by `npm run generate`. Do not edit. */',
    '/* oxlint-disable max-lines */',
    ...Object.entries(document.components.schemas).map(([name, schema]) => declared(name, schema)),
    `export type ProblemCode =\n${unique(codes).map((code) => `  | '${code}'`).join('\n')}`,
    `/** By method and address. */\nexport interface Operations {\n${operations.join('\n')}\n}`,
    '/** By method and address: where decimals can be asked for as text. */\n' +
      constantOf('exactOperations', exactOperationsOf(document)),
    '/** Members of answers that are decimals, wherever they stand. */\n' +
      constantOf('decimalMembers', decimalMembersOf(document))
  ].join('\n\n')}\n`
}

const constantOf = (name: string, texts: readonly string[]): string =>
  `export const ${name}: ReadonlySet<string> = new Set([\n` +
  `${texts.map((text) => `  '${text}'`).join(',\n')}\n])`

type NumberKind = 'decimal' | 'number' | 'other'

/** @throws where a name stands for a decimal here, and for another number there */
const decimalMembersOf = (document: DocumentNode): readonly string[] => {
  const kinds = new Map<string, Set<NumberKind>>()
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return
    const { properties = {} } = node as SchemaNode
    for (const [name, schema] of Object.entries(properties)) {
      const kind = kindOf(document, schema)
      if (kind !== 'other') kinds.set(name, (kinds.get(name) ?? new Set()).add(kind))
    }
    for (const child of Object.values(node)) visit(child)
  }
  visit(document.components)
  for (const [, { responses }] of operationsOf(document)) visit(responses)
  for (const [name, found] of kinds)
    if (found.size > 1) throw new Error(`${name} is a decimal in one answer, and not in another`)
  return [...kinds].filter(([, found]) => found.has('decimal')).map(([name]) => name).sort()
}

const kindOf = (document: DocumentNode, schema: SchemaNode): NumberKind => {
  const { $ref, anyOf = [], type } = schema
  if ($ref !== undefined) {
    const named = document.components.schemas[nameOf($ref)]
    return named === undefined ? 'other' : kindOf(document, named)
  }
  if (isDecimal(schema)) return 'decimal'
  if (type === 'number' || type === 'integer') return 'number'
  return anyOf.map((it) => kindOf(document, it)).find((kind) => kind !== 'other') ?? 'other'
}

const unique = (texts: readonly (string | undefined)[]): readonly string[] =>
  [...new Set(texts)].filter((it) => it !== undefined).sort()

/** By method and address. */
const operationsOf = ({ paths }: DocumentNode): ReadonlyArray<readonly [string, OperationNode]> =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const
    )
  )

const declared = (name: string, schema: SchemaNode): string => {
  const about = schema.description === undefined ? '' : `/** ${schema.description} */\n`
  return `${about}export type ${name} = ${typeOf(schema)}`
}

const operationOf = (name: string, operation: OperationNode): string => {
  const { parameters, requestBody, responses, summary } = operation
  const of = (place: string) =>
    parameters.filter(({ in: at, name }) => at === place && !ownParameters.has(name))
  const content = contentOf(responses)
  const body = requestBody?.content['application/json']?.schema
  return [
    `  /** ${summary} */`,
    `  readonly '${name}': {`,
    `    readonly path: ${membersOf(of('path'))}`,
    `    readonly query: ${membersOf(of('query'))}`,
    `    readonly body: ${body?.properties === undefined ? 'undefined' : typeOf(body)}`,
    `    readonly answer: ${typed(content, 'application/json')}`,
    `    readonly row: ${typed(content, 'application/x-ndjson')}`,
    '  }'
  ].join('\n')
}

/** Of the first answer of success. */
const contentOf = (responses: OperationNode['responses']): Content => {
  const [status = ''] = Object.keys(responses).filter((it) => it.startsWith('2'))
  return responses[status]?.content ?? {}
}

const typed = (content: Content, type: string): string => {
  const schema = content[type]?.schema
  return schema === undefined ? 'never' : typeOf(schema)
}

const exactOperationsOf = (document: DocumentNode): readonly string[] =>
  operationsOf(document).flatMap(([name, { parameters, requestBody }]) => {
    const fields = requestBody?.content['application/json']?.schema.properties ?? {}
    const names = [...parameters.map((it) => it.name), ...Object.keys(fields)]
    return names.includes('decimals') ? [name] : []
  })

const membersOf = (parameters: readonly ParameterNode[]): string => {
  const members = parameters.map(({ name, required, schema }) => {
    const mark = required === true ? '' : '?'
    return `readonly ${keyOf(name)}${mark}: ${typeOf(schema)}`
  })
  return members.length === 0 ? 'undefined' : `{ ${members.join('; ')} }`
}

const keyOf = (name: string): string => (/^\w+$/.test(name) ? name : `'${name}'`)

const typeOf = (schema: SchemaNode): string => {
  const { $ref, anyOf, allOf, type, properties, additionalProperties, items, format } = schema
  if ($ref !== undefined) return nameOf($ref)
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum !== undefined) return schema.enum.map(literalOf).join(' | ')
  // A decimal, which the client asks for as text.
  if (isDecimal(schema)) return 'string'
  if (anyOf !== undefined) return unique(anyOf.map(typeOf)).join(' | ')
  if (format === 'int64') return 'number | bigint'
  if (type === 'array') return `readonly (${items === undefined ? 'unknown' : typeOf(items)})[]`
  if (properties !== undefined) return objectOf(schema)
  if (type === 'object') {
    const isAny = typeof additionalProperties !== 'object'
    const value = isAny ? 'unknown' : typeOf(additionalProperties)
    return `Readonly<Record<string, ${value}>>`
  }
  if (type === undefined && allOf !== undefined) return allOf.map(typeOf).join(' & ')
  return primitives[type ?? ''] ?? 'unknown'
}

/** A number, or the text of one. */
const isDecimal = ({ anyOf = [] }: SchemaNode): boolean =>
  anyOf.some(({ type }) => type === 'number') && anyOf.some(({ pattern }) => pattern !== undefined)

const nameOf = ($ref: string): string => $ref.split('/').at(-1) ?? $ref

const primitives: Readonly<Record<string, string>> = {
  string: 'string',
  integer: 'number',
  number: 'number',
  boolean: 'boolean',
  null: 'null'
}

const objectOf = ({ properties = {}, required = [] }: SchemaNode): string => {
  const members = Object.entries(properties)
    .filter(([name]) => !ownParameters.has(name))
    .map(([name, schema]) => {
      const mark = required.includes(name) ? '' : '?'
      return `readonly ${keyOf(name)}${mark}: ${typeOf(schema)}`
    })
  return members.length === 0 ? 'undefined' : `{ ${members.join('; ')} }`
}

const literalOf = (value: unknown): string =>
  typeof value === 'string' ? `'${value}'` : JSON.stringify(value)
