/**
 * Sets of ids as ranges, both ends inclusive.
 *
 * 1. A list of ranges is ascending and disjoint, and so is every result.
 * 2. Nothing that is given is changed.
 */

export type IdRange = readonly [from: number, to: number]

export const idsIn = (ranges: readonly IdRange[]): number =>
  ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0)

/** Ranges in any order, overlapping or touching as they like, as one list (1). */
export const unite = (ranges: readonly IdRange[]): readonly IdRange[] => {
  const united: [number, number][] = []
  for (const [from, to] of ranges.toSorted((left, right) => left[0] - right[0])) {
    const last = united.at(-1)
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to)
    else united.push([from, to])
  }
  return united
}

/** Ids of both. */
export const intersect = (
  left: readonly IdRange[],
  right: readonly IdRange[]
): readonly IdRange[] => {
  const common: IdRange[] = []
  let [at, other] = [0, 0]
  while (at < left.length && other < right.length) {
    const [[from, to], [otherFrom, otherTo]] = [left[at]!, right[other]!]
    const [first, last] = [Math.max(from, otherFrom), Math.min(to, otherTo)]
    if (first <= last) common.push([first, last])
    if (to < otherTo) at++
    else other++
  }
  return common
}

/** Ids of `ranges` that are in none of `taken`. */
export const subtract = (
  ranges: readonly IdRange[],
  taken: readonly IdRange[]
): readonly IdRange[] => {
  const left: IdRange[] = []
  let at = 0
  for (const [from, to] of ranges) {
    let next = from
    while (at < taken.length && taken[at]![1] < from) at++
    for (let index = at; index < taken.length && taken[index]![0] <= to; index++) {
      const [takenFrom, takenTo] = taken[index]!
      if (takenFrom > next) left.push([next, takenFrom - 1])
      next = takenTo + 1
    }
    if (next <= to) left.push([next, to])
  }
  return left
}

/** A range by the names of its ends. One with more to it has parts that have the same. */
export interface IdSpan {
  readonly from: number
  readonly to: number
}

export const rangesOf = (pieces: readonly IdSpan[]): readonly IdRange[] =>
  pieces.map(({ from, to }) => [from, to])

export interface Cut<P> {
  /** The parts outside of the ranges. */
  readonly kept: readonly P[]
  readonly taken: readonly P[]
}

/** Cuts pieces, ascending and disjoint, at the ends of ranges. */
export const cutPieces = <P extends IdSpan>(
  pieces: readonly P[],
  ranges: readonly IdRange[]
): Cut<P> => {
  const kept: P[] = []
  const taken: P[] = []
  let at = 0
  for (const piece of pieces) {
    while (at < ranges.length && ranges[at]![1] < piece.from) at++
    const range = ranges[at]
    if (range === undefined || range[0] > piece.to) {
      kept.push(piece)
      continue
    }
    const own: readonly IdRange[] = [[piece.from, piece.to]]
    const near = ranges.slice(at, rangesEnd(ranges, at, piece.to))
    for (const [from, to] of subtract(own, near)) kept.push({ ...piece, from, to })
    for (const [from, to] of intersect(own, near)) taken.push({ ...piece, from, to })
  }
  return { kept, taken }
}

/** Index behind the last range that begins at or before an id. */
const rangesEnd = (ranges: readonly IdRange[], start: number, id: number): number => {
  let end = start
  while (end < ranges.length && ranges[end]![0] <= id) end++
  return end
}
