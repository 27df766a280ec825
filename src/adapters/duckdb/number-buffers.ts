/**
 * Columns of 64-bit integers, as two 32-bit words a row: longs, timestamps and decimals alike, in
 * the form in which DuckDB holds them. Words, because a bigint a value costs ten times as much.
 */
import { BIGINT, type DuckDBType } from '@duckdb/node-api'
import { DecimalOverflow, fitsDecimal, formatDecimal } from '../../market/decimal.ts'
import type { ColumnBuffer, FieldValue, StagedRows } from './column-buffer.ts'
import { type Column, duckdbTypeOf, identifier } from './columns.ts'
import { chunkRowsMax, type StagedColumn, validityBits } from './staged-column.ts'

const rowsInitial = 1_024
const wordLimit = 0x1_0000_0000
/** Two words, and whether it is null. */
const wordsBytes = 9

/** Words of a column, and which rows are null. */
class Words {
  #words = new Int32Array(rowsInitial * 2)
  #isNull = new Uint8Array(rowsInitial)
  #hasNull = false

  put(row: number, low: number, high: number): void {
    if (row >= this.#isNull.length) this.#grow(row)
    this.#words[row * 2] = low
    this.#words[row * 2 + 1] = high
    if (this.#hasNull) this.#isNull[row] = 0
  }

  putNull(row: number): void {
    this.put(row, 0, 0)
    this.#isNull[row] = 1
    this.#hasNull = true
  }

  at(row: number): number {
    return this.#words[row * 2 + 1]! * wordLimit + (this.#words[row * 2]! >>> 0)
  }

  bigintAt(row: number): bigint {
    const low = BigInt(this.#words[row * 2]! >>> 0)
    return (BigInt(this.#words[row * 2 + 1]!) << 32n) | low
  }

  isNullAt(row: number): boolean {
    return this.#isNull[row] === 1
  }

  isAllNull(rowCount: number): boolean {
    return this.#hasNull && this.#isNull.subarray(0, rowCount).every((flag) => flag === 1)
  }

  clear(): void {
    if (this.#hasNull) this.#isNull.fill(0)
    this.#hasNull = false
  }

  staged(name: string, type: DuckDBType): StagedColumn {
    return {
      name,
      type,
      sqlType: type.toString(),
      stage: (target, { order, from, count }) => {
        const words = this.#words
        for (let index = 0; index < count; index++) {
          const row = order[from + index]!
          scratch[index * 2] = words[row * 2]!
          scratch[index * 2 + 1] = words[row * 2 + 1]!
        }
        target.copy(scratch, count * 8)
        if (!this.#hasNull) return
        target.copyValidity(validityBits(count, (at) => this.#isNull[order[from + at]!] === 0))
      }
    }
  }

  #grow(row: number): void {
    const rows = Math.max(this.#isNull.length * 2, row + 1)
    const words = new Int32Array(rows * 2)
    words.set(this.#words)
    this.#words = words
    const isNull = new Uint8Array(rows)
    isNull.set(this.#isNull)
    this.#isNull = isNull
  }
}

/** Each fill ends before the next one begins, so all columns gather in one place. */
const scratch = new Int32Array(chunkRowsMax * 2)

/** Longs and timestamps: safe integers. */
export class IntegerBuffer implements ColumnBuffer {
  readonly name: string
  readonly rowBytes = wordsBytes
  readonly textBytes = 0
  readonly #type: DuckDBType
  readonly #words = new Words()

  constructor(column: Column) {
    this.name = column.name
    this.#type = duckdbTypeOf(column)
  }

  at(row: number): number {
    return this.#words.at(row)
  }

  set(row: number, value: FieldValue): void {
    if (value === null) this.#words.putNull(row)
    else this.setNumber(row, value as number)
  }

  valueAt(row: number): number | null {
    return this.#words.isNullAt(row) ? null : this.#words.at(row)
  }

  setNumber(row: number, value: number): void {
    this.#words.put(row, value | 0, Math.floor(value / wordLimit))
  }

  staging({ length }: Pick<StagedRows, 'length'>) {
    // A column that this venue never fills needs no place.
    return this.#words.isAllNull(length)
      ? { columns: [], readSql: `NULL::${this.#type.toString()}`, parameters: [] }
      : {
          columns: [this.#words.staged(this.name, this.#type)],
          readSql: identifier(this.name),
          parameters: []
        }
  }

  clear(): void {
    this.#words.clear()
  }
}

/** Truth values, staged as 0 and 1. */
export class BooleanBuffer implements ColumnBuffer {
  readonly name: string
  readonly rowBytes = wordsBytes
  readonly textBytes = 0
  readonly #words = new Words()

  constructor(column: Column) {
    this.name = column.name
  }

  set(row: number, value: FieldValue): void {
    if (value === null) this.#words.putNull(row)
    else this.#words.put(row, value === true ? 1 : 0, 0)
  }

  valueAt(row: number): boolean | null {
    return this.#words.isNullAt(row) ? null : this.#words.at(row) === 1
  }

  staging() {
    return {
      columns: [this.#words.staged(this.name, BIGINT)],
      readSql: `${identifier(this.name)}::BOOLEAN`,
      parameters: []
    }
  }

  clear(): void {
    this.#words.clear()
  }
}

/** Decimals scaled by the column's scale. */
export class DecimalBuffer implements ColumnBuffer {
  readonly name: string
  readonly rowBytes = wordsBytes
  readonly textBytes = 0
  readonly #type: DuckDBType
  readonly #words = new Words()

  constructor(column: Column) {
    this.name = column.name
    this.#type = duckdbTypeOf(column)
  }

  set(row: number, value: FieldValue): void {
    const scaled = value as bigint | null
    if (scaled === null) {
      this.#words.putNull(row)
      return
    }
    // The vector would store a value of nineteen digits and the file would hold a wrong number.
    if (!fitsDecimal(scaled)) throw new DecimalOverflow({ text: formatDecimal(scaled) })
    this.#words.put(row, Number(BigInt.asIntN(32, scaled)), Number(scaled >> 32n))
  }

  valueAt(row: number): bigint | null {
    return this.#words.isNullAt(row) ? null : this.#words.bigintAt(row)
  }

  /** A value below 10^18 as its words. */
  setWords(row: number, low: number, high: number): void {
    this.#words.put(row, low, high)
  }

  staging() {
    return {
      columns: [this.#words.staged(this.name, this.#type)],
      readSql: identifier(this.name),
      parameters: []
    }
  }

  clear(): void {
    this.#words.clear()
  }
}
