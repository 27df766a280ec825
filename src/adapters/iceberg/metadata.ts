/**
 * Table metadata, format v2 (spec, "Table Metadata"): its JSON shape, read and written without
 * loss.
 *
 * 1. Snapshot ids have 63 bits and are bigints here; no number of the file passes through a double
 *    that cannot hold it.
 * 2. What this code does not know of a foreign writer's metadata is kept as it stands.
 * 3. Snapshots, log entries, schemas are never changed once made, so the JSON text of each is made
 *    once: a commit pays for what it adds.
 */
import { TableUnreadable } from './errors.ts'
import { parseJson, stringifyJson } from './lossless.ts'
import type { IcebergSchema } from './schema.ts'

export interface PartitionField {
  readonly 'source-id': number
  readonly 'field-id': number
  readonly name: string
  readonly transform: string
}

export interface PartitionSpec {
  readonly 'spec-id': number
  readonly fields: readonly PartitionField[]
}

export interface SortOrder {
  readonly 'order-id': number
  readonly fields: readonly {
    readonly transform: string
    readonly 'source-id': number
    readonly direction: 'asc' | 'desc'
    readonly 'null-order': 'nulls-first' | 'nulls-last'
  }[]
}

export interface Snapshot {
  readonly 'snapshot-id': bigint
  readonly 'parent-snapshot-id'?: bigint
  readonly 'sequence-number': number
  readonly 'timestamp-ms': number
  readonly 'manifest-list': string
  readonly summary: Readonly<Record<string, string>>
  readonly 'schema-id'?: number
}

interface SnapshotRef {
  readonly 'snapshot-id': bigint
  readonly type: 'branch' | 'tag'
}

export interface TableMetadata {
  readonly 'format-version': number
  readonly 'table-uuid': string
  readonly location: string
  readonly 'last-sequence-number': number
  readonly 'last-updated-ms': number
  readonly 'last-column-id': number
  readonly schemas: readonly IcebergSchema[]
  readonly 'current-schema-id': number
  readonly 'partition-specs': readonly PartitionSpec[]
  readonly 'default-spec-id': number
  readonly 'last-partition-id': number
  readonly 'sort-orders': readonly SortOrder[]
  readonly 'default-sort-order-id': number
  readonly properties: Readonly<Record<string, string>>
  /** Absent while there is none. */
  readonly 'current-snapshot-id'?: bigint
  readonly snapshots: readonly Snapshot[]
  readonly 'snapshot-log': readonly {
    readonly 'snapshot-id': bigint
    readonly 'timestamp-ms': number
  }[]
  readonly 'metadata-log': readonly {
    readonly 'metadata-file': string
    readonly 'timestamp-ms': number
  }[]
  readonly refs: Readonly<Record<string, SnapshotRef>>
}

/** @throws TableUnreadable if the text is not v2 metadata */
export const parseMetadata = (location: string, bytes: Uint8Array): TableMetadata =>
  metadataOf(location, parsed(location, bytes))

/**
 * Metadata from its parsed JSON; `location` is for errors.
 * @throws TableUnreadable if it is not v2 metadata
 */
export const metadataOf = (
  location: string,
  raw: Readonly<Record<string, unknown>>
): TableMetadata => {
  if (raw['format-version'] !== 2) {
    throw new TableUnreadable({
      location,
      reason: `format version ${String(raw['format-version'])}, only 2 is supported`
    })
  }
  const missing = requiredKeys.filter((key) => raw[key] === undefined)
  if (missing.length > 0)
    throw new TableUnreadable({ location, reason: `metadata lacks ${missing.join(', ')}` })
  const { 'current-snapshot-id': head, ...rest } = raw as unknown as Written
  const current = isAbsent(head) || BigInt(head) < 0n ? null : BigInt(head)
  return {
    ...rest,
    ...(current === null ? {} : { 'current-snapshot-id': current }),
    properties: rest.properties ?? {},
    snapshots: (rest.snapshots ?? []).map(snapshotOf),
    'snapshot-log': (rest['snapshot-log'] ?? []).map(widened),
    'metadata-log': rest['metadata-log'] ?? [],
    refs: refsOf(rest.refs ?? {}, current)
  }
}

export const serialiseMetadata = (metadata: TableMetadata): Uint8Array => {
  const parts: Uint8Array[] = []
  for (const [key, value] of Object.entries(metadata) as [string, unknown][]) {
    parts.push(Buffer.from(`${parts.length === 0 ? '{' : ','}${JSON.stringify(key)}:`))
    if (Array.isArray(value)) {
      value.forEach((item, index) => parts.push(index === 0 ? openList : comma, bytesOf(item)))
      parts.push(value.length === 0 ? emptyList : closeList)
    } else parts.push(bytesOf(value))
  }
  return Buffer.concat([...parts, closeObject])
}

export const currentSnapshot = (metadata: TableMetadata): Snapshot | null => {
  const id = metadata['current-snapshot-id']
  return id === undefined ? null : snapshotById(metadata, id)
}

export const snapshotById = (metadata: TableMetadata, id: bigint): Snapshot | null =>
  metadata.snapshots.find((it) => it['snapshot-id'] === id) ?? null

/** A snapshot and its retained ancestors, newest first. */
export const lineage = (metadata: TableMetadata, from: Snapshot | null): readonly Snapshot[] => {
  const byId = new Map(metadata.snapshots.map((it) => [it['snapshot-id'], it]))
  const ancestors: Snapshot[] = []
  let next = from ?? undefined
  while (next !== undefined && ancestors.length < metadata.snapshots.length) {
    ancestors.push(next)
    const parentId: bigint | undefined = next['parent-snapshot-id']
    next = parentId === undefined ? undefined : byId.get(parentId)
  }
  return ancestors
}

export const currentSchema = (metadata: TableMetadata): IcebergSchema =>
  found(
    metadata.schemas.find((it) => it['schema-id'] === metadata['current-schema-id']),
    metadata,
    'current schema'
  )

export const defaultSpec = (metadata: TableMetadata): PartitionSpec =>
  specById(metadata, metadata['default-spec-id'])

export const specById = (metadata: TableMetadata, id: number): PartitionSpec =>
  found(
    metadata['partition-specs'].find((it) => it['spec-id'] === id),
    metadata,
    `partition spec ${id}`
  )

/** Number of a metadata file name `<V>-<uuid>.metadata.json`, 0 if it has another form. */
export const metadataVersion = (location: string): number =>
  Number(/(\d+)-[^/]*\.metadata\.json$/.exec(location)?.[1] ?? 0)

const requiredKeys = [
  'table-uuid',
  'location',
  'last-sequence-number',
  'last-updated-ms',
  'last-column-id',
  'schemas',
  'current-schema-id',
  'partition-specs',
  'default-spec-id',
  'last-partition-id',
  'sort-orders',
  'default-sort-order-id'
]

const parsed = (location: string, bytes: Uint8Array): Record<string, unknown> => {
  try {
    const value = parseJson(Buffer.from(bytes).toString('utf8'))
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch (cause) {
    throw new TableUnreadable({
      location,
      reason: `not JSON: ${cause instanceof Error ? cause.message : String(cause)}`
    })
  }
  throw new TableUnreadable({ location, reason: 'not a JSON object' })
}

/** As the JSON has it: ids are numbers where they fit, and optional parts may be absent. */
type WrittenId = number | bigint
type WithId<T> = Omit<T, 'snapshot-id'> & { readonly 'snapshot-id': WrittenId }
type WrittenSnapshot = WithId<Omit<Snapshot, 'parent-snapshot-id'>> & {
  readonly 'parent-snapshot-id'?: WrittenId | null
}
type Idless = Omit<
  TableMetadata,
  'current-snapshot-id' | 'snapshots' | 'snapshot-log' | 'metadata-log' | 'refs' | 'properties'
>

interface Written extends Idless {
  readonly 'current-snapshot-id'?: WrittenId | null
  readonly snapshots?: readonly WrittenSnapshot[]
  readonly 'snapshot-log'?: readonly WithId<TableMetadata['snapshot-log'][number]>[]
  readonly 'metadata-log'?: TableMetadata['metadata-log']
  readonly refs?: Readonly<Record<string, WithId<SnapshotRef>>>
  readonly properties?: TableMetadata['properties']
}

const isAbsent = (id: WrittenId | null | undefined): id is null | undefined =>
  id === undefined || id === null

const widened = <T>(value: WithId<T>): T =>
  ({ ...value, 'snapshot-id': BigInt(value['snapshot-id']) }) as unknown as T

const snapshotOf = ({ 'parent-snapshot-id': parentId, ...rest }: WrittenSnapshot): Snapshot => {
  const snapshot = widened<Snapshot>(rest)
  return isAbsent(parentId) ? snapshot : { ...snapshot, 'parent-snapshot-id': BigInt(parentId) }
}

const refsOf = (
  written: Readonly<Record<string, WithId<SnapshotRef>>>,
  current: bigint | null
): Readonly<Record<string, SnapshotRef>> => {
  const refs = Object.fromEntries(
    Object.entries(written).map(([name, ref]) => [name, widened<SnapshotRef>(ref)])
  )
  return current === null
    ? refs
    : { ...refs, main: { type: 'branch', ...refs['main'], 'snapshot-id': current } }
}

/** Parts of metadata never change, and most are in the next version too. */
const written = new WeakMap<object, Uint8Array>()

const bytesOf = (value: unknown): Uint8Array => {
  if (typeof value !== 'object' || value === null) return Buffer.from(stringifyJson(value))
  const known = written.get(value)
  if (known !== undefined) return known
  const bytes = Buffer.from(stringifyJson(value))
  written.set(value, bytes)
  return bytes
}

const [closeObject, openList, closeList, emptyList, comma] = ['}', '[', ']', '[]', ','].map(
  (text) => Buffer.from(text)
) as [Buffer, Buffer, Buffer, Buffer, Buffer]

const found = <T>(value: T | undefined, metadata: TableMetadata, what: string): T => {
  if (value === undefined)
    throw new TableUnreadable({ location: metadata.location, reason: `metadata lacks its ${what}` })
  return value
}
