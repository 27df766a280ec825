/**
 * Writes `src/market/records/*.ts` from `src/adapters/schema/*.avsc`, the one source of each
 * record's shape. `test/adapters/schema/generated.test.ts` fails when a generated file is out of
 * date.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const schemaDir = fileURLToPath(new URL('../src/adapters/schema', import.meta.url))
const recordsDir = fileURLToPath(new URL('../src/market/records', import.meta.url))

interface AvroField {
  readonly name: string
  readonly type: AvroType
  readonly doc: string
}
type AvroType =
  | string
  | readonly AvroType[]
  | {
      readonly type: string
      readonly logicalType?: string
      readonly scale?: number
      readonly symbols?: readonly string[]
      readonly items?: AvroType
      readonly values?: AvroType
    }

const typeOf = (type: AvroType): string => {
  if (typeof type === 'string') return primitiveOf(type)
  if (Array.isArray(type)) return (type as readonly AvroType[]).map(typeOf).join(' | ')
  const complex = type as Exclude<AvroType, string | readonly AvroType[]>
  if (complex.logicalType === 'decimal') return 'bigint'
  if (complex.symbols) return complex.symbols.map((symbol) => `'${symbol}'`).join(' | ')
  if (complex.items) return `readonly ${typeOf(complex.items)}[]`
  if (complex.values) return `Readonly<Record<string, ${typeOf(complex.values)}>>`
  return primitiveOf(complex.type)
}

const primitiveOf = (name: string): string => {
  if (name === 'long' || name === 'int') return 'number'
  if (name === 'string' || name === 'boolean' || name === 'null') return name
  throw new Error(`no TypeScript type is mapped to the Avro type "${name}"`)
}

const noteOf = (type: AvroType): string => {
  if (typeof type === 'string' || Array.isArray(type)) return ''
  const { logicalType, scale } = type as { logicalType?: string; scale?: number }
  return logicalType === 'decimal' ? ` Scaled by 10^${scale}.` : ''
}

/** The TypeScript source for one schema. */
const generateRecord = (fileName: string, schemaText: string): string => {
  const schema = JSON.parse(schemaText) as { name: string; doc: string; fields: AvroField[] }
  const constant = `${schema.name[0]?.toLowerCase()}${schema.name.slice(1)}Schema`
  const origin = `Generated from src/adapters/schema/${fileName} by \`npm run generate\``
  return `/** ${origin}. Do not edit. */

/** ${schema.doc} */
export interface ${schema.name} {
${schema.fields
  .map(
    ({ doc, name, type }) =>
      `  /** ${doc}${noteOf(type)} */\n  readonly ${name}: ${typeOf(type)}`
  )
  .join('\n')}
}

/** The Avro schema, as a value: columns, encoders and API fields are derived from it. */
export const ${constant} = ${JSON.stringify(schema, null, 2)} as const
`
}

/** Every record file that ought to exist, with its contents. */
export const generateRecords = (): ReadonlyMap<string, string> =>
  new Map(
    readdirSync(schemaDir)
      .filter((name) => name.endsWith('.avsc'))
      .map((name) => [
        join(recordsDir, `${basename(name, '.avsc')}.ts`),
        generateRecord(name, readFileSync(join(schemaDir, name), 'utf8'))
      ])
  )

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [file, text] of generateRecords()) writeFileSync(file, text)
}
