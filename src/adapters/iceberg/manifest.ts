/**
 * Manifests (spec, "Manifests"): which data files were added, kept or deleted, with their partition
 * and statistics.
 *
 * 1. All entries of a manifest are of one partition spec.
 * 2. ADDED entries of a new manifest have null snapshot id and sequence numbers and inherit them
 *    from the manifest list, so that the manifest is reused over retries; EXISTING and DELETED
 *    entries carry them (spec, "Sequence Number Inheritance").
 * 3. Entries keep the spec's Avro names.
 */
import { decodeAvroFile, encodeAvroFile, int64 } from './avro-file.ts'
import { invariant } from './errors.ts'
import type { ManifestFile } from './manifest-list.ts'
import type { PartitionField } from './metadata.ts'
import type { IcebergSchema } from './schema.ts'
import { transformResultType, type PartitionValue } from './transforms.ts'

export const entryExisting = 0
export const entryAdded = 1
export const entryDeleted = 2

export interface KeyValue<V> {
  readonly key: number
  readonly value: V
}

/** `data_file` of an entry. */
export interface DataFileEntry {
  /** 0 data, 1 position deletes, 2 equality deletes. */
  readonly content: number
  readonly file_path: string
  readonly file_format: string
  readonly partition: Readonly<Record<string, PartitionValue>>
  readonly record_count: number
  readonly file_size_in_bytes: number
  readonly column_sizes: readonly KeyValue<number>[] | null
  readonly value_counts: readonly KeyValue<number>[] | null
  readonly null_value_counts: readonly KeyValue<number>[] | null
  readonly nan_value_counts: readonly KeyValue<number>[] | null
  readonly lower_bounds: readonly KeyValue<Buffer>[] | null
  readonly upper_bounds: readonly KeyValue<Buffer>[] | null
  readonly key_metadata: Buffer | null
  readonly split_offsets: readonly number[] | null
  readonly equality_ids: readonly number[] | null
  readonly sort_order_id: number | null
}

export interface ManifestEntry {
  readonly status: number
  readonly snapshot_id: bigint | null
  readonly sequence_number: number | null
  readonly file_sequence_number: number | null
  readonly data_file: DataFileEntry
}

export interface ManifestHeader {
  readonly schema: IcebergSchema
  readonly specId: number
  readonly specFields: readonly PartitionField[]
}

export const encodeManifest = (
  header: ManifestHeader,
  entries: readonly ManifestEntry[],
  sync: Uint8Array
): Uint8Array =>
  encodeAvroFile({
    schema: manifestSchema(header),
    metadata: {
      schema: JSON.stringify(header.schema),
      'schema-id': String(header.schema['schema-id']),
      'partition-spec': JSON.stringify(header.specFields),
      'partition-spec-id': String(header.specId),
      'format-version': '2',
      content: 'data'
    },
    records: entries,
    sync
  })

/** @throws if the file is cut short or not a manifest */
export const decodeManifest = (bytes: Uint8Array): readonly ManifestEntry[] =>
  decodeAvroFile(bytes, markSnapshotIds).records as readonly ManifestEntry[]

/** Entries with what they inherit from the manifest list made explicit (2). */
export const inherited = (
  entries: readonly ManifestEntry[],
  manifest: ManifestFile
): readonly ManifestEntry[] =>
  entries.map((entry) => ({
    ...entry,
    snapshot_id: entry.snapshot_id ?? manifest.added_snapshot_id,
    sequence_number: entry.sequence_number ?? manifest.sequence_number,
    file_sequence_number: entry.file_sequence_number ?? manifest.sequence_number
  }))

/** Iceberg type of a partition field. */
export const partitionType = (schema: IcebergSchema, field: PartitionField): string => {
  const source = schema.fields.find((it) => it.id === field['source-id'])
  invariant(
    typeof source?.type === 'string',
    `partition field ${field.name} has no primitive source column`
  )
  return transformResultType(field.transform, source.type)
}

const optional = (type: unknown) => ['null', type]

const intMap = (keyId: number, valueId: number, value: unknown) =>
  optional({
    type: 'array',
    logicalType: 'map',
    items: {
      type: 'record',
      name: `k${keyId}_v${valueId}`,
      fields: [
        { name: 'key', type: 'int', 'field-id': keyId },
        { name: 'value', type: value, 'field-id': valueId }
      ]
    }
  })

const field = (id: number, name: string, type: unknown) =>
  Array.isArray(type)
    ? { name, type, default: null, 'field-id': id }
    : { name, type, 'field-id': id }

const list = (elementId: number, items: string) =>
  optional({ type: 'array', items, 'element-id': elementId })

const manifestSchemas = new WeakMap<IcebergSchema, Map<number, object>>()

const manifestSchema = (header: ManifestHeader): object => {
  const bySpec = manifestSchemas.get(header.schema) ?? new Map<number, object>()
  manifestSchemas.set(header.schema, bySpec)
  const made = bySpec.get(header.specId) ?? manifestEntrySchema(header)
  bySpec.set(header.specId, made)
  return made
}

const manifestEntrySchema = ({ schema, specFields }: ManifestHeader) => ({
  type: 'record',
  name: 'manifest_entry',
  fields: [
    field(0, 'status', 'int'),
    field(1, 'snapshot_id', optional(int64)),
    field(3, 'sequence_number', optional('long')),
    field(4, 'file_sequence_number', optional('long')),
    field(2, 'data_file', {
      type: 'record',
      name: 'r2',
      fields: dataFileFields(schema, specFields)
    })
  ]
})

const dataFileFields = (schema: IcebergSchema, specFields: readonly PartitionField[]) => [
  field(134, 'content', 'int'),
  field(100, 'file_path', 'string'),
  field(101, 'file_format', 'string'),
  field(102, 'partition', {
    type: 'record',
    name: 'r102',
    fields: specFields.map((it) =>
      field(it['field-id'], it.name, optional(avroType(partitionType(schema, it))))
    )
  }),
  field(103, 'record_count', 'long'),
  field(104, 'file_size_in_bytes', 'long'),
  field(108, 'column_sizes', intMap(117, 118, 'long')),
  field(109, 'value_counts', intMap(119, 120, 'long')),
  field(110, 'null_value_counts', intMap(121, 122, 'long')),
  field(137, 'nan_value_counts', intMap(138, 139, 'long')),
  field(125, 'lower_bounds', intMap(126, 127, 'bytes')),
  field(128, 'upper_bounds', intMap(129, 130, 'bytes')),
  field(131, 'key_metadata', optional('bytes')),
  field(132, 'split_offsets', list(133, 'long')),
  field(135, 'equality_ids', list(136, 'int')),
  field(140, 'sort_order_id', optional('int'))
]

const avroTypes: Readonly<Record<string, unknown>> = {
  int: 'int',
  long: 'long',
  string: 'string',
  boolean: 'boolean',
  date: { type: 'int', logicalType: 'date' },
  timestamp: { type: 'long', logicalType: 'timestamp-micros', 'adjust-to-utc': false },
  timestamptz: { type: 'long', logicalType: 'timestamp-micros', 'adjust-to-utc': true }
}

const avroType = (type: string): unknown => {
  const avro = avroTypes[type]
  invariant(avro !== undefined, `partition values of type ${type} are not supported`)
  return avro
}

/**
 * Snapshot ids of foreign manifests need all 64 bits, whatever the rest of their schema looks like.
 */
const markSnapshotIds = (schema: unknown): unknown => {
  const record = schema as { readonly fields: readonly { readonly name: string }[] }
  invariant(Array.isArray(record.fields), 'the Avro schema of a manifest is a record')
  return {
    ...record,
    fields: record.fields.map((it) =>
      it.name === 'snapshot_id' ? { ...it, type: optional(int64) } : it
    )
  }
}
