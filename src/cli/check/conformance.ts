/**
 * Holds answers against the document of the API (`/openapi.json`): status, media type, headers and
 * body. What the document does not name is a fault, members of answers too.
 */
import { Ajv2020 } from 'ajv/dist/2020.js'

export interface Operation {
  readonly operationId: string
  readonly parameters: readonly OperationParameter[]
  readonly requestBody?: {
    readonly required: boolean
    readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>>
  }
  readonly responses: Readonly<Record<string, DocumentedResponse>>
}

export interface OperationParameter {
  readonly name: string
  readonly in: 'query' | 'path' | 'header'
  readonly required?: boolean
  readonly schema: JsonSchema
}

export interface JsonSchema {
  readonly [keyword: string]: unknown
}

interface DocumentedResponse {
  readonly headers?: Readonly<Record<string, { readonly $ref?: string; readonly schema?: object }>>
  readonly content?: Readonly<Record<string, unknown>>
}

export interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: {
    readonly headers: Readonly<Record<string, DocumentedHeader>>
    readonly schemas: Readonly<Record<string, JsonSchema>>
  }
}

interface DocumentedHeader {
  readonly required?: boolean
  readonly schema: JsonSchema
}

/** An answer to one request. */
interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

export interface Conformance {
  /** What of the answer is not as the document says; nothing where all is. */
  readonly faults: (path: string, method: string, answer: Answer) => readonly string[]
}

export const makeConformance = (document: ApiDocument): Conformance => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: false })
  ajv.addSchema(closed(document) as object, 'api')
  const faultOf = (pointer: string, value: unknown): string | undefined => {
    const validate = ajv.getSchema(`api#${pointer}`)
    if (validate === undefined) throw new Error(`there is no schema at ${pointer}`)
    if (validate(value)) return undefined
    return `${ajv.errorsText(validate.errors)} in ${JSON.stringify(value)?.slice(0, shownMax)}`
  }
  const headerFaults = (names: readonly string[], { headers }: Answer) =>
    names.flatMap((name) => {
      const { required, schema } = document.components.headers[name]!
      const text = headers.get(name)
      if (text === null) return required === true ? [`the header ${name} is absent`] : []
      const value = schema['type'] === 'integer' ? Number(text) : text
      const fault = faultOf(pointerOf('components', 'headers', name, 'schema'), value)
      return fault === undefined ? [] : [`header ${name}: ${fault}`]
    })
  return {
    faults: (path, method, answer) => {
      const operation = document.paths[path]?.[method.toLowerCase()]
      if (operation === undefined) return [`${method} ${path} is not documented`]
      const { status, headers, text } = answer
      const response = operation.responses[status]
      if (response === undefined)
        return [`status ${status} is not documented: ${text.slice(0, shownMax)}`]
      const type = headers.get('content-type')?.split(';')[0] ?? ''
      const { content = {} } = response
      const names = Object.entries(response.headers ?? {}).flatMap(([name, { $ref }]) =>
        $ref === undefined ? [] : [name]
      )
      const faults = headerFaults(names, answer)
      if (!Object.hasOwn(content, type)) return [...faults, `media type ${type} is not documented`]
      const at = ['paths', path, method.toLowerCase(), 'responses', String(status)]
      const pointer = pointerOf(...at, 'content', type, 'schema')
      for (const value of valuesOf(type, text)) {
        const fault = faultOf(pointer, value)
        if (fault !== undefined) return [...faults, fault]
      }
      return faults
    }
  }
}

const shownMax = 400

const valuesOf = (type: string, text: string): readonly unknown[] => {
  if (type === 'application/x-ndjson') {
    return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as unknown]))
  }
  return [type.endsWith('json') ? (JSON.parse(text) as unknown) : text]
}

const pointerOf = (...parts: readonly string[]): string =>
  parts
    .map((part) => `/${encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))}`)
    .join('')

/** Schemas that are open for later versions know all members of this one. */
const closed = (document: unknown): unknown =>
  JSON.parse(JSON.stringify(document), (_key, value: unknown) =>
    typeof value === 'object' &&
    value !== null &&
    'properties' in value &&
    'additionalProperties' in value &&
    value.additionalProperties === true
      ? { ...value, additionalProperties: false }
      : value
  )
