/**
 * Columns of texts, lists and maps. What repeats is stored once and staged as a small code, for
 * texts DuckDB's own ENUM, so that Parquet's dictionary is written without looking at texts again.
 *
 * 1. A dictionary that cannot be an ENUM, by its size or by a text that SQL cannot spell, is staged
 *    as plain texts: slower, and the same file.
 */
import {
  type DuckDBType,
  type DuckDBValue,
  ENUM16,
  ENUM8,
  LIST,
  listValue,
  VARCHAR
} from '@duckdb/node-api'
import type { ColumnBuffer, FieldValue, StagedRows, TextBounds } from './column-buffer.ts'
import { codeType, type Column, duckdbTypeOf, identifier, textLiteral } from './columns.ts'
import { IntegerBuffer } from './number-buffers.ts'
import { chunkRowsMax, type StagedColumn, validityBits } from './staged-column.ts'

const rowsInitial = 1_024
/** A longer list of texts costs more to declare than it saves. */
const enumValuesMax = 4_096
const enum8ValuesMax = 255

/** Codes of a column's rows: 0 is null, others are 1 + the place among the values. */
class Codes {
  #codes = new Int32Array(rowsInitial)
  #codeByText = new Map<string, number>()
  #texts: string[] = []
  #isSpellable = true
  #hasNull = false

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

const stagedTexts = (name: string, textOfRow: (row: number) => string | null): StagedColumn => ({
  name,
  type: VARCHAR,
  sqlType: 'VARCHAR',
  stage: (target, { order, from, count }) =>
    target.setTexts(count, (index) => textOfRow(order[from + index]!))
})

/** Texts and lists of texts that repeat. */
export class CodedBuffer implements ColumnBuffer {
  readonly name: string
  readonly #column: Column
  readonly #codes = new Codes()
  /** Values of lists, in the order of their codes. */
  #lists: Array<readonly string[]> = []

  constructor(column: Column) {
    this.name = column.name
    this.#column = column
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

/** Codes into a list of values, which is bound to the statement that reads them. */
const dictionaryStaging = (column: Column, codes: Codes, values: readonly DuckDBValue[]) => {
  const { name } = column
  const type = duckdbTypeOf(column)
  const { onlyCode } = codes
  const code = onlyCode === undefined ? identifier(name) : String(onlyCode)
  return {
    columns: onlyCode === undefined ? [codes.stagedCodes(name, codeType)] : [],
    // Typed, the statement is planned once; an untyped parameter has it planned again at each run.
    readSql: `($${name}::${type.toString()}[])[${code}]`,
    parameters: [{ name, value: listValue(values), type: LIST(type) }]
  }
}

/** Texts that end in the row's `source_sequence`: only what stands before it is stored. */
export class NumberedTextBuffer implements ColumnBuffer {
  readonly name: string
  readonly #prefixes = new Codes()
  /** Texts of rows that do not end so; from the first one on they are all staged as they are. */
  readonly #others = new Map<number, string>()

  constructor(column: Column) {
    this.name = column.name
  }

  set(row: number, value: FieldValue, sequence: number | null): void {
    const text = value as string
    const suffix = sequence === null ? undefined : String(sequence)
    if (suffix !== undefined && text.endsWith(suffix)) {
      this.setPrefix(row, this.codeOf(text.slice(0, -suffix.length)))
    } else {
      this.#others.set(row, text)
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

  staging(rows: StagedRows) {
    const { name } = this
    const isRegular = this.#others.size === 0 && this.#prefixes.isEnum
    const textAt = (row: number) =>
      this.#others.get(row) ?? `${this.#prefixes.textAt(row)}${rows.sequenceAt(row)}`
    if (isRegular) {
      const { columns, readSql } = this.#prefixes.asEnum(name)
      return { columns, readSql: `${readSql} || "source_sequence"`, parameters: [] }
    }
    return { columns: [stagedTexts(name, textAt)], readSql: identifier(name), parameters: [] }
  }

  clear(): void {
    this.#prefixes.clear()
    this.#others.clear()
  }
}

/**
 * Maps as JSON. Where one key's value is a number that differs from row to row, the rest of the map
 * is the same in many rows: it is coded, and the number staged beside it.
 */
export class MapBuffer implements ColumnBuffer {
  readonly name: string
  readonly #column: Column
  readonly #varyingKey: string | undefined
  readonly #heads = new Codes()
  readonly #numbers: IntegerBuffer
  readonly #numberName: string
  /** Rows whose maps are whole in their head: without such a number, or null. */
  readonly #others = new Set<number>()

  constructor(column: Column, varyingKey: string | undefined) {
    this.name = column.name
    this.#column = column
    this.#varyingKey = varyingKey
    this.#numberName = `${column.name}.number`
    this.#numbers = new IntegerBuffer({ name: this.#numberName, kind: 'long', isNullable: false })
  }

  set(row: number, value: FieldValue): void {
    const map = value as Readonly<Record<string, string>> | null
    const number = map === null ? undefined : this.#numberIn(map)
    if (map !== null && number !== undefined) {
      this.setNumbered(row, this.codeOf(map), number)
      return
    }
    this.#heads.put(row, map === null ? 0 : this.#heads.codeOf(JSON.stringify(wellFormed(map))))
    this.#others.add(row)
  }

  /** Code, until `clear`, of all of the map but the varying value. */
  codeOf(map: Readonly<Record<string, string>>): number {
    const { [this.#varyingKey!]: _, ...rest } = map
    const json = JSON.stringify(wellFormed(rest)).slice(0, -1)
    const comma = json.length > 1 ? ',' : ''
    return this.#heads.codeOf(`${json}${comma}${JSON.stringify(this.#varyingKey)}:"`)
  }

  setNumbered(row: number, headCode: number, number: number): void {
    this.#heads.put(row, headCode)
    this.#numbers.setNumber(row, number)
    if (this.#others.size > 0) this.#others.delete(row)
  }

  staging(rows: StagedRows) {
    const type = duckdbTypeOf(this.#column).toString()
    if (this.#others.size === 0 && this.#heads.isEnum) {
      const heads = this.#heads.asEnum(this.name)
      const json = `${heads.readSql} || ${identifier(this.#numberName)} || '"}'`
      return {
        columns: [...heads.columns, ...this.#numbers.staging(rows).columns],
        readSql: `json_transform(${json}, '"${type}"')`,
        parameters: []
      }
    }
    return {
      columns: [stagedTexts(this.name, (row) => this.#jsonAt(row))],
      readSql: `${identifier(this.name)}::JSON::${type}`,
      parameters: []
    }
  }

  #jsonAt(row: number): string | null {
    const head = this.#heads.textAt(row)
    return this.#others.has(row) ? head : `${head}${this.#numbers.at(row)}"}`
  }

  /** The varying value, if it is a number that its digits are the only spelling of. */
  #numberIn(map: Readonly<Record<string, string>>): number | undefined {
    if (this.#varyingKey === undefined) return undefined
    const text = Object.hasOwn(map, this.#varyingKey) ? map[this.#varyingKey]! : ''
    const number = Number(text)
    return Number.isSafeInteger(number) && String(number) === text ? number : undefined
  }

  clear(): void {
    this.#heads.clear()
    this.#others.clear()
    this.#numbers.clear()
  }
}


/** A lone surrogate becomes U+FFFD, as in any text that is written as UTF-8. */
const wellFormed = (map: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.entries(map).every(([key, text]) => key.isWellFormed() && text.isWellFormed())
    ? map
    : Object.fromEntries(
        Object.entries(map).map(([key, text]) => [key.toWellFormed(), text.toWellFormed()])
      )
