/**
 * What a table's schema must become for the records that are to land in it (R52; spec, "Schema
 * Evolution"). Pure.
 *
 * 1. A column keeps its id, its type and whether it is required for ever: files name columns by id.
 * 2. A field that the table lacks becomes a column with an id of its own, behind all others. It
 *    must be one that may be absent: rows that are there already have none.
 * 3. A column that the records lack stays, and is null in new rows; so it must not be required.
 */
import { SchemaMismatch } from './errors.ts'
import type { TableMetadata } from './metadata.ts'
import { currentSchema } from './metadata.ts'
import {
  type AvroRecordSchema,
  icebergSchemaOf,
  lastColumnId,
  type IcebergField,
  type IcebergSchema,
  withNewIds
} from './schema.ts'

/**
 * The schema that takes the place of the current one, or null where that will do.
 * @throws SchemaMismatch where no schema holds both what is there and what is to come
 */
export const evolvedSchema = (
  table: string,
  metadata: TableMetadata,
  record: AvroRecordSchema
): IcebergSchema | null => {
  const current = currentSchema(metadata)
  const wanted = icebergSchemaOf(record)
  const columns = new Map(current.fields.map((it) => [it.name, it]))
  const added: IcebergField[] = []
  const refuse = (field: string, reason: string) => new SchemaMismatch({ table, field, reason })
  for (const field of wanted.fields) {
    const column = columns.get(field.name)
    if (column === undefined) {
      if (!isOptional(record, field.name)) throw refuse(field.name, missingReason)
      added.push(field)
    } else if (shapeOf(column) !== shapeOf(field)) {
      throw refuse(
        field.name,
        `is ${shapeOf(column)}, the record schema says ${shapeOf(field)}`
      )
    }
  }
  const names = new Set(wanted.fields.map(({ name }) => name))
  const unfilled = current.fields.find(({ name, required }) => required && !names.has(name))
  if (unfilled !== undefined) throw refuse(unfilled.name, 'is required, and records lack it')
  if (added.length === 0) return null
  const ids = [metadata['last-column-id'], ...metadata.schemas.map(lastColumnId)]
  let lastId = Math.max(...ids)
  const nextId = () => ++lastId
  return {
    ...current,
    'schema-id': Math.max(...metadata.schemas.map((it) => it['schema-id'])) + 1,
    fields: [...current.fields, ...added.map((field) => withNewIds(field, nextId))]
  }
}

const missingReason =
  'is missing, and only fields that may be absent can be added: a union of null and a type, with ' +
  'the default null'

/** Whether records that were written before the field was there can be read: by its default. */
const isOptional = ({ fields }: AvroRecordSchema, name: string): boolean => {
  const field = fields.find((it) => it.name === name)
  return (
    field !== undefined &&
    Array.isArray(field.type) &&
    field.type.includes('null') &&
    field.default === null
  )
}

/** A column apart from its ids. */
const shapeOf = ({ type, required }: IcebergField): string =>
  JSON.stringify([type, required], (key, value: unknown) =>
    key.endsWith('-id') ? undefined : value
  )
