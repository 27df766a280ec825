/**
 * A point of the log up to which a table was read, so that it can be read like that again (R15).
 *
 * 1. Its rows are those with an offset below the watermark of their partition, but for what was
 *    held back there: that was not answered, and may land later (R7).
 * 2. Any snapshot at or beyond it has them, whatever was merged since; what no snapshot has is in
 *    the tail. Between two snapshots with the same `removals` nothing was taken out.
 * 3. Rows without a partition were written by others; no offset tells them apart.
 */
import * as Schema from 'effect/Schema'
import type { RecordsView } from './query-ports.ts'
import { inView, reaches } from './records-view.ts'

/** What was read before is in no file yet, and the log does not give it now. */
export class PointNotReached extends Schema.TaggedError<PointNotReached>()('PointNotReached', {}) {
  override get message() {
    return 'neither the table nor the tail of the log is as far as what was read before'
  }
}

type Offsets = ReadonlyMap<string, number>

export interface ReadPoint extends RecordsView {
  /** That was read; null where the table had none. */
  readonly snapshotId: string | null
  /** Of that snapshot (2). */
  readonly removals: number
  /** What could not be answered, in words. */
  readonly missing: readonly string[]
}

/** Whether rows up to `offsets` are all that the point names, and no more (2). */
export const isExactly = (
  offsets: Offsets,
  { watermarks }: Pick<ReadPoint, 'watermarks'>
): boolean => reaches(offsets, watermarks) && reaches(watermarks, offsets)

/** How far a tail is, what is held back there, and what it lacks. */
export type ReachedByTail = Pick<ReadPoint, 'watermarks' | 'undecided' | 'missing'>

/** Partitions in which the files are further than the tail: what they hold back counts. */
export const aheadOf = (files: Offsets, tail: ReachedByTail | undefined): readonly string[] =>
  [...files].flatMap(([partition, offset]) =>
    offset > (tail?.watermarks.get(partition) ?? -1) ? [partition] : []
  )

/** The point of files and tail; `undecided` is what the files hold back where they are ahead. */
export const joined = (
  files: Omit<ReadPoint, 'missing'>,
  tail: ReachedByTail | undefined
): ReadPoint => {
  if (tail === undefined) return { ...files, missing: [] }
  const ahead = new Set(aheadOf(files.watermarks, tail))
  return {
    ...files,
    watermarks: new Map([
      ...tail.watermarks,
      ...[...files.watermarks].filter(([partition]) => ahead.has(partition))
    ]),
    undecided: new Map([
      ...[...tail.undecided].filter(([partition]) => !ahead.has(partition)),
      ...[...files.undecided].filter(([partition]) => ahead.has(partition))
    ]),
    missing: tail.missing
  }
}

/** (1), (3); names of parameters begin with `point_`. */
export const pointCondition = (point: ReadPoint): ReturnType<typeof inView> => {
  const { sql, parameters } = inView('point', point)
  return { sql: `("k2_partition" IS NULL OR ${sql})`, parameters }
}
