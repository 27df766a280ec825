/**
 * Sequence tracking for streams whose venue numbers its records in ascending order and skips
 * numbers as it likes, as book tickers do (R12).
 *
 * 1. An id at or below the high-water is a duplicate: the publisher keeps the order of a key
 *    strictly, so what is older has come before. Skipped ids are no holes.
 * 2. One corrupt id changes nothing: an id more than `jumpMax` ahead, and one so far below the
 *    high-water that is newer in time, are held until three ascending ids agree, none of them more
 *    than `jumpMax` from the one before. What is not confirmed is refused, one by one.
 * 3. An id a little below the high-water is a repeat whatever its time says: where the venue sends
 *    no time it is the receive time, and connections that overlap bring each id twice.
 */
import { duplicate, type Epoch, foldBy, type Placed } from './sequence.ts'

export const foldIncreasing = foldBy({
  suspicionOf: ({ high, newestUs }, isNewest, { id, timeUs }, { jumpMax }) => {
    if (id > high + jumpMax) return 'jump'
    return isNewest && id < high - jumpMax && timeUs > newestUs ? 'restart' : undefined
  },
  isHeld: (held, { id }, { jumpMax }) => {
    const last = held.at(-1)
    return last !== undefined && id <= last.id && id >= last.id - jumpMax
  },
  follows: (heldId, id, { jumpMax }) => id > heldId && id <= heldId + jumpMax,
  place: (epoch: Epoch, { id, timeUs }): Placed => {
    if (id <= epoch.high) return duplicate
    epoch.high = id
    if (timeUs > epoch.newestUs) epoch.newestUs = timeUs
    return { kind: 'next', epoch: epoch.number, gapIds: 0 }
  }
})
