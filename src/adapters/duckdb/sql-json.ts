/**
 * Values of DuckDB as JSON text.
 *
 * 1. Decimals and whole numbers are JSON numbers digit by digit, whatever their size.
 * 2. Times with a zone are ISO 8601 in UTC with microseconds and Z, those without have no Z.
 * 3. What JSON has no form for — NaN, intervals, blobs — is text as DuckDB writes it.
 */
import {
  DuckDBArrayValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBUnionValue,
  type DuckDBValue
} from '@duckdb/node-api'

export const jsonOf = (value: DuckDBValue): string => {
  if (value === null) return 'null'
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  if (typeof value === 'number')
    return Number.isFinite(value) ? String(value) : JSON.stringify(String(value))
  return typeof value === 'string' ? JSON.stringify(value) : jsonOfObject(value)
}

const jsonOfObject = (value: Exclude<DuckDBValue, null | string | number | bigint | boolean>) => {
  if (value instanceof DuckDBDecimalValue) return value.toString()
  if (value instanceof DuckDBTimestampTZValue) return timeJson(value.micros, 'Z', value)
  if (value instanceof DuckDBTimestampValue) return timeJson(value.micros, '', value)
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue)
    return `[${value.items.map(jsonOf).join(',')}]`
  if (value instanceof DuckDBStructValue) return objectJson(Object.entries(value.entries))
  if (value instanceof DuckDBUnionValue) return objectJson([[value.tag, value.value]])
  if (value instanceof DuckDBMapValue) return mapJson(value)
  return JSON.stringify(String(value))
}

/** An object where the keys are texts, else a list of pairs. */
const mapJson = ({ entries }: DuckDBMapValue): string => {
  if (entries.every(({ key }) => typeof key === 'string'))
    return objectJson(entries.map(({ key, value }) => [String(key), value]))
  const pairs = entries.map(({ key, value }) =>
    objectJson([
      ['key', key],
      ['value', value]
    ])
  )
  return `[${pairs.join(',')}]`
}

const objectJson = (entries: ReadonlyArray<readonly [string, DuckDBValue]>): string =>
  `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${jsonOf(value)}`).join(',')}}`

/** What a Date can hold, in seconds. */
const secondsMax = 8_640_000_000_000n

const timeJson = (micros: bigint, zone: string, value: { toString(): string }): string => {
  const rest = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n
  const seconds = (micros - rest) / 1_000_000n
  if (seconds > secondsMax || seconds < -secondsMax) return JSON.stringify(value.toString())
  const iso = new Date(Number(seconds) * 1_000).toISOString().replace(/\.\d+Z$/, '')
  return `"${iso}.${String(rest).padStart(6, '0')}${zone}"`
}
