/**
 * Which files of a snapshot a query must read, newest first (R22).
 *
 * 1. A file is left out only if its partition or its bounds prove that no row of it matches:
 *    manifests by their partition ranges first, then files by partition, then by the bounds of
 *    `timestamp` and `symbol`. What is unknown is read.
 * 2. Files and their bounds are immutable and decoded once, and those of the same manifests are
 *    sorted once; a plan is kept by snapshot and filter.
 * 3. A snapshot with row-level delete files is refused, never read without them.
 */
import { fileURLToPath } from 'node:url'
import * as Effect from 'effect/Effect'
import { decodeValue } from './bounds.ts'
import { makeByteCache } from './byte-cache.ts'
import {
  DeletesUnsupported,
  OffsetsMissing,
  SnapshotMissing,
  SummaryAltered
} from './errors.ts'
import { nothingRecorded, type RecordedState, recordedStateAt } from './k2-summary.ts'
import { entryDeleted, type DataFileEntry } from './manifest.ts'
import type { ManifestFile } from './manifest-list.ts'
import { liveManifests } from './manifest-merge.ts'
import {
  currentSchema,
  currentSnapshot,
  snapshotById,
  specById,
  type Snapshot,
  type TableMetadata
} from './metadata.ts'
import { fieldNamed, timeColumn } from './schema.ts'
import {
  type FileIndex,
  indexOfFiles,
  manifestMayMatch,
  type ScanFilter
} from './scan-filter.ts'
import { readManifest, readManifestList, refresh, type Table } from './table.ts'

interface PlannedFile {
  /** URI, as the metadata names it. */
  readonly location: string
  /** Local path. */
  readonly path: string
  readonly recordCount: number
  readonly fileSizeBytes: number
  /** Bounds of the time column, µs, both inclusive; infinite where unknown. */
  readonly timestampLowerUs: number
  readonly timestampUpperUs: number
  /**
   * Bounds of `symbol`, both inclusive; the upper one may be longer than any symbol of the file.
   */
  readonly symbolLower: string | null
  readonly symbolUpper: string | null
  readonly exchange: string | null
  /** Whether rows are in the table's sort order. */
  readonly sorted: boolean
  /** Its data sequence number: of the snapshot that brought the newest of its rows. */
  readonly sequenceNumber: number
}

interface ScanPlan {
  /** null: the table has no snapshot. */
  readonly snapshotId: bigint | null
  /** Newest upper bound of `timestamp` first. */
  readonly files: readonly PlannedFile[]
  readonly manifestsConsidered: number
  readonly manifestsPruned: number
  readonly filesConsidered: number
  readonly filesPruned: number
  /** What the snapshot says has landed; null where it does not say so, by others' hand. */
  readonly recorded: RecordedState | null
}

export interface ScanPlanner {
  /** Plans a snapshot, the current one by default. */
  readonly plan: (filter: ScanFilter, snapshotId?: bigint) => Effect.Effect<ScanPlan, PlanError>
}

type PlanError =
  DeletesUnsupported | SnapshotMissing | Effect.Error<ReturnType<typeof refresh>>

export interface PlannerOptions {
  /**
   * Local path of a location. Default: the path of a `file://` URI; any other location stands for
   * itself, for who only plans.
   */
  readonly pathOf?: (location: string) => string
  /** Plans kept, default 256. */
  readonly plansMax?: number
}

export const makeScanPlanner = (table: Table, options: PlannerOptions = {}): ScanPlanner => {
  const plansMax = options.plansMax ?? plansMaxDefault
  const plans = new Map<string, ScanPlan>()
  const filesOf = makeFileLister(table, options.pathOf ?? pathOrLocation)
  return {
    plan: Effect.fnUntraced(function* (filter, snapshotId) {
      const { metadata } = yield* refresh(table)
      const snapshot =
        snapshotId === undefined ? currentSnapshot(metadata) : snapshotById(metadata, snapshotId)
      if (snapshot === null) {
        if (snapshotId === undefined) return emptyPlan
        return yield* new SnapshotMissing({ table: table.name, snapshotId: snapshotId.toString() })
      }
      const { exchange, symbol, exchanges, symbols, fromUs, toUs } = filter
      const id = snapshot['snapshot-id'].toString()
      const key = JSON.stringify([id, exchange, symbol, exchanges, symbols, fromUs, toUs])
      const known = plans.get(key)
      if (known !== undefined) return known
      const plan = yield* planSnapshot(table, { metadata, snapshot, filter, filesOf })
      for (const oldest of plans.keys()) {
        if (plans.size < plansMax) break
        plans.delete(oldest)
      }
      plans.set(key, plan)
      return plan
    })
  }
}

const plansMaxDefault = 256
const readConcurrencyMax = 8
const plannedBytesMax = 64 * 1024 * 1024
const sortedBytesMax = 8 * 1024 * 1024
const pathOrLocation = (location: string): string =>
  location.startsWith('file:') ? fileURLToPath(location) : location

/** A reference, bounds of time and the number of a place. */
const indexedBytes = 28
/** An estimate: two paths of some hundred characters, and numbers. */
const plannedFileBytes = 768

const emptyPlan: ScanPlan = {
  snapshotId: null,
  files: [],
  manifestsConsidered: 0,
  manifestsPruned: 0,
  filesConsidered: 0,
  filesPruned: 0,
  recorded: nothingRecorded
}

type FileLister = ReturnType<typeof makeFileLister>

/** Live files of some manifests, newest first, as a filter leaves them. */
const makeFileLister = (table: Table, pathOf: (location: string) => string) => {
  const filesOf = makeFileDecoder(table, pathOf)
  const sorted = makeByteCache<FileIndex<PlannedFile>>(sortedBytesMax)
  return Effect.fnUntraced(function* (manifests: readonly ManifestFile[], columns: Columns) {
    const key = manifests.map(({ manifest_path: path }) => path).join('\n')
    const known = sorted.get(key)
    if (known !== undefined) return known
    const lists = yield* Effect.forEach(manifests, (it) => filesOf(it, columns), {
      concurrency: readConcurrencyMax
    })
    const files = lists.flat().sort(newestFirst)
    const index = indexOfFiles(files)
    sorted.set(key, index, key.length + files.length * indexedBytes)
    return index
  })
}

/** Live files of a manifest, decoded once: far smaller than its entries, so they are kept apart. */
const makeFileDecoder = (table: Table, pathOf: (location: string) => string) => {
  const decoded = makeByteCache<readonly PlannedFile[]>(plannedBytesMax)
  return Effect.fnUntraced(function* (manifest: ManifestFile, columns: Columns) {
    const known = decoded.get(manifest.manifest_path)
    if (known !== undefined) return known
    const entries = yield* readManifest(table, manifest)
    const files = entries
      .filter((it) => it.status !== entryDeleted)
      .map((it) => ({
        ...plannedFile(it.data_file, columns, pathOf),
        sequenceNumber: it.sequence_number ?? manifest.sequence_number
      }))
    decoded.set(manifest.manifest_path, files, files.length * plannedFileBytes)
    return files
  })
}

interface ScanRequest {
  readonly metadata: TableMetadata
  readonly snapshot: Snapshot
  readonly filter: ScanFilter
  readonly filesOf: FileLister
}

const planSnapshot = Effect.fnUntraced(function* (table: Table, request: ScanRequest) {
  const { metadata, snapshot, filter, filesOf } = request
  const snapshotId = snapshot['snapshot-id']
  const manifests = liveManifests(yield* readManifestList(table, snapshot))
  if (manifests.some((it) => it.content !== 0)) {
    return yield* new DeletesUnsupported({
      table: table.name,
      snapshotId: snapshotId.toString()
    })
  }
  const columns = columnsOf(metadata)
  const matching = manifests.filter((it) =>
    manifestMayMatch(specById(metadata, it.partition_spec_id), it, filter)
  )
  const files = (yield* filesOf(matching, columns))(filter)
  const filesConsidered = manifests.reduce((sum, it) => sum + liveFileCount(it), 0)
  const plan: ScanPlan = {
    snapshotId,
    files,
    manifestsConsidered: manifests.length,
    manifestsPruned: manifests.length - matching.length,
    filesConsidered,
    filesPruned: filesConsidered - files.length,
    recorded: recordedOrNull(table, metadata, snapshot)
  }
  return plan
})

const recordedOrNull = (
  table: Table,
  metadata: TableMetadata,
  snapshot: Snapshot
): RecordedState | null => {
  try {
    return recordedStateAt(table.name, metadata, snapshot)
  } catch (error) {
    // Landing says so and stops; what the files hold can be read all the same.
    if (error instanceof OffsetsMissing || error instanceof SummaryAltered) return null
    throw error
  }
}

const liveFileCount = (it: ManifestFile): number => it.added_files_count + it.existing_files_count

const newestFirst = (left: PlannedFile, right: PlannedFile): number =>
  descending(left.timestampUpperUs, right.timestampUpperUs) ||
  descending(left.timestampLowerUs, right.timestampLowerUs)

const descending = (left: number, right: number): number =>
  left === right ? 0 : right > left ? 1 : -1

interface Columns {
  readonly timestampId: number
  readonly symbolId: number
}

const columnsOf = (metadata: TableMetadata): Columns => {
  const schema = currentSchema(metadata)
  return {
    timestampId: fieldNamed(schema, timeColumn(schema)).id,
    symbolId: fieldNamed(schema, 'symbol').id
  }
}

const plannedFile = (
  file: DataFileEntry,
  { timestampId, symbolId }: Columns,
  pathOf: (location: string) => string
): Omit<PlannedFile, 'sequenceNumber'> => {
  const lower = (id: number) => file.lower_bounds?.find((it) => it.key === id)?.value
  const upper = (id: number) => file.upper_bounds?.find((it) => it.key === id)?.value
  const micros = (bytes: Buffer | undefined, otherwise: number) =>
    bytes === undefined ? otherwise : Number(decodeValue('timestamptz', bytes))
  const exchange = file.partition['exchange']
  return {
    location: file.file_path,
    path: pathOf(file.file_path),
    recordCount: file.record_count,
    fileSizeBytes: file.file_size_in_bytes,
    timestampLowerUs: micros(lower(timestampId), -Infinity),
    timestampUpperUs: micros(upper(timestampId), Infinity),
    symbolLower: lower(symbolId)?.toString('utf8') ?? null,
    symbolUpper: upper(symbolId)?.toString('utf8') ?? null,
    exchange: typeof exchange === 'string' ? exchange : null,
    sorted: (file.sort_order_id ?? 0) > 0
  }
}
