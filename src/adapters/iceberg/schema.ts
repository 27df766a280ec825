/**
 * Iceberg schema of a table, derived from the Avro schema of its records (the one source of the
 * schema).
 *
 * 1. Top-level columns have ids 1…n in the order of the record's fields, then `k2_partition` and
 *    `k2_offset` (R15); ids of list elements, map keys and map values follow after all of them, in
 *    order.
 * 2. A column is required exactly if the Avro type is not nullable.
 * 3. Types and keys have the shape of Iceberg's JSON (spec, appendix C), so that metadata is
 *    written as it stands.
 */
import { invariant } from './errors.ts'

type AvroType = string | AvroNode | readonly AvroType[]

interface AvroNode {
  readonly type: AvroType
  readonly logicalType?: string
  readonly precision?: number
  readonly scale?: number
  readonly items?: AvroType
  readonly values?: AvroType
}

export interface AvroRecordSchema {
  readonly type: 'record'
  readonly name: string
  readonly fields: readonly {
    readonly name: string
    readonly type: AvroType
    readonly default?: unknown
    readonly doc?: string
  }[]
}

/** Primitive types are their names: `long`, `string`, `timestamptz`, `decimal(18, 8)`, … */
type IcebergType = string | IcebergList | IcebergMap | IcebergStruct

interface IcebergList {
  readonly type: 'list'
  readonly 'element-id': number
  readonly element: IcebergType
  readonly 'element-required': boolean
}

interface IcebergMap {
  readonly type: 'map'
  readonly 'key-id': number
  readonly key: IcebergType
  readonly 'value-id': number
  readonly value: IcebergType
  readonly 'value-required': boolean
}

export interface IcebergField {
  readonly id: number
  readonly name: string
  readonly required: boolean
  readonly type: IcebergType
  readonly doc?: string
}

export interface IcebergStruct {
  readonly type: 'struct'
  readonly fields: readonly IcebergField[]
}

export interface IcebergSchema extends IcebergStruct {
  readonly 'schema-id': number
}

/** Iceberg schema with id 0 of a record schema, with the columns of R15. */
export const icebergSchemaOf = (record: AvroRecordSchema): IcebergSchema => {
  const columns = [
    ...record.fields,
    {
      name: 'k2_partition',
      type: 'string',
      doc: 'Log epoch and partition that the record landed from.'
    },
    { name: 'k2_offset', type: 'long', doc: 'Offset of the record in that partition.' }
  ]
  let nestedId = columns.length
  const nextId = () => ++nestedId
  const fields = columns.map(({ name, type, doc }, index): IcebergField => {
    const { required, inner } = nullability(type)
    const converted = { id: index + 1, name, required, type: typeOf(inner, nextId) }
    return doc === undefined ? converted : { ...converted, doc }
  })
  return { type: 'struct', 'schema-id': 0, fields }
}

/** Highest field id in use. */
export const lastColumnId = (schema: IcebergStruct): number =>
  Math.max(0, ...schema.fields.flatMap((field) => [field.id, ...idsOf(field.type)]))

/** A field and what is nested in it, with ids of another table. */
export const withNewIds = (field: IcebergField, nextId: () => number): IcebergField => {
  const id = nextId()
  return { ...field, id, type: typeWithNewIds(field.type, nextId) }
}

/** Top-level field of a name. */
export const fieldNamed = (schema: IcebergStruct, name: string): IcebergField => {
  const field = schema.fields.find((it) => it.name === name)
  invariant(field !== undefined, `the schema has no column ${name}`)
  return field
}

/**
 * Column of a record's time: that of the exchange, or where it has none, that of its coming, or of
 * an event, when it was so.
 */
export const timeColumn = ({ fields }: IcebergStruct): string =>
  timeColumns.find((time) => fields.some(({ name }) => name === time)) ?? 'at'

const timeColumns = ['timestamp', 'ingestion_timestamp']

const nullability = (type: AvroType): { readonly required: boolean; readonly inner: AvroType } => {
  if (!isUnion(type)) return { required: true, inner: type }
  const members = type.filter((member) => member !== 'null')
  const [inner] = members
  invariant(
    members.length === 1 && inner !== undefined,
    'a union must be of null and one other type'
  )
  return { required: members.length === type.length, inner }
}

const isUnion = (type: AvroType): type is readonly AvroType[] => Array.isArray(type)

const primitives: Readonly<Record<string, string>> = {
  boolean: 'boolean',
  int: 'int',
  long: 'long',
  float: 'float',
  double: 'double',
  string: 'string',
  bytes: 'binary',
  enum: 'string'
}

const logicalTypes: Readonly<Record<string, string>> = {
  'timestamp-micros': 'timestamptz',
  'local-timestamp-micros': 'timestamp',
  date: 'date',
  uuid: 'uuid'
}

const typeOf = (type: AvroType, nextId: () => number): IcebergType => {
  invariant(!isUnion(type), 'a union inside a union has no Iceberg type')
  if (typeof type === 'string') return primitiveOf(type)
  if (type.logicalType === 'decimal') return `decimal(${type.precision}, ${type.scale ?? 0})`
  if (type.logicalType !== undefined) {
    const logical = logicalTypes[type.logicalType]
    invariant(logical !== undefined, `logical type ${type.logicalType} has no Iceberg type here`)
    return logical
  }
  if (type.type === 'array' && type.items !== undefined) return listOf(type.items, nextId)
  if (type.type === 'map' && type.values !== undefined) return mapOf(type.values, nextId)
  return typeof type.type === 'string' ? primitiveOf(type.type) : typeOf(type.type, nextId)
}

const primitiveOf = (name: string): string => {
  const primitive = primitives[name]
  invariant(primitive !== undefined, `Avro type ${name} has no Iceberg type here`)
  return primitive
}

const listOf = (items: AvroType, nextId: () => number): IcebergList => {
  const { required, inner } = nullability(items)
  return {
    type: 'list',
    'element-id': nextId(),
    element: typeOf(inner, nextId),
    'element-required': required
  }
}

const mapOf = (values: AvroType, nextId: () => number): IcebergMap => {
  const { required, inner } = nullability(values)
  const [keyId, valueId] = [nextId(), nextId()]
  return {
    type: 'map',
    'key-id': keyId,
    key: 'string',
    'value-id': valueId,
    value: typeOf(inner, nextId),
    'value-required': required
  }
}

const typeWithNewIds = (type: IcebergType, nextId: () => number): IcebergType => {
  if (typeof type === 'string') return type
  if (type.type === 'struct') {
    return { ...type, fields: type.fields.map((field) => withNewIds(field, nextId)) }
  }
  if (type.type === 'list') {
    const elementId = nextId()
    return { ...type, 'element-id': elementId, element: typeWithNewIds(type.element, nextId) }
  }
  const [keyId, valueId] = [nextId(), nextId()]
  return {
    ...type,
    'key-id': keyId,
    'value-id': valueId,
    key: typeWithNewIds(type.key, nextId),
    value: typeWithNewIds(type.value, nextId)
  }
}

const idsOf = (type: IcebergType): readonly number[] => {
  if (typeof type === 'string') return []
  if (type.type === 'list') return [type['element-id'], ...idsOf(type.element)]
  if (type.type === 'map')
    return [type['key-id'], type['value-id'], ...idsOf(type.key), ...idsOf(type.value)]
  return type.fields.flatMap((field) => [field.id, ...idsOf(field.type)])
}
