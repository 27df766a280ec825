/**
 * Columns of texts and of lists of texts. What repeats is stored once and staged as a small code,
 * texts as DuckDB's own ENUM: Parquet's dictionary is then written without looking at them again.
 */
import { listValue } from '@duckdb/node-api'
import type { ColumnBuffer, FieldValue, StagedRows } from './column-buffer.ts'
import { type Column, identifier } from './columns.ts'
import { Codes, dictionaryStaging, keptTextBytes, stagedTexts } from './text-codes.ts'

/** Texts and lists of texts that repeat. */
export class CodedBuffer implements ColumnBuffer {
  readonly name: string
  readonly #column: Column
  readonly #codes = new Codes()
  /** Values of lists, in the order of their codes. */
  #lists: Array<readonly string[]> = []
  readonly rowBytes = this.#codes.rowBytes

  constructor(column: Column) {
    this.name = column.name
    this.#column = column
  }

  get textBytes(): number {
    return this.#codes.textBytes
  }

  set(row: number, value: FieldValue): void {
    this.setCode(row, value === null ? 0 : this.codeOf(value as string | readonly string[]))
  }

  /** Code of a value until `clear`; for rows that are known to repeat it. */
  codeOf(value: string | readonly string[]): number {
    if (typeof value === 'string') return this.#codes.codeOf(value)
    const code = this.#codes.codeOf(JSON.stringify(value))
    if (code > this.#lists.length) this.#lists.push(value)
    return code
  }

  setCode(row: number, code: number): void {
    this.#codes.put(row, code)
  }

  valueAt(row: number): string | readonly string[] | null {
    if (this.#column.kind === 'text') return this.#codes.textAt(row)
    const code = this.#codes.at(row)
    return code === 0 ? null : this.#lists[code - 1]!
  }

  staging() {
    const { name } = this
    if (this.#column.kind === 'textList') {
      const lists = this.#lists.map((list) => listValue(list))
      return dictionaryStaging(this.#column, this.#codes, lists)
    }
    return this.#codes.isEnum
      ? {
          ...this.#codes.asEnum(name),
          parameters: [],
          boundsOf: (rows: Int32Array) => this.#codes.boundsOf(rows)
        }
      : {
          columns: [stagedTexts(name, (row) => this.#codes.textAt(row))],
          readSql: identifier(name),
          parameters: []
        }
  }

  clear(): void {
    this.#codes.clear()
    this.#lists = []
  }
}

/** Texts that end in the row's `source_sequence`: only what stands before it is stored. */
export class NumberedTextBuffer implements ColumnBuffer {
  readonly name: string
  readonly #prefixes = new Codes()
  /** Texts of rows that do not end so; from the first one on they are all staged as they are. */
  readonly #others = new Map<number, string>()
  readonly rowBytes = this.#prefixes.rowBytes
  #othersBytes = 0

  constructor(column: Column) {
    this.name = column.name
  }

  get textBytes(): number {
    return this.#prefixes.textBytes + this.#othersBytes
  }

  set(row: number, value: FieldValue, sequence: number | null): void {
    const text = value as string
    const suffix = sequence === null ? undefined : String(sequence)
    if (suffix !== undefined && text.endsWith(suffix)) {
      this.setPrefix(row, this.codeOf(text.slice(0, -suffix.length)))
    } else {
      this.#others.set(row, text)
      this.#othersBytes += text.length + keptTextBytes
    }
  }

  /** Code of a prefix until `clear`. */
  codeOf(prefix: string): number {
    return this.#prefixes.codeOf(prefix)
  }

  setPrefix(row: number, prefixCode: number): void {
    this.#prefixes.put(row, prefixCode)
    if (this.#others.size > 0) this.#others.delete(row)
  }

  valueAt(row: number, sequence: number): string {
    return this.#others.get(row) ?? `${this.#prefixes.textAt(row)}${sequence}`
  }

  staging(rows: StagedRows) {
    const { name } = this
    const isRegular = this.#others.size === 0 && this.#prefixes.isEnum
    const textAt = (row: number) => this.valueAt(row, rows.sequenceAt(row))
    if (isRegular) {
      const { columns, readSql } = this.#prefixes.asEnum(name)
      return { columns, readSql: `${readSql} || "source_sequence"`, parameters: [] }
    }
    return { columns: [stagedTexts(name, textAt)], readSql: identifier(name), parameters: [] }
  }

  clear(): void {
    this.#prefixes.clear()
    this.#others.clear()
    this.#othersBytes = 0
  }
}
