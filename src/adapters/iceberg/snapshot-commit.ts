/**
 * One optimistic commit of a new snapshot, whatever it contains (spec, "Optimistic Concurrency";
 * R1, R9, R19).
 *
 * 1. Every attempt starts from the current metadata; `draftOf` decides anew what the snapshot holds
 *    on that parent, and takes `k2.*` from it. Nothing that was read for an earlier attempt
 *    survives, but for files that nothing refers to.
 * 2. All files that the new metadata names are durable before the catalog is asked to commit.
 * 3. Only a definite conflict is retried, at most `attemptsMax` times. An unclear outcome ends the
 *    commit as `CommitUnknown`, and nothing is deleted then.
 * 4. After a definite failure nothing of ours is left: files of lost attempts are removed, as far
 *    as that succeeds.
 * 5. A commit is done only if the catalog has its summary as it was given.
 */
import * as Effect from 'effect/Effect'
import {
  CommitFailed,
  CommitUnknown,
  SummaryAltered,
  type TableMissing,
  type TableUnreadable
} from './errors.ts'
import { ourListSuffix } from './k2-summary.ts'
import { encodeManifestList, type ManifestFile, type SnapshotIds } from './manifest-list.ts'
import { commitTimeMs, expiredBy } from './metadata-updates.ts'
import { currentSnapshot, type Snapshot, type TableMetadata } from './metadata.ts'
import type {
  CommitRefused,
  CommittedVersion,
  PreparedCommit,
  SwapUnknown,
  TableCommit,
  TableVersion
} from './ports.ts'
import { checkSummary, type FileCounts, summaryOf } from './snapshot-summary.ts'
import {
  readManifestList,
  refresh,
  rememberList,
  uuidBytes,
  type Table
} from './table.ts'
import { unreferencedFiles, type RemovedFile } from './unreferenced-files.ts'

/** What an attempt builds on. */
export interface CommitBase {
  readonly version: TableVersion
  readonly metadata: TableMetadata
  readonly parent: Snapshot | null
  readonly manifests: readonly ManifestFile[]
  readonly ids: SnapshotIds
}

/** What an attempt wants to commit. */
export interface SnapshotDraft {
  readonly operation: 'append' | 'replace' | 'overwrite' | 'delete'
  readonly manifests: readonly ManifestFile[]
  /** Files that the manifests need and that may not be written yet. */
  readonly writes: readonly FileToWrite[]
  /** Makes data files durable that are not yet. */
  readonly syncDataFiles?: Effect.Effect<void, { readonly message: string }> | undefined
  readonly added: FileCounts
  readonly deleted: FileCounts
  readonly changedPartitionCount: number
  /** `k2.*` entries and further ones; the operation, counts, totals and commit id are added. */
  readonly summary: Readonly<Record<string, string>>
}

export interface FileToWrite {
  readonly location: string
  readonly bytes: Uint8Array
}

export interface Committed {
  readonly snapshotId: bigint
  readonly parentId: bigint | null
  readonly sequenceNumber: number
  readonly timestampMs: number
  readonly summary: Readonly<Record<string, string>>
  /** Attempts; 0 if an earlier call had committed this commit id already. */
  readonly attempts: number
  /**
   * No longer named by the table; delete them no sooner than readers allow (R28), in this order.
   */
  readonly removed: readonly RemovedFile[]
}

/** A draft, or the answer if no snapshot is to be made. */
export type DraftResult<A> = { readonly draft: SnapshotDraft } | { readonly done: A }

export type CommitError =
  CommitFailed | CommitUnknown | SummaryAltered | TableUnreadable | TableMissing

/**
 * `start` is the table as the caller has just loaded it, for the first attempt: should it not be
 * current any more, that attempt conflicts.
 */
export const commitSnapshot = <A, E>(
  table: Table,
  commitId: string,
  draftOf: (base: CommitBase) => Effect.Effect<DraftResult<A>, E>,
  start?: TableVersion
): Effect.Effect<Committed | A, E | CommitError> => {
  const durable = new Set<string>()
  const commit = Effect.gen(function* () {
    const snapshotId = snapshotIdOf(table.ports.ids.uuid())
    for (let attempts = 1; attempts <= attemptsMax; attempts += 1) {
      const loaded = attempts === 1 && start !== undefined ? start : yield* refresh(table)
      const base = yield* baseOf(table, snapshotId, loaded)
      const result = yield* draftOf(base)
      if ('done' in result) {
        yield* removeQuietly(table, [...durable])
        return result.done
      }
      const { draft } = result
      const next = nextCommit(table, commitId, base, draft)
      const prepared = yield* makeReady(table, { commitId, draft, next, durable })
      const version = yield* committed(table, commitId, base, prepared)
      if (version !== 'conflict') {
        return yield* finish(table, base, { draft, next, version, attempts, durable })
      }
      table.ports.observe?.({ type: 'commit.conflicted', table: table.name, count: attempts })
      yield* removeQuietly(table, [next.list.location])
      durable.delete(next.list.location)
    }
    const reason = `${attemptsMax} attempts lost to other commits`
    return yield* new CommitFailed({ table: table.name, commitId, reason })
  })
  return commit.pipe(
    Effect.tapError((error) =>
      // What is unknown may have landed; what was altered has.
      error instanceof CommitUnknown || error instanceof SummaryAltered
        ? Effect.void
        : removeQuietly(table, [...durable])
    )
  )
}

/** Iceberg's snapshot ids: 63 random bits, from a UUID. */
const snapshotIdOf = (uuid: string): bigint => {
  const bits = BigInt(`0x${uuid.replaceAll('-', '')}`)
  return ((bits >> 64n) ^ (bits & 0xffff_ffff_ffff_ffffn)) & 0x7fff_ffff_ffff_ffffn
}

const attemptsMax = 20

interface NextCommit {
  readonly commit: TableCommit
  readonly list: FileToWrite
}

const baseOf = Effect.fnUntraced(function* (
  table: Table,
  snapshotId: bigint,
  version: TableVersion
) {
  const { metadata } = version
  const parent = currentSnapshot(metadata)
  const base: CommitBase = {
    version,
    metadata,
    parent,
    manifests: parent === null ? [] : yield* readManifestList(table, parent),
    ids: {
      snapshotId,
      parentId: parent?.['snapshot-id'] ?? null,
      sequenceNumber: metadata['last-sequence-number'] + 1
    }
  }
  return base
})

const nextCommit = (
  table: Table,
  commitId: string,
  base: CommitBase,
  draft: SnapshotDraft
): NextCommit => {
  const { ids, version } = base
  const metadata: TableMetadata = {
    ...base.metadata,
    properties: { ...base.metadata.properties, ...table.properties }
  }
  const uuid = table.ports.ids.uuid()
  const listName = `snap-${ids.snapshotId}-${ids.sequenceNumber}-${uuid}${ourListSuffix}`
  const list = {
    location: `${metadata.location}/metadata/${listName}`,
    bytes: encodeManifestList(ids, draft.manifests, uuidBytes(uuid))
  }
  const snapshot: Snapshot = {
    'snapshot-id': ids.snapshotId,
    ...(ids.parentId === null ? {} : { 'parent-snapshot-id': ids.parentId }),
    'sequence-number': ids.sequenceNumber,
    'timestamp-ms': commitTimeMs(metadata, table.ports.clockMs()),
    'manifest-list': list.location,
    summary: summaryOf(base.parent, draft, commitId),
    'schema-id': metadata['current-schema-id']
  }
  const expired = expiredBy(metadata, snapshot)
  const { properties } = metadata
  return { commit: { base: version, snapshot, expired, properties, uuid }, list }
}

interface Attempt {
  readonly commitId: string
  readonly draft: SnapshotDraft
  readonly next: NextCommit
  readonly durable: Set<string>
}

/**
 * Independent files are written, and synced, side by side, and the commit is prepared beside them
 * (2).
 */
const makeReady = (
  table: Table,
  { commitId, draft, next, durable }: Attempt
): Effect.Effect<PreparedCommit, CommitFailed> => {
  const { files, catalog } = table.ports
  const writing = [...draft.writes, next.list]
    .filter((it) => !durable.has(it.location))
    .map(({ location, bytes }) => {
      // Named before it is written: a write that fails half way is cleaned up as well.
      durable.add(location)
      return files.writeNew(location, bytes).pipe(
        Effect.tapError((fault) =>
          Effect.sync(() => {
            // Not ours, then, and not ours to remove.
            if (fault._tag === 'FileExists') durable.delete(location)
          })
        )
      )
    })
  let prepared: PreparedCommit | undefined
  const preparing = catalog.prepare(table.identifier, next.commit).pipe(
    Effect.map((commit) => {
      prepared = commit
      return commit
    })
  )
  const writes = Effect.all([draft.syncDataFiles ?? Effect.void, ...writing], {
    concurrency: writeConcurrencyMax,
    discard: true
  })
  return Effect.all([preparing, writes], { concurrency: 'unbounded' }).pipe(
    Effect.map(([commit]) => commit),
    Effect.tapError(() => prepared?.discard ?? Effect.void),
    Effect.mapError(
      ({ message: reason }) => new CommitFailed({ table: table.name, commitId, reason })
    )
  )
}

const writeConcurrencyMax = 8

const committed = (table: Table, commitId: string, base: CommitBase, prepared: PreparedCommit) =>
  Effect.mapError(prepared.commit, (fault: SwapUnknown | CommitRefused) => {
    const { message: reason } = fault
    if (fault._tag === 'CommitRefused') {
      return new CommitFailed({ table: table.name, commitId, reason })
    }
    return new CommitUnknown({
      table: table.name,
      commitId,
      parentId: base.ids.parentId?.toString() ?? null,
      reason
    })
  })

interface Outcome {
  readonly draft: SnapshotDraft
  readonly next: NextCommit
  readonly version: CommittedVersion
  readonly attempts: number
  readonly durable: ReadonlySet<string>
}

const finish = Effect.fnUntraced(function* (table: Table, base: CommitBase, outcome: Outcome) {
  const { draft, next, version, attempts } = outcome
  const { snapshot, expired } = next.commit
  const { location, metadata, trimmed } = version
  yield* checkSummary(table.name, metadata, snapshot)
  rememberList(table, next.list.location, draft.manifests)
  // Another fiber of this process may have seen, or made, a later version by now.
  if (metadata['last-sequence-number'] > table.loaded.metadata['last-sequence-number']) {
    table.loaded = { location, metadata }
  }
  const named = new Set([next.list.location, ...draft.manifests.map((it) => it.manifest_path)])
  yield* removeQuietly(
    table,
    [...outcome.durable].filter((it) => !named.has(it))
  )
  const removed = yield* unreferencedFiles(table, { after: metadata, expired, trimmed })
  const result: Committed = {
    snapshotId: snapshot['snapshot-id'],
    parentId: base.ids.parentId,
    sequenceNumber: base.ids.sequenceNumber,
    timestampMs: snapshot['timestamp-ms'],
    summary: snapshot.summary,
    attempts,
    removed
  }
  return result
})

/** Removes files that nothing ever referred to; what remains is an orphan, no harm to the table. */
const removeQuietly = (table: Table, locations: readonly string[]) =>
  Effect.forEach(locations, (it) => Effect.ignore(table.ports.files.remove(it)), { discard: true })
