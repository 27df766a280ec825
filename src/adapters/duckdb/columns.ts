/**
 * Columns of a table, derived from the Avro schema of its record: the schema is the only source, so
 * a new field appears in DuckDB, Parquet and Iceberg at once.
 *
 * 1. Every table has the record's fields in their order, then `k2_partition` and `k2_offset` (R15).
 * 2. A column has one kind: how it is buffered, staged and written follows from the kind alone.
 */
import {
  BIGINT,
  BOOLEAN,
  DECIMAL,
  type DuckDBType,
  INTEGER,
  LIST,
  MAP,
  TIMESTAMPTZ,
  VARCHAR
} from '@duckdb/node-api'
import * as Schema from 'effect/Schema'

/** The part of an Avro schema that is understood here. */
type AvroType =
  | string
  | readonly AvroType[]
  | { readonly type: 'enum'; readonly symbols: readonly string[] }
  | { readonly type: 'array'; readonly items: AvroType }
  | { readonly type: 'map'; readonly values: AvroType }
  | {
      readonly type: 'bytes'
      readonly logicalType: 'decimal'
      readonly precision: number
      readonly scale: number
    }
  | { readonly type: 'long'; readonly logicalType: 'timestamp-micros' }

export interface AvroRecord {
  readonly name: string
  readonly fields: ReadonlyArray<{ readonly name: string; readonly type: AvroType }>
}

export type Column = {
  readonly name: string
  readonly isNullable: boolean
} & (
  | { readonly kind: 'text' | 'timestamp' | 'long' | 'boolean' | 'textList' | 'textMap' }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
)

/**
 * Field ids by path, as the table's Iceberg schema assigned them: `price`, and for nested fields
 * `trade_conditions.element`, `vendor_data.key`, `vendor_data.value`.
 */
export type FieldIds = Readonly<Record<string, number>>

/** The part of an Iceberg schema, in its JSON form, that carries field ids. */
export interface FieldIdSource {
  readonly fields: ReadonlyArray<{
    readonly id: number
    readonly name: string
    readonly type: unknown
  }>
}

/** A schema, of records or of a table, has a type that no column of ours can hold. */
export class ColumnUnsupported extends Schema.TaggedError<ColumnUnsupported>()(
  'ColumnUnsupported',
  {
    record: Schema.String,
    field: Schema.String,
    type: Schema.String
  }
) {
  override get message() {
    return `${this.record}.${this.field} is of type ${this.type}: columns.ts has no kind for it`
  }
}

/** The Iceberg schema lacks an id for a column. */
export class FieldIdMissing extends Schema.TaggedError<FieldIdMissing>()('FieldIdMissing', {
  path: Schema.String
}) {
  override get message() {
    return `no field id for "${this.path}": columns, list elements, map keys and values need one`
  }
}

/**
 * Columns of the table that holds records of this schema.
 * @throws ColumnUnsupported
 */
export const columnsOf = (record: AvroRecord): readonly Column[] => [
  ...record.fields.map(({ name, type }) => columnOf(record.name, name, type)),
  { name: 'k2_partition', kind: 'text', isNullable: false },
  { name: 'k2_offset', kind: 'long', isNullable: false }
]

/**
 * Columns of a table as its own schema has them: also those that our records do not have, or not
 * yet.
 * @throws ColumnUnsupported
 */
export const columnsOfTable = (table: string, { fields }: TableColumnSource): readonly Column[] =>
  fields.map(({ name, type, required }) => {
    const column = { name, isNullable: !required }
    const decimal = typeof type === 'string' ? /^decimal\((\d+), ?(\d+)\)$/.exec(type) : null
    if (decimal !== null) {
      return {
        ...column,
        kind: 'decimal',
        precision: Number(decimal[1]),
        scale: Number(decimal[2])
      }
    }
    const kind = kindsByType[shapeOf(type)]
    if (kind !== undefined) return { ...column, kind }
    throw new ColumnUnsupported({ record: table, field: name, type: JSON.stringify(type) })
  })

interface TableColumnSource {
  readonly fields: ReadonlyArray<{
    readonly name: string
    readonly type: unknown
    readonly required: boolean
  }>
}

/** An Iceberg type without ids. */
const shapeOf = (type: unknown): string => {
  if (typeof type === 'string') return type
  const { type: kind, element, key, value } = type as Readonly<Record<string, unknown>>
  const parts = [kind, element, key, value].filter((it) => it !== undefined)
  return parts.map((it) => (typeof it === 'string' ? it : JSON.stringify(it))).join(' ')
}

const kindsByType: Readonly<Record<string, Exclude<Column['kind'], 'decimal'>>> = {
  string: 'text',
  timestamptz: 'timestamp',
  long: 'long',
  boolean: 'boolean',
  'list string': 'textList',
  'map string string': 'textMap'
}

/** Field ids by path, from an Iceberg schema. */
export const fieldIdsOf = ({ fields }: FieldIdSource): FieldIds =>
  Object.fromEntries(
    fields.flatMap(({ id, name, type }) => [[name, id] as const, ...nestedIds(name, type)])
  )

/** Type of the column in a table and in the Parquet file, for example `DECIMAL(18,8)`. */
export const duckdbTypeOf = (column: Column): DuckDBType => {
  switch (column.kind) {
    case 'text':
      return VARCHAR
    case 'timestamp':
      return TIMESTAMPTZ
    case 'decimal':
      return DECIMAL(column.precision, column.scale)
    case 'long':
      return BIGINT
    case 'boolean':
      return BOOLEAN
    case 'textList':
      return LIST(VARCHAR)
    case 'textMap':
      return MAP(VARCHAR, VARCHAR)
    default:
      return column satisfies never
  }
}

/** Column list for CREATE TABLE. */
export const tableColumnsSql = (columns: readonly Column[]): string =>
  columns
    .map((column) => `${identifier(column.name)} ${duckdbTypeOf(column).toString()}`)
    .join(', ')

/** A table of these columns without rows, for FROM. */
export const noRowsSql = (columns: readonly Column[]): string => {
  const nulls = columns.map(
    (column) => `NULL::${duckdbTypeOf(column).toString()} AS ${identifier(column.name)}`
  )
  return `(SELECT ${nulls.join(', ')} LIMIT 0)`
}

/**
 * Value of COPY's FIELD_IDS option.
 * @throws FieldIdMissing
 */
export const fieldIdsSql = (columns: readonly Column[], ids: FieldIds): string => {
  const members = columns.map((column) => `${identifier(column.name)}: ${fieldIdSql(column, ids)}`)
  return `{${members.join(', ')}}`
}

/**
 * Table function over the files that `$files` names, by field ids: a file of an older schema is
 * read as the table reads it, with null for what it lacks.
 * @throws FieldIdMissing
 */
export const filesByIdSql = (columns: readonly Column[], ids: FieldIds): string => {
  const members = columns.map(
    (column) =>
      `${fieldIdOf(ids, column.name)}: {name: ${textLiteral(column.name)}, ` +
      `type: ${textLiteral(duckdbTypeOf(column).toString())}, default_value: NULL}`
  )
  return `read_parquet($files, schema = MAP {${members.join(', ')}})`
}

/** Paths of the leaves of a column, as FieldIds names them. */
export const leafPaths = ({ name, kind }: Column): readonly string[] => {
  if (kind === 'textList') return [`${name}.element`]
  return kind === 'textMap' ? [`${name}.key`, `${name}.value`] : [name]
}

/** @throws FieldIdMissing */
export const fieldIdOf = (ids: FieldIds, path: string): number => {
  const id = ids[path]
  if (id === undefined) throw new FieldIdMissing({ path })
  return id
}

/** SQL identifier, quoted. */
export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** SQL string literal, quoted. */
export const textLiteral = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** Staged codes of a dictionary; see text-codes.ts. */
export const codeType: DuckDBType = INTEGER

const columnOf = (record: string, name: string, type: AvroType): Column => {
  if (isUnion(type)) {
    const members = type.filter((member) => member !== 'null')
    const [member] = members
    if (members.length === 1 && member !== undefined && members.length < type.length) {
      return { ...columnOf(record, name, member), isNullable: true }
    }
  } else if (type === 'string') {
    return { name, kind: 'text', isNullable: false }
  } else if (type === 'long' || type === 'boolean') {
    return { name, kind: type, isNullable: false }
  } else if (typeof type !== 'string') {
    switch (type.type) {
      case 'enum':
        return { name, kind: 'text', isNullable: false }
      case 'bytes':
        return {
          name,
          kind: 'decimal',
          isNullable: false,
          precision: type.precision,
          scale: type.scale
        }
      case 'long':
        return { name, kind: 'timestamp', isNullable: false }
      case 'array':
        if (type.items === 'string') return { name, kind: 'textList', isNullable: false }
        break
      case 'map':
        if (type.values === 'string') return { name, kind: 'textMap', isNullable: false }
        break
    }
  }
  throw new ColumnUnsupported({ record, field: name, type: JSON.stringify(type) })
}

const nestedIds = (name: string, type: unknown): ReadonlyArray<readonly [string, number]> => {
  if (typeof type !== 'object' || type === null) return []
  return Object.entries(type).flatMap(([key, id]: [string, unknown]) =>
    key.endsWith('-id') && typeof id === 'number'
      ? [[`${name}.${key.slice(0, -3)}`, id] as const]
      : []
  )
}

const isUnion = (type: AvroType): type is readonly AvroType[] => Array.isArray(type)

const fieldIdSql = (column: Column, ids: FieldIds): string => {
  const own = fieldIdOf(ids, column.name)
  const nested = leafPaths(column).filter((path) => path !== column.name)
  if (nested.length === 0) return String(own)
  const leaves = nested.map(
    (path) => `${path.slice(column.name.length + 1)}: ${fieldIdOf(ids, path)}`
  )
  return `{__duckdb_field_id: ${own}, ${leaves.join(', ')}}`
}
