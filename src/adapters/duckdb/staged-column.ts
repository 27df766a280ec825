/**
 * A column on its way into DuckDB: rows in the order of the file, 2,048 at a time.
 *
 * 1. Numbers are copied into DuckDB's vectors as memory, by the binding below the public API, which
 *    is why its version is pinned: a value at a time costs twenty times as much. The widths of
 *    `copy_data_to_vector` are those of the types that are declared here, and nowhere else.
 * 2. A chunk never holds more than 2,048 rows, so no copy is longer than its vector.
 */
import { DuckDBDataChunk, type DuckDBType, DuckDBVector } from '@duckdb/node-api'
import duckdb from '@duckdb/node-bindings'

export const chunkRowsMax = DuckDBVector.standardSize()

/** Rows `order[from]` to `order[from + count - 1]` of a batch. */
export interface RowRange {
  readonly order: Int32Array
  readonly from: number
  readonly count: number
}

export interface StagedColumn {
  readonly name: string
  /** Type of the vector and of the staging table's column. */
  readonly type: DuckDBType
  readonly sqlType: string
  readonly stage: (target: VectorTarget, rows: RowRange) => void
}

/** A chunk that is filled again and again, and appended in between. */
export class StagingChunk {
  readonly #chunk: DuckDBDataChunk
  readonly #columns: readonly StagedColumn[]

  constructor(columns: readonly StagedColumn[]) {
    this.#columns = columns
    this.#chunk = DuckDBDataChunk.create(columns.map(({ type }) => type))
  }

  /** The chunk with these rows; the next call fills it anew. */
  rowsAt(rows: RowRange): DuckDBDataChunk {
    this.#chunk.reset()
    this.#chunk.rowCount = rows.count
    this.#columns.forEach((column, index) =>
      column.stage(new VectorTarget(this.#chunk, index), rows)
    )
    return this.#chunk
  }
}

/** One column of a chunk. */
class VectorTarget {
  readonly #chunk: DuckDBDataChunk
  readonly #index: number

  constructor(chunk: DuckDBDataChunk, index: number) {
    this.#chunk = chunk
    this.#index = index
  }

  /** Copies `values` as they lie in memory; their width must be that of the column's type (1). */
  copy(values: Int32Array | Uint8Array | Uint16Array, byteLength: number): void {
    if (byteLength > values.byteLength) throw new RangeError('a copy beyond the scratch')
    const vector = duckdb.data_chunk_get_vector(this.#chunk.chunk, this.#index)
    const { buffer, byteOffset } = values
    duckdb.copy_data_to_vector(vector, 0, buffer as ArrayBuffer, byteOffset, byteLength)
  }

  /** Sets which rows are there: one bit a row, set where it is. */
  copyValidity(bits: Uint8Array): void {
    const vector = duckdb.data_chunk_get_vector(this.#chunk.chunk, this.#index)
    duckdb.vector_ensure_validity_writable(vector)
    const { buffer, byteOffset, byteLength } = bits
    duckdb.copy_data_to_vector_validity(vector, 0, buffer as ArrayBuffer, byteOffset, byteLength)
  }

  /** Values one by one; for texts that are not coded. */
  setTexts(count: number, textAt: (index: number) => string | null): void {
    const vector = this.#chunk.getColumnVector(this.#index)
    for (let index = 0; index < count; index++) vector.setItem(index, textAt(index))
    vector.flush()
  }
}

/** Bits of `copyValidity` for a chunk. */
export const validityBits = (count: number, isThere: (index: number) => boolean): Uint8Array => {
  const bits = new Uint8Array(chunkRowsMax / 8)
  for (let index = 0; index < count; index++) {
    if (isThere(index)) bits[index >> 3]! |= 1 << (index & 7)
  }
  return bits
}
