/**
 * Maps as JSON, coded where they repeat. Where the first key's value is a number that differs from
 * row to row, the rest of the map repeats: it is coded, and the number staged beside it.
 */
import { type DuckDBMapValue, mapValue } from '@duckdb/node-api'
import { parse } from 'lossless-json'
import type { ColumnBuffer, FieldValue, StagedRows } from './column-buffer.ts'
import { type Column, duckdbTypeOf, identifier, textLiteral } from './columns.ts'
import { IntegerBuffer } from './number-buffers.ts'
import { Codes, dictionaryStaging, enumValuesMax, stagedTexts } from './text-codes.ts'

/** A row that is named in a set. */
const otherBytes = 32

export class MapBuffer implements ColumnBuffer {
  readonly name: string
  readonly #column: Column
  readonly #varyingKey: string | undefined
  readonly #texts = new Codes()
  readonly #numbers: IntegerBuffer
  readonly #numberName: string
  /** Rows whose texts are whole maps, without such a number, or null. */
  readonly #others = new Set<number>()
  #hasNumbered = false
  readonly rowBytes: number

  constructor(column: Column, varyingKey: string | undefined) {
    this.name = column.name
    this.#column = column
    this.#varyingKey = varyingKey
    this.#numberName = `${column.name}.number`
    this.#numbers = new IntegerBuffer({ name: this.#numberName, kind: 'long', isNullable: false })
    this.rowBytes = this.#texts.rowBytes + this.#numbers.rowBytes
  }

  get textBytes(): number {
    return this.#texts.textBytes + this.#others.size * otherBytes
  }

  set(row: number, value: FieldValue): void {
    const map = value as Readonly<Record<string, string>> | null
    const number = map === null ? undefined : this.#numberIn(map)
    if (map !== null && number !== undefined) {
      this.setNumbered(row, this.codeOf(map), number)
      return
    }
    this.#texts.put(row, map === null ? 0 : this.#texts.codeOf(JSON.stringify(wellFormed(map))))
    this.#others.add(row)
  }

  /** Code, until `clear`, of what follows the varying value in the map's JSON. */
  codeOf(map: Readonly<Record<string, string>>): number {
    const { [this.#varyingKey!]: _, ...rest } = map
    const json = JSON.stringify(wellFormed(rest)).slice(1)
    return this.#texts.codeOf(json === '}' ? '"}' : `",${json}`)
  }

  setNumbered(row: number, tailCode: number, number: number): void {
    this.#texts.put(row, tailCode)
    this.#numbers.setNumber(row, number)
    this.#hasNumbered = true
    if (this.#others.size > 0) this.#others.delete(row)
  }

  staging(rows: StagedRows) {
    const type = duckdbTypeOf(this.#column).toString()
    if (this.#others.size === 0 && this.#texts.isEnum) {
      const tails = this.#texts.asEnum(this.name)
      const head = textLiteral(this.#head)
      const json = `${head} || ${identifier(this.#numberName)} || ${tails.readSql}`
      return {
        columns: [...tails.columns, ...this.#numbers.staging(rows).columns],
        readSql: `json_transform(${json}, '"${type}"')`,
        parameters: []
      }
    }
    const { texts } = this.#texts
    if (!this.#hasNumbered && texts.length <= enumValuesMax && texts.every(isPlain)) {
      return dictionaryStaging(this.#column, this.#texts, texts.map(mapOfJson))
    }
    return {
      columns: [stagedTexts(this.name, (row) => this.#jsonAt(row))],
      readSql: `${identifier(this.name)}::JSON::${type}`,
      parameters: []
    }
  }

  valueAt(row: number): Readonly<Record<string, string>> | null {
    const json = this.#jsonAt(row)
    return json === null ? null : mapIn(json)
  }

  #jsonAt(row: number): string | null {
    const text = this.#texts.textAt(row)
    return this.#others.has(row) ? text : `${this.#head}${this.#numbers.at(row)}${text}`
  }

  /** The JSON before the varying value. */
  get #head(): string {
    return `{${JSON.stringify(this.#varyingKey)}:"`
  }

  /** The first key's value, if it is a number that its digits are the only spelling of. */
  #numberIn(map: Readonly<Record<string, string>>): number | undefined {
    const [key, text] = Object.entries(map)[0] ?? []
    if (key === undefined || key !== this.#varyingKey) return undefined
    const number = Number(text)
    return Number.isSafeInteger(number) && String(number) === text ? number : undefined
  }

  clear(): void {
    this.#texts.clear()
    this.#others.clear()
    this.#numbers.clear()
    this.#hasNumbered = false
  }
}

/**
 * V8 takes a key that begins with an escape for a lone backslash, where it has just seen one such
 * as that: `{"a":"","\\u0000":""}` behind `{"a":"","\\\\":""}`.
 */
const mapIn = (json: string): Readonly<Record<string, string>> =>
  (json.includes('\\') ? parse(json) : JSON.parse(json)) as Readonly<Record<string, string>>

/** Of printable ASCII without escapes: the binding changes a key that is NUL, for one. */
const isPlain = (json: string): boolean => /^[ -[\]-~]*$/.test(json)

const mapOfJson = (json: string): DuckDBMapValue =>
  mapValue(
    Object.entries(JSON.parse(json) as Readonly<Record<string, string>>).map(([key, value]) => ({
      key,
      value
    }))
  )

/** A lone surrogate becomes U+FFFD, as in any text that is written as UTF-8. */
const wellFormed = (map: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.entries(map).every(([key, text]) => key.isWellFormed() && text.isWellFormed())
    ? map
    : Object.fromEntries(
        Object.entries(map).map(([key, text]) => [key.toWellFormed(), text.toWellFormed()])
      )
