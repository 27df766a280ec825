/**
 * Appending landed records, exactly once (R1, R8, R9, R10, R19, R30, R41).
 *
 * 1. An attempt commits only if the table's recorded offsets of exactly the advanced partitions are
 *    where the batch starts. Data, offsets and sequence state become visible in one swap.
 * 2. If they are not, but this commit id is in the lineage, the batch has landed by an earlier
 *    call: that is the answer.
 * 3. Data files and their manifest are written once and reused by later attempts.
 * 4. A request without data files makes a snapshot that carries offsets, state and summary only
 *    (R30).
 */
import * as Effect from 'effect/Effect'
import { dataFileEntry, type DataFile } from './data-file.ts'
import { Fenced, invariant, type PartitionCountChanged } from './errors.ts'
import {
  advanced,
  changedEntries,
  commitIdKey,
  fenceMismatches,
  recordedState,
  type Advance,
  type PartitionCount,
  type StateError
} from './k2-summary.ts'
import { encodeManifest, entryAdded, type ManifestEntry, type ManifestHeader } from './manifest.ts'
import { describeManifest } from './manifest-list.ts'
import { liveManifests, mergeManifests } from './manifest-merge.ts'
import {
  currentSchema,
  currentSnapshot,
  defaultSpec,
  lineage,
  type Snapshot,
  type TableMetadata
} from './metadata.ts'
import type { TableVersion } from './ports.ts'
import {
  commitSnapshot,
  type CommitBase,
  type CommitError,
  type Committed,
  type DraftResult,
  type SnapshotDraft
} from './snapshot-commit.ts'
import {
  attempt,
  refresh,
  rememberManifest,
  uuidBytes,
  type Table
} from './table.ts'

export interface AppendRequest {
  /** UUID of this commit; a repeated call for the same batch gives the same one. */
  readonly commitId: string
  readonly dataFiles: readonly DataFile[]
  /**
   * Makes the data files durable; runs beside the writing of metadata, at every attempt, and ends
   * before the swap. Absent where they are durable already.
   */
  readonly syncDataFiles?: Effect.Effect<void, { readonly message: string }> | undefined
  /** The table as the caller has just loaded it; saves the first attempt's look. */
  readonly start?: TableVersion | undefined
  readonly advances: readonly Advance[]
  /** Partition counts of topics that land for the first time; later ones are compared (R41). */
  readonly partitionCounts?: readonly PartitionCount[]
  readonly summaryExtra?: Readonly<Record<string, string>>
  /** Entries that the table must have, null: not have, where the batch starts: part of (1). */
  readonly requires?: Readonly<Record<string, string | null>>
}

export type AppendError = CommitError | Fenced | StateError | PartitionCountChanged

/** Commits a batch; `Fenced` and `CommitUnknown` are for the caller to act on as R19 says. */
export const commitAppend = (
  table: Table,
  request: AppendRequest
): Effect.Effect<Committed, AppendError> => {
  const uuid = table.ports.ids.uuid()
  const appended = once((base: CommitBase) =>
    appendedManifest(table, base, request.dataFiles, uuid)
  )
  return Effect.suspend(() => {
    checkRequest(request)
    return commitSnapshot<Committed, AppendError>(
      table,
      request.commitId,
      (base) => draftAppend(table, request, base, appended),
      request.start
    )
  })
}

/**
 * After `CommitUnknown`: did it land? `landed`: done. `notLanded`: commit the same request again;
 * should the first arrive late after all, one of the two fails its requirement. `parentGone`: treat
 * as `Fenced`.
 */
export const resolveUnknown = Effect.fnUntraced(function* (
  table: Table,
  unknown: { readonly commitId: string; readonly parentId: string | null }
) {
  const { metadata } = yield* refresh(table)
  const parentId = unknown.parentId === null ? null : BigInt(unknown.parentId)
  for (const snapshot of lineage(metadata, currentSnapshot(metadata))) {
    if (snapshot.summary[commitIdKey] === unknown.commitId) return landed(snapshot)
    if (snapshot['snapshot-id'] === parentId) return { outcome: 'notLanded' } satisfies Resolution
    if (parentId === null && snapshot['parent-snapshot-id'] === undefined)
      return { outcome: 'notLanded' } satisfies Resolution
  }
  const empty = parentId === null && currentSnapshot(metadata) === null
  return { outcome: empty ? 'notLanded' : 'parentGone' } satisfies Resolution
})

export type Resolution =
  | { readonly outcome: 'landed'; readonly snapshotId: bigint }
  | { readonly outcome: 'notLanded' | 'parentGone' }

const landed = (snapshot: Snapshot): Resolution => ({
  outcome: 'landed',
  snapshotId: snapshot['snapshot-id']
})

const checkRequest = ({ advances, dataFiles, commitId }: AppendRequest): void => {
  const places = new Set(
    advances.map((it) => JSON.stringify([it.logIdentity, it.topic, it.partition]))
  )
  invariant(places.size === advances.length, `commit ${commitId} advances a partition twice`)
  invariant(advances.length > 0, `commit ${commitId} advances no partition`)
  const locations = new Set(dataFiles.map((it) => it.location))
  invariant(locations.size === dataFiles.length, `commit ${commitId} names a data file twice`)
}

type Appended = ReturnType<typeof appendedManifest>

const draftAppend = Effect.fnUntraced(function* (
  table: Table,
  request: AppendRequest,
  base: CommitBase,
  appended: (base: CommitBase) => Appended
) {
  const state = yield* attempt<ReturnType<typeof recordedState>, StateError>(() =>
    recordedState(table.name, base.metadata)
  )
  const mismatches = fenceMismatches(state, request.advances)
  const changed = changedEntries(state, request.requires ?? {})
  if (mismatches.length > 0 || changed.length > 0) {
    const earlier = committedBefore(base.metadata, request.commitId)
    if (earlier === null) {
      const fence = { partitions: mismatches, entries: changed }
      return yield* new Fenced({ table: table.name, ...fence })
    }
    const done: DraftResult<Committed> = { done: earlier }
    return done
  }
  const k2 = yield* attempt<Readonly<Record<string, string>>, PartitionCountChanged>(() =>
    advanced(table.name, state, request.advances, request.partitionCounts ?? [])
  )
  const { header, entries, file } = appended(base)
  const merged = yield* mergeManifests(table, base, header, liveManifests(base.manifests))
  const added =
    file === null
      ? []
      : [
          describeManifest(
            header,
            entries,
            { path: file.location, length: file.bytes.length },
            base.ids
          )
        ]
  const draft: SnapshotDraft = {
    operation: 'append',
    manifests: [...merged.manifests, ...added],
    writes: [...merged.writes, ...(file === null ? [] : [file])],
    syncDataFiles: request.syncDataFiles,
    added: {
      files: entries.length,
      records: sum(request.dataFiles, (it) => it.recordCount),
      bytes: sum(request.dataFiles, (it) => it.fileSizeBytes)
    },
    deleted: { files: 0, records: 0, bytes: 0 },
    changedPartitionCount: new Set(request.dataFiles.map((it) => JSON.stringify(it.partition)))
      .size,
    summary: { ...k2, ...request.summaryExtra }
  }
  const result: DraftResult<Committed> = { draft }
  return result
})

/** The new files' manifest, made at the first attempt and reused (3). */
const appendedManifest = (
  table: Table,
  { metadata }: CommitBase,
  files: readonly DataFile[],
  uuid: string
) => {
  const spec = defaultSpec(metadata)
  const header: ManifestHeader = {
    schema: currentSchema(metadata),
    specId: spec['spec-id'],
    specFields: spec.fields
  }
  const sortOrderId = metadata['default-sort-order-id']
  const entries = files.map((file): ManifestEntry => ({
    status: entryAdded,
    snapshot_id: null,
    sequence_number: null,
    file_sequence_number: null,
    data_file: dataFileEntry(header, sortOrderId, file)
  }))
  if (entries.length === 0) return { header, entries, file: null }
  const location = `${metadata.location}/metadata/${uuid}-m0.avro`
  rememberManifest(table, location, entries)
  return {
    header,
    entries,
    file: { location, bytes: encodeManifest(header, entries, uuidBytes(uuid)) }
  }
}

/** What an earlier call with this commit id has committed. */
export const committedBefore = (metadata: TableMetadata, commitId: string): Committed | null => {
  const snapshot = lineage(metadata, currentSnapshot(metadata)).find(
    (it) => it.summary[commitIdKey] === commitId
  )
  if (snapshot === undefined) return null
  return {
    snapshotId: snapshot['snapshot-id'],
    parentId: snapshot['parent-snapshot-id'] ?? null,
    sequenceNumber: snapshot['sequence-number'],
    timestampMs: snapshot['timestamp-ms'],
    summary: snapshot.summary,
    attempts: 0,
    removed: []
  }
}

const once = <A, B>(make: (argument: A) => B): ((argument: A) => B) => {
  let made: { readonly value: B } | null = null
  return (argument) => (made ??= { value: make(argument) }).value
}

const sum = <A>(items: readonly A[], of: (item: A) => number): number =>
  items.reduce((total, item) => total + of(item), 0)
