/**
 * JSON Schema (2020-12) of Effect Schemas, as the document of the API has it: of what goes over the
 * wire. Schemas with an identifier become components.
 */
import type * as JsonSchema from 'effect/JsonSchema'
import * as Schema from 'effect/Schema'

export interface Components {
  /** Adds what it needs to the components. Closed: members that it does not know are refused. */
  readonly of: (schema: Schema.Top, form?: 'open' | 'closed') => JsonSchema.JsonSchema
  readonly schemas: Readonly<Record<string, JsonSchema.JsonSchema>>
}

const componentsPath = '#/components/schemas/'

export const makeComponents = (): Components => {
  const schemas: Record<string, JsonSchema.JsonSchema> = {}
  return {
    schemas,
    of: (schema, form = 'open') => {
      const onExcessProperty = form === 'open' ? 'ignore' : 'error'
      const document = Schema.toJsonSchemaDocument(schema, { onExcessProperty })
      for (const [name, definition] of Object.entries(document.definitions)) {
        const found = placed(definition)
        const known = schemas[name]
        if (known !== undefined && JSON.stringify(known) !== JSON.stringify(found))
          throw new Error(`two schemas have the identifier ${name}`)
        schemas[name] = found
      }
      return placed(document.schema)
    }
  }
}

/** References point to the components. */
const placed = (schema: JsonSchema.JsonSchema): JsonSchema.JsonSchema =>
  JSON.parse(JSON.stringify(schema), (key, value: unknown) =>
    key === '$ref' && typeof value === 'string'
      ? value.replace(/^#\/\$defs\//, componentsPath)
      : value
  ) as JsonSchema.JsonSchema
