/** From a finished Parquet file and its statistics to the `data_file` of a manifest entry. */
import { boundsOf, type SingleValue } from './bounds.ts'
import { invariant } from './errors.ts'
import {
  partitionType,
  type DataFileEntry,
  type KeyValue,
  type ManifestHeader
} from './manifest.ts'
import type { PartitionValue } from './transforms.ts'

/** Statistics of one column (top level, or a part of a list or map, by its field id). */
interface ColumnStatistics {
  readonly fieldId: number
  /** Bytes of the column's chunks in the file, without the footer. */
  readonly sizeBytes: number
  /** Values with nulls and NaN counted. */
  readonly valueCount: number
  readonly nullCount: number
  /** For float and double columns. */
  readonly nanCount?: number
  /**
   * Least and greatest value, NaN and null left out; as `SingleValue` says (µs, unscaled bigint,
   * text).
   */
  readonly min?: SingleValue
  readonly max?: SingleValue
}

export interface DataFile {
  /** URI, as metadata names it. */
  readonly location: string
  readonly recordCount: number
  readonly fileSizeBytes: number
  /** Partition values by partition field name: `{ exchange: 'BINANCE', timestamp_day: 19944 }`. */
  readonly partition: Readonly<Record<string, PartitionValue>>
  readonly columns: readonly ColumnStatistics[]
  /** Row group offsets, ascending. */
  readonly splitOffsets?: readonly number[]
  /** Whether rows are in the table's sort order. */
  readonly sorted: boolean
}

/** Entry of a file; bounds are kept for top-level columns of primitive types. */
export const dataFileEntry = (
  header: ManifestHeader,
  sortOrderId: number,
  file: DataFile
): DataFileEntry => {
  for (const field of header.specFields) {
    invariant(
      file.partition[field.name] !== undefined,
      `${file.location} lacks a value for partition ${field.name}`
    )
  }
  const columns = file.columns.toSorted((left, right) => left.fieldId - right.fieldId)
  const bounds = columns.flatMap((it) => boundsOfColumn(header, it))
  const nans = columns.flatMap(({ fieldId, nanCount }) =>
    nanCount === undefined ? [] : [{ key: fieldId, value: nanCount }]
  )
  return {
    content: 0,
    file_path: file.location,
    file_format: 'PARQUET',
    partition: Object.fromEntries(
      header.specFields.map((it) => [
        it.name,
        avroValue(partitionType(header.schema, it), file.partition[it.name] ?? null)
      ])
    ),
    record_count: file.recordCount,
    file_size_in_bytes: file.fileSizeBytes,
    column_sizes: columns.map((it) => ({ key: it.fieldId, value: it.sizeBytes })),
    value_counts: columns.map((it) => ({ key: it.fieldId, value: it.valueCount })),
    null_value_counts: columns.map((it) => ({ key: it.fieldId, value: it.nullCount })),
    nan_value_counts: nans.length === 0 ? null : nans,
    lower_bounds: bounds.map(({ key, lower }) => ({ key, value: lower })),
    upper_bounds: bounds.flatMap(({ key, upper }): KeyValue<Buffer>[] =>
      upper === null ? [] : [{ key, value: upper }]
    ),
    key_metadata: null,
    split_offsets: file.splitOffsets ?? null,
    equality_ids: null,
    sort_order_id: file.sorted ? sortOrderId : 0
  }
}

const boundsOfColumn = ({ schema }: ManifestHeader, { fieldId, min, max }: ColumnStatistics) => {
  const field = schema.fields.find((it) => it.id === fieldId)
  if (typeof field?.type !== 'string' || min === undefined || max === undefined) return []
  return [{ key: fieldId, ...boundsOf(field.type, min, max) }]
}

/** Avro longs are numbers here. */
const avroValue = (type: string, value: PartitionValue): PartitionValue => {
  if (typeof value !== 'bigint') return value
  invariant(
    Number.isSafeInteger(Number(value)),
    `partition value ${value} of type ${type} is beyond 2^53`
  )
  return Number(value)
}
