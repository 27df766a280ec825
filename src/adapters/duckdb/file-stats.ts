/**
 * Statistics of a written file, from the text that COPY … RETURN_STATS gives to typed values.
 *
 * 1. A bound is given only where it is exact: DuckDB cuts text bounds at 256 bytes, and a cut upper
 *    bound is below the value it should bound.
 * 2. Elements of lists and maps have counts and sizes, no bounds: readers do not prune by them.
 */
import { DuckDBMapValue, type DuckDBValue } from '@duckdb/node-api'
import { decimalPrecision, parseDecimal } from '../../market/decimal.ts'
import type { TextBounds } from './column-buffer.ts'
import { type Column, type FieldIds, fieldIdOf, leafPaths } from './columns.ts'

export interface ColumnStats {
  readonly fieldId: number
  /** Compressed bytes in the file. */
  readonly sizeBytes: number
  /** Nulls included. */
  readonly valueCount: number
  readonly nullCount: number
  /** Microseconds for timestamps, scaled for decimals, the value for longs; absent if unknown. */
  readonly min?: bigint | string
  readonly max?: bigint | string
}

/**
 * One per leaf column. `textBounds` are those that DuckDB does not tell, by column. Throws on what
 * DuckDB is not known to return: a defect, not a fault.
 */
export const columnStatsOf = (
  columns: readonly Column[],
  ids: FieldIds,
  returned: DuckDBValue,
  textBounds: ReadonlyMap<string, TextBounds>
): readonly ColumnStats[] => {
  const byPath = entriesOf(returned)
  const stats: ColumnStats[] = []
  for (const column of columns) {
    for (const path of leafPaths(column)) {
      const leaf = byPath.get(path.split('.').map(quoted).join('.'))
      if (leaf === undefined) continue
      stats.push({
        fieldId: fieldIdOf(ids, path),
        ...leafStats(column, entriesOf(leaf)),
        ...exactBounds(textBounds.get(path))
      })
    }
  }
  return stats
}

const textBoundBytesMax = 255

const exactBounds = (bounds: TextBounds | undefined): Partial<TextBounds> =>
  Object.fromEntries(
    Object.entries(bounds ?? {}).filter(([, text]) => isShort(text as string))
  )

const isShort = (text: string): boolean => Buffer.byteLength(text, 'utf8') <= textBoundBytesMax

const leafStats = (
  column: Column,
  entries: ReadonlyMap<string, DuckDBValue>
): Omit<ColumnStats, 'fieldId'> => {
  const text = (key: string): string | undefined => {
    const value = entries.get(key)
    return typeof value === 'string' ? value : undefined
  }
  const min = boundOf(column, text('min'))
  const max = boundOf(column, text('max'))
  return {
    sizeBytes: Number(text('column_size_bytes') ?? 0),
    valueCount: Number(text('num_values') ?? 0),
    nullCount: Number(text('null_count') ?? 0),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max })
  }
}

const boundOf = (column: Column, text: string | undefined): bigint | string | undefined => {
  if (text === undefined) return undefined
  switch (column.kind) {
    case 'text':
      return isShort(text) ? text : undefined
    case 'long':
      return BigInt(text)
    case 'decimal':
      // Nobody skips a file for a sum.
      return column.precision > decimalPrecision ? undefined : parseDecimal(text)
    case 'timestamp':
      return parseTimestamp(text)
    // Nobody skips a file for a truth value.
    case 'boolean':
    case 'textList':
    case 'textMap':
      return undefined
    default:
      return column satisfies never
  }
}

const timestampText = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?\+00$/

/** Microseconds of DuckDB's text in UTC, for example `2024-08-08 00:00:00.5+00`. */
const parseTimestamp = (text: string): bigint | undefined => {
  const match = timestampText.exec(text)
  if (match === null) return undefined
  const [, year, month, day, hour, minute, second, fraction = ''] = match
  const wholeMs = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second)
  )
  return BigInt(wholeMs) * 1_000n + BigInt(fraction.padEnd(6, '0'))
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

const entriesOf = (value: DuckDBValue): ReadonlyMap<string, DuckDBValue> => {
  if (!(value instanceof DuckDBMapValue)) throw new TypeError('DuckDB returned no statistics map')
  return new Map(value.entries.map((entry) => [String(entry.key), entry.value]))
}
