/**
 * Maps as JSON, coded where they repeat. Where one key's value is a number that differs from row to
 * row, the rest of the map repeats: it is coded, and the number staged beside it.
 */
import { type DuckDBValue, mapValue } from '@duckdb/node-api'
import type { ColumnBuffer, FieldValue, StagedRows } from './column-buffer.ts'
import { type Column, duckdbTypeOf, identifier } from './columns.ts'
import { IntegerBuffer } from './number-buffers.ts'
import { Codes, dictionaryStaging, enumValuesMax, stagedTexts } from './text-codes.ts'

export class MapBuffer implements ColumnBuffer {
  readonly name: string
  readonly #column: Column
  readonly #varyingKey: string | undefined
  readonly #heads = new Codes()
  readonly #numbers: IntegerBuffer
  readonly #numberName: string
  /** Rows whose maps are whole in their head: without such a number, or null. */
  readonly #others = new Set<number>()
  #hasNumbered = false

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
    this.#hasNumbered = true
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
    if (!this.#hasNumbered && this.#heads.texts.length <= enumValuesMax) {
      return dictionaryStaging(this.#column, this.#heads, this.#heads.texts.map(mapOfJson))
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
    this.#hasNumbered = false
  }
}


const mapOfJson = (json: string): DuckDBValue =>
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
