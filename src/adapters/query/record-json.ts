/**
 * A record as JSON text, written by the query engine: decimals digit by digit as JSON numbers,
 * never through a double; times as ISO 8601 with microseconds and Z; lists and maps as JSON.
 */

export interface RecordField {
  readonly name: string
  readonly type: unknown
}

/** SQL expression over the table's columns: the record's fields as one JSON object, as text. */
export const recordJsonSql = (fields: readonly RecordField[]): string => {
  const members = fields.map(({ name, type }, index) => {
    const key = `'${index === 0 ? '{' : ','}"${name}":'`
    return `${key}, coalesce(${valueSql(`"${name}"`, type)}, 'null')`
  })
  return `concat(${members.join(', ')}, '}')`
}

const valueSql = (column: string, type: unknown): string => {
  switch (shapeOf(type)) {
    case 'timestamp-micros':
      return `strftime(${column}, '"%Y-%m-%dT%H:%M:%S.%fZ"')`
    case 'decimal':
    case 'long':
      return `${column}::VARCHAR`
    default:
      return `to_json(${column})::VARCHAR`
  }
}

/** Logical type, or type, of what is not null. */
const shapeOf = (type: unknown): string => {
  if (typeof type === 'string') return type
  if (Array.isArray(type)) return shapeOf(type.find((member) => member !== 'null') ?? 'null')
  const node = type as { readonly type?: unknown; readonly logicalType?: unknown }
  return typeof node.logicalType === 'string' ? node.logicalType : shapeOf(node.type ?? 'null')
}
