/** Which snapshot of a table is read: the current one, a named one, or one that has a point. */
import * as Schema from 'effect/Schema'
import {
  allOffsets,
  type ByPartition,
  nothingRecorded,
  type RecordedState,
  recordedStateAt,
  removalsOf
} from '../../adapters/iceberg/k2-summary.ts'
import {
  currentSnapshot,
  lineage,
  type Snapshot,
  snapshotById,
  type TableMetadata
} from '../../adapters/iceberg/metadata.ts'
import type { ReadAt } from '../../adapters/query/query-ports.ts'
import type { ReadPoint } from '../../adapters/query/read-point.ts'
import { reaches } from '../../adapters/query/records-view.ts'

/** No such snapshot or tag. */
export class SnapshotNotFound extends Schema.TaggedError<SnapshotNotFound>()('SnapshotNotFound', {
  what: Schema.String
}) {
  override get message() {
    return `the table has no ${this.what}`
  }
}

/** What was there is not there any more. */
export class ReadExpired extends Schema.TaggedError<ReadExpired>()('ReadExpired', {
  detail: Schema.String
}) {
  override get message() {
    return this.detail
  }
}

export type ChoiceFault = SnapshotNotFound | ReadExpired

/**
 * Null for a table without snapshots, or a point from before its first one.
 * @throws SnapshotNotFound, ReadExpired
 */
export const chosenSnapshot = (
  name: string,
  metadata: TableMetadata,
  at: ReadAt | undefined
): Snapshot | null => {
  if (at === undefined) return currentSnapshot(metadata)
  switch (at.kind) {
    case 'snapshot':
      return (
        snapshotById(metadata, BigInt(at.snapshotId)) ??
        notFound(`snapshot ${at.snapshotId}; it may have expired`)
      )
    case 'tag': {
      const ref = Object.hasOwn(metadata.refs, at.name) ? metadata.refs[at.name] : undefined
      const tagged = ref?.type === 'tag' ? snapshotById(metadata, ref['snapshot-id']) : null
      return tagged ?? notFound(`tag ${at.name}`)
    }
    case 'time':
      return snapshotAt(metadata, at.atMs)
    case 'point':
      return snapshotWith(name, metadata, at.point)
    default:
      return at satisfies never
  }
}

const notFound = (what: string): never => {
  throw new SnapshotNotFound({ what })
}

/** The newest of main that is not younger. */
const snapshotAt = (metadata: TableMetadata, atMs: number): Snapshot => {
  const main = lineage(metadata, currentSnapshot(metadata))
  const found = main.find((it) => it['timestamp-ms'] <= atMs)
  if (found !== undefined) return found
  const oldest = main.at(-1)
  if (oldest?.['parent-snapshot-id'] !== undefined)
    throw new ReadExpired({ detail: 'the snapshots of that time have expired' })
  return notFound('snapshot of that time: it is older than the table')
}

/**
 * The current one, where nothing has been taken from it that the point has; else the newest before
 * that was, if it has all of the point: what the tail had beyond it may be gone from there.
 */
const snapshotWith = (name: string, metadata: TableMetadata, point: ReadPoint): Snapshot | null => {
  const current = currentSnapshot(metadata)
  const stateOf = (snapshot: Snapshot | null): RecordedState =>
    snapshot === null ? nothingRecorded : recordedStateAt(name, metadata, snapshot)
  const isWhole = (snapshot: Snapshot | null) =>
    removalsOf(stateOf(snapshot)) === point.removals
  if (isWhole(current)) return current
  const found = lineage(metadata, current).find(isWhole)
  const offsetsOf = (snapshot: Snapshot) => byLabel(allOffsets(stateOf(snapshot)))
  if (found !== undefined && reaches(offsetsOf(found), point.watermarks)) return found
  throw new ReadExpired({ detail: 'rows have been taken out of the table since' })
}

/** By `k2_partition`, as rows name it. */
export const byLabel = <V>(values: ByPartition<V>): ReadonlyMap<string, V> =>
  new Map(
    Object.entries(values).flatMap(([identity, topics]) =>
      Object.entries(topics).flatMap(([topic, partitions]) =>
        Object.entries(partitions).map(
          ([partition, value]) => [`${identity}/${topic}/${partition}`, value] as const
        )
      )
    )
  )
