/**
 * Texts that repeat, held once each, by small codes: what columns of texts, lists and maps share.
 *
 * 1. A dictionary that cannot be an ENUM, by its size or by a text that SQL cannot spell, is staged
 *    as plain texts: slower, and the same file.
 */
import {
  type DuckDBListValue,
  type DuckDBMapValue,
  type DuckDBType,
  ENUM16,
  ENUM8,
  LIST,
  listValue,
  VARCHAR
} from '@duckdb/node-api'
import type { TextBounds } from './column-buffer.ts'
import { codeType, type Column, duckdbTypeOf, identifier, textLiteral } from './columns.ts'
import { chunkRowsMax, type StagedColumn, validityBits } from './staged-column.ts'

const rowsInitial = 1_024
/** A longer list of texts costs more to declare than it saves. */
export const enumValuesMax = 4_096
const enum8ValuesMax = 255

/** Of a text that is kept, beside its characters: its place in a list and in a map. */
export const keptTextBytes = 96

/** Codes of a column's rows: 0 is null, others are 1 + the place among the values. */
export class Codes {
  #codes = new Int32Array(rowsInitial)
  #codeByText = new Map<string, number>()
  #texts: string[] = []
  #isSpellable = true
  #hasNull = false
  /** About: memory of a row, and of the texts. */
  readonly rowBytes = 4
  #textBytes = 0

  get textBytes(): number {
    return this.#textBytes
  }

  /** Distinct texts, in the order of their codes. */
  get texts(): readonly string[] {
    return this.#texts
  }

  /** Whether the texts can be an ENUM (1). */
  get isEnum(): boolean {
    return this.#isSpellable && this.#texts.length > 0 && this.#texts.length <= enumValuesMax
  }

  /** The code of all rows, where they share one that is not null. */
  get onlyCode(): number | undefined {
    return this.#texts.length === 1 && !this.#hasNull ? 1 : undefined
  }

  codeOf(text: string): number {
    const known = this.#codeByText.get(text)
    if (known !== undefined) return known
    this.#texts.push(text)
    this.#textBytes += text.length + keptTextBytes
    this.#isSpellable &&= !text.includes('\u0000') && text.isWellFormed()
    this.#codeByText.set(text, this.#texts.length)
    return this.#texts.length
  }

  put(row: number, code: number): void {
    if (row >= this.#codes.length) {
      const larger = new Int32Array(Math.max(this.#codes.length * 2, row + 1))
      larger.set(this.#codes)
      this.#codes = larger
    }
    this.#codes[row] = code
    if (code === 0) this.#hasNull = true
  }

  at(row: number): number {
    return this.#codes[row]!
  }

  textAt(row: number): string | null {
    const code = this.#codes[row]!
    return code === 0 ? null : this.#texts[code - 1]!
  }

  clear(): void {
    this.#codeByText = new Map()
    this.#texts = []
    this.#isSpellable = true
    this.#hasNull = false
    this.#textBytes = 0
  }

  boundsOf(rows: Int32Array): TextBounds | undefined {
    const isSeen = new Uint8Array(this.#texts.length + 1)
    for (const row of rows) isSeen[this.#codes[row]!] = 1
    const seen = this.#texts
      .filter((_, index) => isSeen[index + 1] === 1)
      .map((text) => ({ text, bytes: Buffer.from(text, 'utf8') }))
      .sort((one, other) => Buffer.compare(one.bytes, other.bytes))
    const [first] = seen
    return first === undefined ? undefined : { min: first.text, max: seen.at(-1)!.text }
  }

  /** The texts as an ENUM: a column of the staging table, or a constant that needs no place. */
  asEnum(name: string): EnumStaging {
    const sqlType = `ENUM(${this.#texts.map(textLiteral).join(', ')})`
    return this.onlyCode === undefined
      ? { columns: [this.#stagedEnum(name, sqlType)], readSql: identifier(name) }
      : { columns: [], readSql: `${textLiteral(this.#texts[0]!)}::${sqlType}` }
  }

  #stagedEnum(name: string, sqlType: string): StagedColumn {
    const isShort = this.#texts.length <= enum8ValuesMax
    const scratch = isShort ? new Uint8Array(chunkRowsMax) : new Uint16Array(chunkRowsMax)
    return {
      name,
      type: isShort ? ENUM8(this.#texts) : ENUM16(this.#texts),
      sqlType,
      stage: (target, { order, from, count }) => {
        const codes = this.#codes
        for (let index = 0; index < count; index++) {
          const code = codes[order[from + index]!]!
          scratch[index] = code === 0 ? 0 : code - 1
        }
        target.copy(scratch, count * scratch.BYTES_PER_ELEMENT)
        if (!this.#hasNull) return
        target.copyValidity(validityBits(count, (index) => codes[order[from + index]!] !== 0))
      }
    }
  }

  /** The codes themselves. */
  stagedCodes(name: string, type: DuckDBType): StagedColumn {
    const scratch = new Int32Array(chunkRowsMax)
    return {
      name,
      type,
      sqlType: type.toString(),
      stage: (target, { order, from, count }) => {
        for (let index = 0; index < count; index++) {
          scratch[index] = this.#codes[order[from + index]!]!
        }
        target.copy(scratch, count * 4)
      }
    }
  }
}

interface EnumStaging {
  readonly columns: readonly StagedColumn[]
  /** Expression that gives the texts. */
  readonly readSql: string
}

export const stagedTexts = (
  name: string,
  textOfRow: (row: number) => string | null
): StagedColumn => ({
  name,
  type: VARCHAR,
  sqlType: 'VARCHAR',
  stage: (target, { order, from, count }) =>
    target.setTexts(count, (index) => textOfRow(order[from + index]!))
})

/**
 * Codes into a list of values, which is bound to the statement that reads them.
 *
 * The only value of all rows is a constant only where it is empty: DuckDB's COPY fails on some
 * numbers of rows that share one list or map of a few entries ("not enough space in buffer").
 */
export const dictionaryStaging = (
  column: Column,
  codes: Codes,
  values: readonly (DuckDBListValue | DuckDBMapValue)[]
) => {
  const { name } = column
  const type = duckdbTypeOf(column)
  const only = codes.onlyCode === undefined ? undefined : values[codes.onlyCode - 1]
  const isConstant = only !== undefined && entriesOf(only) === 0
  const code = isConstant ? String(codes.onlyCode) : identifier(name)
  return {
    columns: isConstant ? [] : [codes.stagedCodes(name, codeType)],
    // Typed, the statement is planned once; an untyped parameter has it planned again at each run.
    readSql: `($${name}::${type.toString()}[])[${code}]`,
    parameters: [{ name, value: listValue(values), type: LIST(type) }]
  }
}

const entriesOf = (value: DuckDBListValue | DuckDBMapValue): number =>
  'items' in value ? value.items.length : value.entries.length
