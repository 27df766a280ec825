/** Runs of missing ids of one epoch, and where its sequence state has them. */
import type { Epoch, Hole } from '../market/sequence.ts'
import type { IdSpan } from '../market/id-ranges.ts'
import type { Explained } from './gap-reasons.ts'

/** JSON-safe. */
export interface OpenPiece extends Explained {
  readonly afterUs: number | null
  readonly beforeUs: number | null
  readonly openedUs: number
}

/** The spans, or parts of them, that hold the ids given up since so many were. */
export const spansSince = ({ writtenOff = [], writtenOffIds }: Epoch, toldIds: number) => {
  const spans: [from: number, to: number, ids: number][] = []
  let left = writtenOffIds - toldIds
  for (const [from, to, ids] of writtenOff.toReversed()) {
    if (left <= 0) break
    const own = Math.min(ids, left)
    spans.unshift([from, to, own])
    left -= own
  }
  return spans
}

/** Of an epoch, which hole a piece lies in. */
export const holeFinder = (epoch: Epoch | undefined) => {
  const holes = epoch?.holes ?? []
  return ({ from, to }: IdSpan): Hole | undefined => {
    let [low, high] = [0, holes.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (holes[middle]![1] < from) low = middle + 1
      else high = middle
    }
    const hole = holes[low]
    return hole !== undefined && hole[0] <= from && hole[1] >= to ? hole : undefined
  }
}
