/**
 * Manifest lists (spec, "Manifest Lists"): the manifests of a snapshot, with the counts and
 * partition ranges that let a reader skip them. Entries keep the spec's Avro names.
 */
import { decodeAvroFile, encodeAvroFile, int64 } from './avro-file.ts'
import { encodeValue, decodeValue, type SingleValue } from './bounds.ts'
import { invariant } from './errors.ts'
import {
  entryAdded,
  entryDeleted,
  entryExisting,
  partitionType,
  type ManifestEntry,
  type ManifestHeader
} from './manifest.ts'
import type { PartitionValue } from './transforms.ts'

/** Range of one partition field over the live and deleted entries of a manifest. */
export interface FieldSummary {
  readonly contains_null: boolean
  readonly contains_nan: boolean | null
  readonly lower_bound: Buffer | null
  readonly upper_bound: Buffer | null
}

export interface ManifestFile {
  readonly manifest_path: string
  readonly manifest_length: number
  readonly partition_spec_id: number
  /** 0 data, 1 deletes. */
  readonly content: number
  readonly sequence_number: number
  readonly min_sequence_number: number
  readonly added_snapshot_id: bigint
  readonly added_files_count: number
  readonly existing_files_count: number
  readonly deleted_files_count: number
  readonly added_rows_count: number
  readonly existing_rows_count: number
  readonly deleted_rows_count: number
  readonly partitions: readonly FieldSummary[] | null
  readonly key_metadata: Buffer | null
}

export interface SnapshotIds {
  readonly snapshotId: bigint
  readonly parentId: bigint | null
  readonly sequenceNumber: number
}

export const encodeManifestList = (
  ids: SnapshotIds,
  manifests: readonly ManifestFile[],
  sync: Uint8Array
): Uint8Array =>
  encodeAvroFile({
    schema: listSchema,
    metadata: {
      'snapshot-id': ids.snapshotId.toString(),
      'parent-snapshot-id': ids.parentId === null ? 'null' : ids.parentId.toString(),
      'sequence-number': String(ids.sequenceNumber),
      'format-version': '2'
    },
    records: manifests,
    // A list repeats its parent's entries.
    reused: true,
    sync
  })

/** @throws if the file is cut short or not a manifest list */
export const decodeManifestList = (bytes: Uint8Array): readonly ManifestFile[] => {
  const { schema, records } = decodeAvroFile(bytes, adapt)
  // Writers named three fields in two ways; the ids are the identity.
  const renames = fieldsOf(schema).flatMap(({ name, 'field-id': id }) => {
    const ours = namesById.get(id)
    return ours === undefined || ours === name ? [] : [[name, ours] as const]
  })
  return records.map((record) => {
    const file: Record<string, unknown> = { ...defaults, ...(record as object) }
    for (const [theirs, ours] of renames) file[ours] = file[theirs]
    return file as unknown as ManifestFile
  })
}

/**
 * Manifest list entry of a manifest that `snapshot` writes. Entries must have their numbers, but
 * for ADDED ones.
 */
export const describeManifest = (
  header: ManifestHeader,
  entries: readonly ManifestEntry[],
  written: { readonly path: string; readonly length: number },
  snapshot: { readonly snapshotId: bigint; readonly sequenceNumber: number }
): ManifestFile => {
  const counted = (status: number) => {
    const matching = entries.filter((it) => it.status === status)
    return {
      files: matching.length,
      rows: matching.reduce((sum, it) => sum + it.data_file.record_count, 0)
    }
  }
  const [added, existing, deleted] = [
    counted(entryAdded),
    counted(entryExisting),
    counted(entryDeleted)
  ]
  const live = entries.filter((it) => it.status !== entryDeleted)
  const sequences = live.map((it) => it.sequence_number ?? snapshot.sequenceNumber)
  return {
    manifest_path: written.path,
    manifest_length: written.length,
    partition_spec_id: header.specId,
    content: 0,
    sequence_number: snapshot.sequenceNumber,
    min_sequence_number: sequences.reduce(
      (least, it) => Math.min(least, it),
      snapshot.sequenceNumber
    ),
    added_snapshot_id: snapshot.snapshotId,
    added_files_count: added.files,
    existing_files_count: existing.files,
    deleted_files_count: deleted.files,
    added_rows_count: added.rows,
    existing_rows_count: existing.rows,
    deleted_rows_count: deleted.rows,
    partitions: header.specFields.map((field) =>
      summarise(
        partitionType(header.schema, field),
        entries.map((it) => it.data_file.partition[field.name] ?? null)
      )
    ),
    key_metadata: null
  }
}

const summarise = (type: string, values: readonly PartitionValue[]): FieldSummary => {
  const present = values.filter((it): it is SingleValue => it !== null)
  let [least, greatest] = [present[0], present[0]]
  for (const value of present) {
    if (least !== undefined && compare(type, value, least) < 0) least = value
    if (greatest !== undefined && compare(type, value, greatest) > 0) greatest = value
  }
  return {
    contains_null: present.length < values.length,
    contains_nan: false,
    lower_bound: least === undefined ? null : encodeValue(type, least),
    upper_bound: greatest === undefined ? null : encodeValue(type, greatest)
  }
}

/** Iceberg's order of values: numbers by value, text and binary by (UTF-8) bytes. */
const compare = (type: string, left: SingleValue, right: SingleValue): number => {
  if (typeof left === 'string' || left instanceof Uint8Array) {
    return Buffer.compare(encodeValue(type, left), encodeValue(type, right))
  }
  const [a, b] = [
    decodeValue(type, encodeValue(type, left)),
    decodeValue(type, encodeValue(type, right))
  ]
  return a < b ? -1 : Number(a > b)
}

const field = (id: number, name: string, type: unknown) =>
  Array.isArray(type)
    ? { name, type, default: null, 'field-id': id }
    : { name, type, 'field-id': id }

const summaryType = {
  type: 'record',
  name: 'r508',
  fields: [
    field(509, 'contains_null', 'boolean'),
    field(518, 'contains_nan', ['null', 'boolean']),
    field(510, 'lower_bound', ['null', 'bytes']),
    field(511, 'upper_bound', ['null', 'bytes'])
  ]
}

const listFields = [
  field(500, 'manifest_path', 'string'),
  field(501, 'manifest_length', 'long'),
  field(502, 'partition_spec_id', 'int'),
  field(517, 'content', 'int'),
  field(515, 'sequence_number', 'long'),
  field(516, 'min_sequence_number', 'long'),
  field(503, 'added_snapshot_id', int64),
  field(504, 'added_files_count', 'int'),
  field(505, 'existing_files_count', 'int'),
  field(506, 'deleted_files_count', 'int'),
  field(512, 'added_rows_count', 'long'),
  field(513, 'existing_rows_count', 'long'),
  field(514, 'deleted_rows_count', 'long'),
  field(507, 'partitions', ['null', { type: 'array', items: summaryType, 'element-id': 508 }]),
  field(519, 'key_metadata', ['null', 'bytes'])
]

const listSchema = { type: 'record', name: 'manifest_file', fields: listFields }
const namesById = new Map(listFields.map((it) => [it['field-id'], it.name]))
const defaults = { content: 0, key_metadata: null, partitions: null }

interface AvroField {
  readonly name: string
  readonly type: unknown
  readonly 'field-id': number
}

const fieldsOf = (schema: unknown): readonly AvroField[] => {
  const record = schema as { readonly fields: readonly AvroField[] }
  invariant(Array.isArray(record.fields), 'the Avro schema of a manifest list is a record')
  return record.fields
}

const adapt = (schema: unknown): unknown => ({
  ...(schema as object),
  fields: fieldsOf(schema).map((it) =>
    it['field-id'] === 503 ? { ...it, type: Array.isArray(it.type) ? ['null', int64] : int64 } : it
  )
})
