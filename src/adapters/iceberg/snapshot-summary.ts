/**
 * The summary of a new snapshot: what it changed, the totals after it (spec, "Optional Snapshot
 * Summary Fields"), and the entries of K2; and whether a catalog has kept those.
 */
import * as Effect from 'effect/Effect'
import { SummaryAltered } from './errors.ts'
import { commitIdKey } from './k2-summary.ts'
import { snapshotById, type Snapshot, type TableMetadata } from './metadata.ts'

export interface FileCounts {
  readonly files: number
  readonly records: number
  readonly bytes: number
}

interface SummaryDraft {
  readonly operation: 'append' | 'replace' | 'overwrite' | 'delete'
  readonly added: FileCounts
  readonly deleted: FileCounts
  readonly changedPartitionCount: number
  readonly summary: Readonly<Record<string, string>>
}

export const summaryOf = (
  parent: Snapshot | null,
  draft: SummaryDraft,
  commitId: string
): Readonly<Record<string, string>> => {
  const { added, deleted } = draft
  const total = (key: string, change: number) => String(Number(parent?.summary[key] ?? 0) + change)
  const counts: Record<string, number> = {
    'added-data-files': added.files,
    'added-records': added.records,
    'added-files-size': added.bytes,
    'deleted-data-files': deleted.files,
    'deleted-records': deleted.records,
    'removed-files-size': deleted.bytes
  }
  const nonZero = Object.entries(counts)
    .filter(([, value]) => value > 0)
    .map(([key, value]) => [key, String(value)])
  return {
    operation: draft.operation,
    ...Object.fromEntries(nonZero),
    'changed-partition-count': String(draft.changedPartitionCount),
    'total-records': total('total-records', added.records - deleted.records),
    'total-data-files': total('total-data-files', added.files - deleted.files),
    'total-files-size': total('total-files-size', added.bytes - deleted.bytes),
    'total-delete-files': total('total-delete-files', 0),
    'total-position-deletes': total('total-position-deletes', 0),
    'total-equality-deletes': total('total-equality-deletes', 0),
    ...draft.summary,
    [commitIdKey]: commitId
  }
}

/** Whether the catalog has the `k2.*` entries as they were given. */
export const checkSummary = (
  table: string,
  metadata: TableMetadata,
  snapshot: Snapshot
): Effect.Effect<void, SummaryAltered> => {
  const id = snapshot['snapshot-id']
  const kept = snapshotById(metadata, id)
  if (kept === snapshot) return Effect.void
  const keys = Object.keys(snapshot.summary).filter(
    (key) => key.startsWith('k2.') && kept?.summary[key] !== snapshot.summary[key]
  )
  return keys.length === 0
    ? Effect.void
    : Effect.fail(new SummaryAltered({ table, snapshotId: id.toString(), keys }))
}
