/**
 * A batch of records in columns, with the log position of each (R15), ready for the Parquet writer.
 *
 * 1. `push` adds a whole row or, when it throws, nothing.
 * 2. The buffers keep their size over `clear`: a lander that works in batches allocates once.
 */
import {
  type ColumnBuffer,
  type ColumnHints,
  type FieldValue,
  makeColumnBuffer
} from './column-buffer.ts'
import { type AvroRecord, type Column, columnsOf } from './columns.ts'
import type { RowGroup, SliceSource } from './file-slices.ts'

/** What the writer needs of a batch, whatever its records are. */
export interface RecordColumns extends SliceSource {
  readonly columns: readonly Column[]
  readonly buffers: readonly ColumnBuffer[]
}

/** Columns that stay in memory and are read there. */
export interface KeptColumns extends RecordColumns {
  /** Reader of a column; of one that is not there, all is null. */
  valueOf(name: string): (row: number) => FieldValue
  /** Takes back the rows from `length` on. */
  truncate(length: number): void
  /** About, of all rows. */
  readonly bytes: number
}

/** The fields by which files are cut and sorted. */
interface CutRecord {
  readonly exchange: string
  readonly symbol: string
  /** Absent where the time of a record is that of its coming. */
  readonly timestamp?: number
  readonly ingestion_timestamp: number
  readonly source_sequence?: number | null
}

/** Columns of any record, by its schema. */
export class BufferedColumns<A extends CutRecord> implements KeptColumns {
  readonly columns: readonly Column[]
  readonly buffers: readonly ColumnBuffer[]
  private readonly fieldNames: readonly string[]
  private rowCount = 0
  readonly groups: RowGroup[] = []
  private readonly groupCodes = new Map<string, Map<string, number>>()
  private rowGroups = new Int32Array(1_024)
  private timestamps = new Float64Array(1_024)
  /** NaN where the record has none. */
  private sequences = new Float64Array(1_024)
  private offsets = new Float64Array(1_024)

  constructor(schema: AvroRecord, hints: ColumnHints) {
    this.columns = columnsOf(schema)
    this.buffers = this.columns.map((column) => makeColumnBuffer(column, hints))
    this.fieldNames = schema.fields.map(({ name }) => name)
  }

  get length(): number {
    return this.rowCount
  }

  /**
   * Adds a row. `partition` names log epoch and partition, `offset` is the record's in it.
   * @throws DecimalOverflow
   */
  push(record: A, partition: string, offset: number): void {
    const row = this.rowCount
    const { source_sequence: sequence = null, timestamp = record.ingestion_timestamp } = record
    let index = 0
    const fields = record as unknown as Readonly<Record<string, FieldValue>>
    for (const name of this.fieldNames) {
      // A record that was kept since before the field was there does not have it (R52).
      this.buffers[index++]!.set(row, fields[name] ?? null, sequence)
    }
    this.buffers[index++]!.set(row, partition, sequence)
    this.buffers[index]!.set(row, offset, sequence)
    this.addRow(this.groupOf(record), timestamp, sequence ?? Number.NaN, offset)
  }

  /** The buffer of a column, for rows that come in another form than that of records. */
  protected bufferOf<B extends ColumnBuffer>(
    name: string,
    kind: abstract new (...given: never[]) => B
  ): B {
    const buffer = this.buffers.find((candidate) => candidate.name === name)
    if (buffer instanceof kind) return buffer
    throw new TypeError(`column ${name} is not held in a ${kind.name}`)
  }

  /** Code of an exchange and symbol until `clear`. */
  protected groupOf({ exchange, symbol }: RowGroup): number {
    let codes = this.groupCodes.get(exchange)
    if (codes === undefined) this.groupCodes.set(exchange, (codes = new Map<string, number>()))
    let code = codes.get(symbol)
    if (code === undefined) {
      code = this.groups.push({ exchange, symbol }) - 1
      codes.set(symbol, code)
    }
    return code
  }

  /** Takes over the row whose columns have been set. */
  protected addRow(group: number, timestamp: number, sequence: number, offset: number): void {
    const row = this.rowCount
    if (row >= this.timestamps.length) {
      const rowGroups = new Int32Array(row * 2)
      rowGroups.set(this.rowGroups)
      this.rowGroups = rowGroups
      this.timestamps = doubled(this.timestamps)
      this.sequences = doubled(this.sequences)
      this.offsets = doubled(this.offsets)
    }
    this.rowGroups[row] = group
    this.timestamps[row] = timestamp
    this.sequences[row] = sequence
    this.offsets[row] = offset
    this.rowCount = row + 1
  }

  groupAt(row: number): number {
    return this.rowGroups[row]!
  }

  timestampAt(row: number): number {
    return this.timestamps[row]!
  }

  sequenceAt(row: number): number {
    return this.sequences[row]!
  }

  valueOf(name: string): (row: number) => FieldValue {
    const buffer = this.buffers.find((candidate) => candidate.name === name)
    return (row) => buffer?.valueAt(row, this.sequences[row]!) ?? null
  }

  offsetAt(row: number): number {
    return this.offsets[row]!
  }

  truncate(length: number): void {
    this.rowCount = Math.min(this.rowCount, length)
  }

  get bytes(): number {
    return this.buffers.reduce(
      (sum, { rowBytes, textBytes }) => sum + rowBytes * this.rowCount + textBytes,
      ownRowBytes * this.rowCount
    )
  }

  clear(): void {
    this.rowCount = 0
    this.groups.length = 0
    this.groupCodes.clear()
    for (const buffer of this.buffers) buffer.clear()
  }
}

/** Group, time, sequence and offset of a row. */
const ownRowBytes = 28

const doubled = (array: Float64Array): Float64Array<ArrayBuffer> => {
  const larger = new Float64Array(array.length * 2)
  larger.set(array)
  return larger
}
