/**
 * Records in memory as text: byte for byte what the query engine writes by `recordTextSql` of the
 * same records in a table.
 *
 * 1. JSON is escaped as DuckDB does: its hexadecimal digits are upper case.
 * 2. A lone surrogate is U+FFFD, as in any text that DuckDB has.
 */
import { csvCell } from '../../market/csv-text.ts'
import { formatDecimal } from '../../market/decimal.ts'
import { type RecordField, type RecordText, shapeOf } from './record-json.ts'

/** Of a field; microseconds for times, decimals scaled by 10^8. */
type RecordValue =
  null | string | number | bigint | boolean | readonly string[] | Readonly<Record<string, string>>

/** Rows of a table in memory. */
export interface RowValues {
  /** By the name of a column. */
  readonly valueOf: (name: string) => (row: number) => RecordValue
}

/** Rows to texts. */
export type TextOfRows = (rows: RowValues) => (row: number) => string

export const recordTextOf = (
  fields: readonly RecordField[],
  { format, decimals }: RecordText
): TextOfRows => {
  const write = format === 'csv' ? csvWriter : jsonWriter(decimals)
  const [before, between, after] = format === 'csv' ? ['', ',', ''] : ['{', ',', '}']
  const members = fields.map(({ name, type }, index) => ({
    name,
    start: `${index === 0 ? before : between}${format === 'csv' ? '' : `"${name}":`}`,
    write: write(shapeOf(type))
  }))
  return (rows) => {
    const values = members.map(({ name }) => rows.valueOf(name))
    return (row) => {
      let text = ''
      for (let index = 0; index < members.length; index++) {
        const member = members[index]!
        text += member.start + member.write(values[index]!(row))
      }
      return text + after
    }
  }
}

type Writer = (value: RecordValue) => string

const jsonWriter =
  (decimals: RecordText['decimals']) =>
  (shape: string): Writer => {
    const quote = shape === 'decimal' && decimals === 'string' ? '"' : ''
    const text = plainWriter(shape, '"')
    return text === undefined
      ? jsonText
      : (value) => (value === null ? 'null' : `${quote}${text(value)}${quote}`)
  }

const csvWriter = (shape: string): Writer => {
  const text =
    plainWriter(shape, '') ??
    (shape === 'array' || shape === 'map'
      ? (value: RecordValue) => csvCell(jsonText(value))
      : (value: RecordValue) => csvCell((value as string).toWellFormed()))
  return (value) => (value === null ? '' : text(value))
}

/** Of what has no characters to be escaped. */
const plainWriter = (shape: string, timeQuote: string): Writer | undefined => {
  switch (shape) {
    case 'timestamp-micros':
      return (value) => `${timeQuote}${isoTime(value as number)}${timeQuote}`
    case 'decimal':
      return (value) => formatDecimal(value as bigint)
    case 'long':
    case 'boolean':
      return String
    default:
      return undefined
  }
}

/** ISO 8601, to the microsecond. Records that are read together are of few seconds. */
const isoTime = (us: number): string => {
  const second = Math.floor(us / 1_000_000)
  if (second !== lastSecond.second) {
    const text = new Date(second * 1_000).toISOString().slice(0, -'000Z'.length)
    lastSecond = { second, text }
  }
  return `${lastSecond.text}${String(us - second * 1_000_000).padStart(6, '0')}Z`
}

let lastSecond = { second: Number.NaN, text: '' }

const jsonText = (value: RecordValue): string => {
  const json = JSON.stringify(typeof value === 'string' ? value.toWellFormed() : value)
  return json.includes('\\u') ? json.replaceAll(escaped, upperCase) : json
}

/** Escapes, each as a whole: of two backslashes the second one begins none. */
const escaped = /\\(?:u[0-9a-f]{4}|.)/g

/** (1), (2) */
const upperCase = (escape: string): string => {
  if (escape[1] !== 'u') return escape
  return escape.startsWith('\\ud') ? '\u{fffd}' : `\\u${escape.slice(2).toUpperCase()}`
}
