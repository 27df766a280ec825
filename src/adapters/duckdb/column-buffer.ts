/**
 * Growable buffers, one per column, that hold a batch until it is written. Numbers lie in typed
 * arrays; text that repeats (symbol, side, currency) is stored once and staged as a small integer,
 * because handing a string to DuckDB costs about ten times what a number does.
 *
 * 1. `set(row, …)` overwrites: a row that was refused half way leaves nothing behind.
 * 2. What `fill` stages and `readSql` reads back is the value that was set, null included.
 */
import {
  BIGINT,
  DuckDBDecimalValue,
  DuckDBTimestampTZValue,
  type DuckDBType,
  type DuckDBValue,
  type DuckDBVector,
  LIST,
  VARCHAR,
  listValue
} from '@duckdb/node-api'
import { DecimalOverflow, fitsDecimal, formatDecimal } from '../../market/decimal.ts'
import { type Column, codeType, duckdbTypeOf, identifier } from './columns.ts'

export type FieldValue =
  null | string | number | bigint | readonly string[] | Readonly<Record<string, string>>

/** Values that coded columns refer to, bound as a parameter of the statement that reads them. */
interface Dictionary {
  readonly value: DuckDBValue
  readonly type: DuckDBType
}

export interface ColumnBuffer {
  readonly name: string
  readonly stagedType: DuckDBType
  /** Bytes held, estimated. */
  readonly bytes: number
  /** @throws DecimalOverflow */
  set(row: number, value: FieldValue): void
  /** Copies rows [from, from + count) into a vector of the staged type, from its first item on. */
  fill(vector: DuckDBVector, from: number, count: number): void
  /** Expression that turns the staged value into the column's; `$name` is its dictionary. */
  readonly readSql: string
  readonly dictionary: (() => Dictionary) | undefined
  clear(): void
}

/** `isUnique` columns are not coded: most of their values occur once. */
export const makeColumnBuffer = (column: Column, isUnique: boolean): ColumnBuffer => {
  switch (column.kind) {
    case 'text':
      return isUnique ? new TextBuffer(column) : new CodedBuffer(column, (text) => text)
    case 'textList':
      return new CodedBuffer(column, JSON.stringify)
    case 'textMap':
      return new MapBuffer(column)
    case 'decimal':
      return new DecimalBuffer(column)
    case 'long':
    case 'timestamp':
      return new IntegerBuffer(column)
    default:
      return column satisfies never
  }
}

const rowsInitial = 1_024

class TextBuffer implements ColumnBuffer {
  readonly name: string
  readonly stagedType = VARCHAR
  readonly readSql: string
  readonly dictionary = undefined
  bytes = 0
  private texts: Array<string | null> = []

  constructor({ name }: Column) {
    this.name = name
    this.readSql = identifier(name)
  }

  set(row: number, value: FieldValue): void {
    const text = value as string | null
    this.texts[row] = text
    this.bytes += text === null ? 8 : text.length + 24
  }

  fill(vector: DuckDBVector, from: number, count: number): void {
    for (let index = 0; index < count; index++) vector.setItem(index, this.texts[from + index]!)
  }

  clear(): void {
    this.texts = []
    this.bytes = 0
  }
}

/** A map travels as JSON text: one string instead of a value object per entry. */
class MapBuffer extends TextBuffer {
  override readonly readSql: string

  constructor(column: Column) {
    super(column)
    this.readSql = `${identifier(column.name)}::JSON::MAP(VARCHAR, VARCHAR)`
  }

  override set(row: number, value: FieldValue): void {
    super.set(row, value === null ? null : wellFormed(JSON.stringify(value), value))
  }
}

/** A lone surrogate becomes U+FFFD, as in any text that is written as UTF-8. */
const wellFormed = (json: string, value: FieldValue): string => {
  if (!json.includes('\\ud')) return json
  const entries = Object.entries(value as Readonly<Record<string, string>>)
  return JSON.stringify(
    Object.fromEntries(entries.map(([key, text]) => [asUtf8(key), asUtf8(text)]))
  )
}

const asUtf8 = (text: string): string => Buffer.from(text, 'utf8').toString('utf8')

/** Repeating text or text lists; code 0 is null. */
class CodedBuffer implements ColumnBuffer {
  readonly name: string
  readonly stagedType = codeType
  readonly readSql: string
  readonly dictionary: () => Dictionary
  private codes = new Int32Array(rowsInitial)
  private codeByKey = new Map<string, number>()
  private values: FieldValue[] = []
  private dictionaryBytes = 0
  private readonly keyOf: (value: string) => string

  /** `keyOf` tells values apart. */
  constructor(column: Column, keyOf: (value: string) => string) {
    this.name = column.name
    // Typed, the statement is planned once; an untyped parameter has it planned again at each run.
    const type = `${duckdbTypeOf(column).toString()}[]`
    this.readSql = `($${column.name}::${type})[${identifier(column.name)}]`
    this.keyOf = keyOf
    const isList = column.kind === 'textList'
    this.dictionary = () => ({
      type: LIST(duckdbTypeOf(column)),
      value: listValue(
        isList
          ? (this.values as ReadonlyArray<readonly string[]>).map((items) => listValue(items))
          : (this.values as readonly string[])
      )
    })
  }

  get bytes(): number {
    return this.codes.byteLength + this.dictionaryBytes
  }

  set(row: number, value: FieldValue): void {
    if (row >= this.codes.length) this.codes = grown(this.codes, Int32Array)
    this.codes[row] = value === null ? 0 : this.codeOf(value)
  }

  fill(vector: DuckDBVector, from: number, count: number): void {
    for (let index = 0; index < count; index++) vector.setItem(index, this.codes[from + index]!)
  }

  clear(): void {
    this.codeByKey = new Map()
    this.values = []
    this.dictionaryBytes = 0
  }

  private codeOf(value: FieldValue): number {
    const key = this.keyOf(value as string)
    const known = this.codeByKey.get(key)
    if (known !== undefined) return known
    this.values.push(value)
    this.codeByKey.set(key, this.values.length)
    this.dictionaryBytes += key.length * 2 + 64
    return this.values.length
  }
}

/** Longs and timestamps: safe integers; NaN is null. */
class IntegerBuffer implements ColumnBuffer {
  readonly name: string
  readonly stagedType: DuckDBType
  readonly readSql: string
  readonly dictionary = undefined
  private numbers = new Float64Array(rowsInitial)
  private readonly itemOf: (value: bigint) => DuckDBValue

  constructor(column: Column) {
    this.name = column.name
    this.stagedType = duckdbTypeOf(column)
    this.readSql = identifier(column.name)
    this.itemOf =
      this.stagedType === BIGINT ? (value) => value : (us) => new DuckDBTimestampTZValue(us)
  }

  get bytes(): number {
    return this.numbers.byteLength
  }

  at(row: number): number {
    return this.numbers[row]!
  }

  set(row: number, value: FieldValue): void {
    if (row >= this.numbers.length) this.numbers = grown(this.numbers, Float64Array)
    this.numbers[row] = value === null ? Number.NaN : (value as number)
  }

  fill(vector: DuckDBVector, from: number, count: number): void {
    for (let index = 0; index < count; index++) {
      const value = this.numbers[from + index]!
      vector.setItem(index, Number.isNaN(value) ? null : this.itemOf(BigInt(value)))
    }
  }

  clear(): void {}
}

/** Scaled by the column's scale; null is the least 64-bit integer, which no decimal(18) reaches. */
class DecimalBuffer implements ColumnBuffer {
  readonly name: string
  readonly stagedType: DuckDBType
  readonly readSql: string
  readonly dictionary = undefined
  private scaled = new BigInt64Array(rowsInitial)
  private readonly precision: number
  private readonly scale: number

  constructor(column: Extract<Column, { kind: 'decimal' }>) {
    this.name = column.name
    this.stagedType = duckdbTypeOf(column)
    this.readSql = identifier(column.name)
    this.precision = column.precision
    this.scale = column.scale
  }

  get bytes(): number {
    return this.scaled.byteLength
  }

  set(row: number, value: FieldValue): void {
    if (row >= this.scaled.length) this.scaled = grown(this.scaled, BigInt64Array)
    const scaled = value as bigint | null
    // The vector would store a value of nineteen digits and the file would hold a wrong number.
    if (scaled !== null && !fitsDecimal(scaled))
      throw new DecimalOverflow({ text: formatDecimal(scaled) })
    this.scaled[row] = scaled ?? nullDecimal
  }

  fill(vector: DuckDBVector, from: number, count: number): void {
    for (let index = 0; index < count; index++) {
      const value = this.scaled[from + index]!
      vector.setItem(
        index,
        value === nullDecimal ? null : new DuckDBDecimalValue(value, this.precision, this.scale)
      )
    }
  }

  clear(): void {}
}

const nullDecimal = -(2n ** 63n)

const grown = <A extends Int32Array | Float64Array | BigInt64Array>(
  array: A,
  make: new (length: number) => A
): A => {
  const larger = new make(array.length * 2)
  ;(larger as Float64Array).set(array as Float64Array)
  return larger
}
