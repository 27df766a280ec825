/**
 * Sequence tracking for records that are versions of what they describe, without numbers of a venue
 * (reference data, R49): a version is the next one if it says something else and is newer.
 *
 * The state is that of a sequence of one epoch whose `high` is the version that holds, as a number,
 * and whose `newestUs` is when it was last said.
 *
 * 1. A version that is said again is a duplicate, however often the log repeats it.
 * 2. A record that is not newer than what was folded is a duplicate, so that a late repeat of an
 *    older version does not take the place of the newer one.
 */
import { duplicate, type FoldArrival } from './sequence.ts'

export const foldVersion: FoldArrival = (state, { id, timeUs }) => {
  const epoch = state.epochs[0]
  if (epoch === undefined) {
    state.epochs.push({
      number: 0,
      startUs: Number.MIN_SAFE_INTEGER,
      low: id,
      high: id,
      newestUs: timeUs,
      holes: [],
      writtenOffIds: 0
    })
    return next
  }
  if (timeUs <= epoch.newestUs) return repeated // (2)
  epoch.newestUs = timeUs
  if (id === epoch.high) return repeated // (1)
  epoch.low = id
  epoch.high = id
  return next
}

const next = { outcome: { kind: 'next', epoch: 0, gapIds: 0 }, refused: [] } as const
const repeated = { outcome: duplicate, refused: [] } as const
