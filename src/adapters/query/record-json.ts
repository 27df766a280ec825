/**
 * Records as text, written by the query engine: decimals digit by digit, never through a double;
 * times as ISO 8601 with microseconds and Z; lists and maps as JSON. `record-text.ts` writes the
 * same of records that are in no table.
 */

export interface RecordField {
  readonly name: string
  readonly type: unknown
}

/** In the order of the names; all where there are none. */
export const fieldsNamed = (
  fields: readonly RecordField[],
  names: readonly string[] | undefined
): readonly RecordField[] =>
  names?.flatMap((name) => fields.find((field) => field.name === name) ?? []) ?? fields

export interface RecordText {
  /** `csv`: one line of a file, without its end (RFC 4180). */
  readonly format: 'json' | 'csv'
  /** In JSON; CSV has no types. */
  readonly decimals: 'number' | 'string'
}

/** SQL expression over the table's columns: one record as text. */
export const recordTextSql = (fields: readonly RecordField[], text: RecordText): string =>
  text.format === 'csv' ? recordCsvSql(fields) : recordJsonSql(fields, text.decimals)

/** SQL expression over the table's columns: the record's fields as one JSON object, as text. */
export const recordJsonSql = (
  fields: readonly RecordField[],
  decimals: RecordText['decimals'] = 'number'
): string => recordLineSql(fields, { before: '', after: '' }, decimals)

/** What stands around a record; neither has a quote in it. */
export interface LineFrame {
  readonly before: string
  readonly after: string
}

/** The same with what stands around it. */
export const recordLineSql = (
  fields: readonly RecordField[],
  { before, after }: LineFrame,
  decimals: RecordText['decimals'] = 'number'
): string => {
  const members = fields.map(({ name, type }, index) => {
    const key = `${index === 0 ? `${before}{` : ','}"${name}":`
    return isNullable(type)
      ? `'${key}', coalesce(${jsonValueSql(`"${name}"`, shapeOf(type), decimals)}, 'null')`
      : memberSql(key, name, type, decimals)
  })
  return `concat(${members.join(', ')}, '}${after}')`
}

/**
 * A member with its key. Texts of few values lie in files as dictionaries, and what is made of such
 * a column alone is made once for each of its values, not for each row.
 */
const memberSql = (
  key: string,
  name: string,
  type: unknown,
  decimals: RecordText['decimals']
): string => {
  const shape = shapeOf(type)
  const value = jsonValueSql(`"${name}"`, shape, decimals)
  if (shape === 'timestamp-micros')
    return `strftime(${plainTimeSql(`"${name}"`)}, '${key}"${isoFormat}"')`
  const isOfFewValues = (shape === 'string' && !name.endsWith('_id')) || shape === 'enum'
  return isOfFewValues ? `'${key}' || ${value}` : `'${key}', ${value}`
}

const isNullable = (type: unknown): boolean => Array.isArray(type) && type.includes('null')

/** What is absent is an empty value, and so is an empty text. */
const recordCsvSql = (fields: readonly RecordField[]): string =>
  `concat_ws(',', ${fields
    .map(({ name, type }) => `coalesce(${csvValueSql(`"${name}"`, shapeOf(type))}, '')`)
    .join(', ')})`

const jsonValueSql = (
  column: string,
  shape: string,
  decimals: RecordText['decimals']
): string => {
  switch (shape) {
    case 'timestamp-micros':
      return `strftime(${plainTimeSql(column)}, '"${isoFormat}"')`
    case 'decimal':
      return decimals === 'string' ? `concat('"', ${column}, '"')` : `${column}::VARCHAR`
    case 'long':
      return `${column}::VARCHAR`
    default:
      return `to_json(${column})::VARCHAR`
  }
}

const csvValueSql = (column: string, shape: string): string => {
  switch (shape) {
    case 'timestamp-micros':
      return `strftime(${plainTimeSql(column)}, '${isoFormat}')`
    case 'decimal':
    case 'long':
    case 'boolean':
      return `${column}::VARCHAR`
    case 'array':
    case 'map':
      return quotedSql(`to_json(${column})::VARCHAR`)
    default:
      return quotedSql(column)
  }
}

/** Without a zone, since it is in UTC anyway: made into text by a calendar, a time costs thrice. */
const plainTimeSql = (column: string): string => `make_timestamp(epoch_us(${column}))`

const isoFormat = '%Y-%m-%dT%H:%M:%S.%fZ'

const quotedSql = (text: string): string =>
  `CASE WHEN regexp_matches(${text}, '[",\\r\\n]')
     THEN concat('"', replace(${text}, '"', '""'), '"') ELSE ${text} END`

/** Logical type, or type, of what is not null. */
export const shapeOf = (type: unknown): string => {
  if (typeof type === 'string') return type
  if (Array.isArray(type)) return shapeOf(type.find((member) => member !== 'null') ?? 'null')
  const node = type as { readonly type?: unknown; readonly logicalType?: unknown }
  return typeof node.logicalType === 'string' ? node.logicalType : shapeOf(node.type ?? 'null')
}
