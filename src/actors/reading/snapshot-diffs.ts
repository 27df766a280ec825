/** Differences between snapshots of a table; of one that is named alone, from its parent. */
import * as Effect from 'effect/Effect'
import { snapshotById } from '../../adapters/iceberg/metadata.ts'
import { refresh, type Table } from '../../adapters/iceberg/table.ts'
import type { DiffAnswer, DiffQuery, DiffRequest } from '../../adapters/query/snapshot-diff.ts'
import { ReadExpired, SnapshotNotFound } from './chosen-snapshot.ts'
import { TableUnavailable } from './leases.ts'

interface DiffAsked extends Omit<DiffRequest, 'baseId'> {
  readonly baseId: string | undefined
}

export interface SnapshotDiffs<E> {
  readonly between: (
    asked: DiffAsked
  ) => Effect.Effect<
    DiffAnswer & Pick<DiffRequest, 'baseId'>,
    E | SnapshotNotFound | ReadExpired | TableUnavailable
  >
}

export const snapshotDiffs = <E>(table: Table, query: DiffQuery<E>): SnapshotDiffs<E> => ({
  between: Effect.fnUntraced(function* (asked) {
    const baseId = asked.baseId ?? (yield* parentOf(table, asked.snapshotId))
    return { ...(yield* query.between({ ...asked, baseId })), baseId }
  })
})

/** Null for the first one of the table. */
const parentOf = Effect.fnUntraced(function* (table: Table, snapshotId: string) {
  const { metadata } = yield* refresh(table).pipe(
    Effect.mapError(({ message }) => new TableUnavailable({ detail: message }))
  )
  const snapshot = snapshotById(metadata, BigInt(snapshotId))
  if (snapshot === null)
    return yield* new SnapshotNotFound({ what: `snapshot ${snapshotId}; it may have expired` })
  const parentId = snapshot['parent-snapshot-id']
  if (parentId === undefined) return null
  if (snapshotById(metadata, parentId) === null)
    return yield* new ReadExpired({ detail: `the parent of snapshot ${snapshotId} has expired` })
  return parentId.toString()
})
