/**
 * Some rows of a tail, in the order of their appends: columns in memory of this thread, and, once a
 * statement has to read them, a table of the same rows in DuckDB.
 *
 * 1. Rows are only added: what was appended once stays as it is, so that a number of rows names
 *    what was there at a moment.
 * 2. A row that was there already is kept as one that nobody sees, in neither of the two.
 * 3. The table has the rows up to `stored`, each once: both move together, or neither does,
 *    whatever becomes of whoever waits for it.
 */
import type { DuckDBConnection } from '@duckdb/node-api'
import { type Column, identifier, tableColumnsSql } from './columns.ts'
import { IntegerBuffer } from './number-buffers.ts'
import type { KeptColumns } from './record-columns.ts'
import { bindStaged, stage, stagingOf } from './staging-table.ts'

/** Columns of the table beside those of the records. */
const ownColumns: readonly Column[] = [
  { name: 'tail_decided', kind: 'long', isNullable: false },
  { name: 'tail_part', kind: 'long', isNullable: false },
  { name: 'tail_row', kind: 'long', isNullable: false }
]

/** Of a row in memory of DuckDB, all columns and what it takes to find it. Measured: 459. */
const storedRowBytes = 512
/** Of a row: who decided it, and its partition. */
const ownRowBytes = 12
const rowsInitial = 1_024

/** So many rows have bounds of their own. */
export const blockRows = 256

/** Bounds of some rows, which may be wider than the rows. */
export interface RowBlock {
  /** Microseconds, both inclusive. */
  fromUs: number
  toUs: number
  /** A bit for each group of exchange and symbol, by its code; several may share one. */
  groups: number
}

/** Offset of no record: of rows that nobody sees (2). */
const unseen = -1

export class TailSegment {
  readonly rows: KeptColumns
  /** Of all rows of the store, the number of this segment's first one. */
  readonly firstRow: number
  readonly #columns: readonly Column[]
  #decided = new Float64Array(rowsInitial)
  #parts = new Int32Array(rowsInitial)
  readonly blocks: RowBlock[] = []
  /** Rows that were appended: of `rows` there may be more. */
  length = 0
  fromUs = Infinity
  toUs = -Infinity
  /** By `k2_partition`, the last deciding offset. */
  readonly last = new Map<string, number>()
  /** Name of the table; undefined while there is none. */
  table: string | undefined
  /** (3) */
  #stored = 0
  /** Holds whose statements read the table. */
  readers = 0
  isRetired = false

  constructor(rows: KeptColumns, firstRow: number) {
    this.rows = rows
    this.firstRow = firstRow
    this.#columns = rows.columns
  }

  /** As if DuckDB had all of it: it may be asked to at any time. */
  get bytes(): number {
    return this.rows.bytes + this.length * (ownRowBytes + storedRowBytes)
  }

  /** Takes over the rows that were pushed; those that were decided before `knownEnd` are there. */
  append({ partition, part, knownEnd, decidedAt }: Appended): void {
    const { length: end } = this.rows
    this.#grow(end)
    let isNew = false
    for (let row = this.length; row < end; row++) {
      const decided = decidedAt(row)
      isNew ||= decided >= knownEnd
      this.#decided[row] = decided < knownEnd ? unseen : decided
      this.#parts[row] = part
    }
    if (!isNew) {
      this.rows.truncate(this.length)
      return
    }
    for (let row = this.length; row < end; row++) {
      const decided = this.#decided[row]!
      if (decided === unseen) continue
      this.#bound(row)
      this.last.set(partition, Math.max(decided, this.last.get(partition) ?? 0))
    }
    this.length = end
  }

  /** Whether a row is seen by somebody who has, of each partition, what is below an offset. */
  isAt(row: number, floors: readonly number[]): boolean {
    const decided = this.#decided[row]!
    return decided !== unseen && decided >= floors[this.#parts[row]!]!
  }

  hasStored(end: number): boolean {
    return end <= this.#stored
  }

  /** Stores the rows before `end` that are not in the table yet. */
  async store(connection: DuckDBConnection, table: string, end: number): Promise<void> {
    if (this.hasStored(end)) return
    if (this.table === undefined) {
      await connection.run(`CREATE TABLE ${table} (${tableColumnsSql([
        ...this.#columns,
        ...ownColumns
      ])})`)
      this.table = table
    }
    const order: number[] = []
    for (let row = this.#stored; row < end; row++) {
      if (this.#decided[row] !== unseen) order.push(row)
    }
    if (order.length > 0) await this.#insert(connection, this.table, Int32Array.from(order))
    this.#stored = end
  }

  /** The rows are in memory only, from now on. */
  forgetTable(): string | undefined {
    const { table } = this
    this.table = undefined
    this.#stored = 0
    return table
  }

  /** One statement: all of the rows, or none. */
  async #insert(connection: DuckDBConnection, table: string, order: Int32Array): Promise<void> {
    const { rows } = this
    const own = ownColumns.map((column) => new IntegerBuffer(column))
    for (const row of order) {
      own[0]!.setNumber(row, this.#decided[row]!)
      own[1]!.setNumber(row, this.#parts[row]!)
      own[2]!.setNumber(row, this.firstRow + row)
    }
    const batch = stagingOf({
      buffers: [...rows.buffers, ...own],
      length: order.at(-1)! + 1,
      sequenceAt: (row) => rows.sequenceAt(row)
    })
    await stage(connection, batch, order)
    const names = namesOf([...this.#columns, ...ownColumns])
    const statement = await connection.prepare(
      `INSERT INTO ${table} SELECT ${names} FROM (${batch.selectSql})`
    )
    try {
      bindStaged(statement, batch)
      await statement.run()
    } finally {
      statement.destroySync()
    }
  }

  #bound(row: number): void {
    const timeUs = this.rows.timestampAt(row)
    const index = Math.floor(row / blockRows)
    while (this.blocks.length <= index) {
      this.blocks.push({ fromUs: Infinity, toUs: -Infinity, groups: 0 })
    }
    const block = this.blocks[index]!
    block.groups |= 1 << (this.rows.groupAt(row) & 31)
    for (const bounds of [block, this]) {
      if (timeUs < bounds.fromUs) bounds.fromUs = timeUs
      if (timeUs > bounds.toUs) bounds.toUs = timeUs
    }
  }

  #grow(rows: number): void {
    if (rows <= this.#decided.length) return
    const size = Math.max(this.#decided.length * 2, rows)
    const decided = new Float64Array(size)
    decided.set(this.#decided)
    this.#decided = decided
    const parts = new Int32Array(size)
    parts.set(this.#parts)
    this.#parts = parts
  }
}

interface Appended {
  readonly partition: string
  /** Number of the partition. */
  readonly part: number
  readonly knownEnd: number
  /** Offset of the record that decided a row. */
  readonly decidedAt: (row: number) => number
}

const namesOf = (columns: readonly Column[]): string =>
  columns.map(({ name }) => identifier(name)).join(', ')

/** Of a table of a segment: what was appended before `$tail_end`, at or beyond `$tail_from`. */
export const tableRowsSql = (columns: readonly Column[], table: string): string =>
  `SELECT ${namesOf(columns)} FROM ${table}
   WHERE tail_row < $tail_end AND tail_decided >= ($tail_from::BIGINT[])[tail_part + 1]`
