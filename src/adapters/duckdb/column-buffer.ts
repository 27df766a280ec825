/**
 * Growable buffers, one per column, that hold a batch until it is written.
 *
 * 1. `set(row, …)` overwrites: a row that was refused half way leaves nothing behind.
 * 2. What is staged and `readSql` reads back is the value that was set, null included; `valueAt`
 *    gives it without DuckDB.
 */
import type { DuckDBType, DuckDBValue } from '@duckdb/node-api'
import type { Column } from './columns.ts'
import { MapBuffer } from './map-buffer.ts'
import { BooleanBuffer, DecimalBuffer, IntegerBuffer } from './number-buffers.ts'
import type { StagedColumn } from './staged-column.ts'
import { CodedBuffer, NumberedTextBuffer } from './text-buffers.ts'

export type FieldValue =
  null | string | number | bigint | boolean | readonly string[] | Readonly<Record<string, string>>

/** How a batch's column reaches the file. */
export interface Staging {
  /** What is put into the staging table. */
  readonly columns: readonly StagedColumn[]
  /** Expression over those that gives the column's value. */
  readonly readSql: string
  /** Parameters of that expression, by name. */
  readonly parameters: readonly StagingParameter[]
  /**
   * Least and greatest text of some rows by UTF-8 bytes, undefined if all are null; for columns of
   * which DuckDB tells no bounds.
   */
  readonly boundsOf?: (rows: Int32Array) => TextBounds | undefined
}

export interface TextBounds {
  readonly min: string
  readonly max: string
}

interface StagingParameter {
  readonly name: string
  readonly value: DuckDBValue
  readonly type: DuckDBType
}

/** The rows that are staged: 0 to `length` - 1. */
export interface StagedRows {
  readonly length: number
  /** `source_sequence`, NaN where there is none. */
  sequenceAt(row: number): number
}

export interface ColumnBuffer {
  readonly name: string
  /** `sequence`: the row's `source_sequence`. @throws DecimalOverflow */
  set(row: number, value: FieldValue, sequence: number | null): void
  /** What was set; `sequence` as then, NaN for null. */
  valueAt(row: number, sequence: number): FieldValue
  /** About: memory of a row, and of what rows share. */
  readonly rowBytes: number
  readonly textBytes: number
  staging(rows: StagedRows): Staging
  clear(): void
}

/** How columns are best held; every choice gives the same file. */
export interface ColumnHints {
  /** Texts that end in the record's own `source_sequence`. */
  readonly numbered: ReadonlySet<string>
  /** First key of a map column, whose value is another number in nearly every row. */
  readonly varyingKeys: Readonly<Record<string, string>>
}

export const makeColumnBuffer = (column: Column, hints: ColumnHints): ColumnBuffer => {
  switch (column.kind) {
    case 'text':
      return hints.numbered.has(column.name)
        ? new NumberedTextBuffer(column)
        : new CodedBuffer(column)
    case 'textList':
      return new CodedBuffer(column)
    case 'textMap':
      return new MapBuffer(column, hints.varyingKeys[column.name])
    case 'decimal':
      return new DecimalBuffer(column)
    case 'long':
    case 'timestamp':
      return new IntegerBuffer(column)
    case 'boolean':
      return new BooleanBuffer(column)
    default:
      return column satisfies never
  }
}
