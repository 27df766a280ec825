/**
 * A batch of records in columns, with the log position of each (R15), ready for the Parquet writer.
 *
 * 1. `push` adds a whole row or, when it throws, nothing.
 * 2. The buffers keep their size over `clear`: a lander that works in batches allocates once.
 */
import { type ColumnBuffer, type FieldValue, makeColumnBuffer } from './column-buffer.ts'
import { type AvroRecord, type Column, columnsOf } from './columns.ts'

/** What the writer needs of a batch, whatever its records are. */
export interface RecordColumns {
  readonly columns: readonly Column[]
  readonly buffers: readonly ColumnBuffer[]
  readonly length: number
  /** Exchange code of a row. */
  exchangeAt(row: number): string
  /** Exchange time of a row, microseconds. */
  timestampAt(row: number): number
}

/** The fields by which files are cut. */
interface CutRecord {
  readonly exchange: string
  readonly timestamp: number
}

/** Columns of any record, by its schema. */
export class BufferedColumns<A extends CutRecord> implements RecordColumns {
  readonly columns: readonly Column[]
  readonly buffers: readonly ColumnBuffer[]
  private readonly fieldNames: readonly string[]
  private rowCount = 0
  private readonly exchanges: string[] = []
  private timestamps = new Float64Array(1_024)

  /** @param uniqueColumns nearly every row has its own: coding them would only fill a dictionary */
  constructor(schema: AvroRecord, uniqueColumns: ReadonlySet<string>) {
    this.columns = columnsOf(schema)
    this.buffers = this.columns.map((column) =>
      makeColumnBuffer(column, uniqueColumns.has(column.name))
    )
    this.fieldNames = schema.fields.map(({ name }) => name)
  }

  get length(): number {
    return this.rowCount
  }

  /** Bytes held, estimated: what the lander's byte limit is compared with. */
  get bytes(): number {
    return this.buffers.reduce((sum, buffer) => sum + buffer.bytes, this.timestamps.byteLength)
  }

  /**
   * Adds a row. `partition` names log epoch and partition, `offset` is the record's in it.
   * @throws DecimalOverflow
   */
  push(record: A, partition: string, offset: number): void {
    const row = this.rowCount
    let index = 0
    const fields = record as unknown as Readonly<Record<string, FieldValue>>
    for (const name of this.fieldNames) this.buffers[index++]!.set(row, fields[name]!)
    this.buffers[index++]!.set(row, partition)
    this.buffers[index]!.set(row, offset)
    if (row >= this.timestamps.length) {
      const larger = new Float64Array(row * 2)
      larger.set(this.timestamps)
      this.timestamps = larger
    }
    this.timestamps[row] = record.timestamp
    this.exchanges[row] = record.exchange
    this.rowCount = row + 1
  }

  exchangeAt(row: number): string {
    return this.exchanges[row]!
  }

  timestampAt(row: number): number {
    return this.timestamps[row]!
  }

  clear(): void {
    this.rowCount = 0
    this.exchanges.length = 0
    for (const buffer of this.buffers) buffer.clear()
  }
}
