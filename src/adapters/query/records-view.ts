/**
 * Views of the log, and what is of one and not of another: so a replay, or a read that is asked
 * again, finds exactly its rows, whatever has landed, was merged, or has left the tail meanwhile.
 *
 * 1. A row is of a view by its partition and offset alone, wherever it is read from.
 * 2. Views only grow: of each partition the further one is kept, with what is undecided there.
 */
import type { Parameter, RecordsView } from './query-ports.ts'

/** (2) */
export const furtherView = (known: RecordsView, next: RecordsView): RecordsView => {
  const watermarks = new Map(known.watermarks)
  const undecided = new Map(known.undecided)
  for (const [partition, offset] of next.watermarks) {
    if (offset < (known.watermarks.get(partition) ?? 0)) continue
    watermarks.set(partition, offset)
    undecided.delete(partition)
    const offsets = next.undecided.get(partition)
    if (offsets !== undefined) undecided.set(partition, offsets)
  }
  return { watermarks, undecided }
}

/** Whether the further of two views has nothing that the other lacks. */
export const isSameView = (known: RecordsView, next: RecordsView): boolean =>
  [...next.watermarks].every(([partition, offset]) => known.watermarks.get(partition) === offset)

/** Whether all that is below `others` is below `offsets` too. */
export const reaches = (
  offsets: ReadonlyMap<string, number>,
  others: ReadonlyMap<string, number>
): boolean =>
  [...others].every(([partition, offset]) => offset <= (offsets.get(partition) ?? 0))

interface Condition {
  readonly sql: string
  readonly parameters: Readonly<Record<string, Parameter>>
}

/** Of rows of a table: that they are of the view. Names of parameters begin with `name`. */
export const inView = (name: string, { watermarks, undecided }: RecordsView): Condition => {
  const held = [...undecided].flatMap(([partition, offsets]) =>
    offsets.map((offset) => `${partition}/${offset}`)
  )
  const end = `($${name}_ends::BIGINT[])[list_position($${name}_partitions, "k2_partition")]`
  const isBelow = `"k2_offset" < coalesce(${end}, 0)`
  const isHeld = `list_contains($${name}_held, concat("k2_partition", '/', "k2_offset"))`
  return {
    sql: held.length === 0 ? `(${isBelow})` : `(${isBelow} AND NOT ${isHeld})`,
    parameters: {
      [`${name}_partitions`]: { type: 'texts', value: [...watermarks.keys()] },
      [`${name}_ends`]: { type: 'longs', value: [...watermarks.values()] },
      ...(held.length === 0 ? {} : { [`${name}_held`]: { type: 'texts', value: held } })
    }
  }
}
