/** Runs of missing ids with what the healer remembers of them, and how they are cut. Pure. */
import type { OpenHole } from '../market/open-hole.ts'

/** What is remembered of a run of missing ids. */
export interface PieceMemory {
  /** When it was found missing. */
  readonly sinceMs: number
  /** It is asked for then at the earliest. */
  readonly readyMs: number
  /** What was accepted before must have landed first. */
  readonly mustLandMs: number
  /** Answers that did not close it. */
  readonly attempts: number
  /** Whether the last of them brought it, so that it was published. */
  readonly isPublished: boolean
  /** It is written off until then; null where it is not. */
  readonly restUntilMs: number | null
}

export interface Piece extends PieceMemory {
  readonly from: number
  readonly to: number
  readonly sinceUs: number | null
  readonly afterUs: number | null
  readonly beforeUs: number | null
  /** It begins its hole, and the id before that is not known to be there (`OpenHole`). */
  readonly isDetached: boolean
}

/**
 * The pieces as far as they lie in holes, and a new one for all else of the holes.
 * @param pieces ascending and disjoint, and so are the holes
 */
export const clippedPieces = (
  pieces: readonly Piece[],
  holes: readonly Omit<OpenHole, 'epoch'>[],
  fresh: PieceMemory
): readonly Piece[] => {
  const clipped: Piece[] = []
  let at = 0
  for (const { fromId, toId, sinceUs, afterUs, beforeUs, isDetached = false } of holes) {
    while (at < pieces.length && pieces[at]!.to < fromId) at++
    let next = fromId
    const cut = (memory: PieceMemory, from: number, to: number): Piece => ({
      ...memory, sinceUs, afterUs, beforeUs, from, to, isDetached: isDetached && from === fromId
    })
    for (let index = at; index < pieces.length && pieces[index]!.from <= toId; index++) {
      const piece = pieces[index]!
      const from = Math.max(piece.from, fromId)
      const to = Math.min(piece.to, toId)
      if (from > next) clipped.push(cut(fresh, next, from - 1))
      clipped.push(cut(piece, from, to))
      next = to + 1
    }
    if (next <= toId) clipped.push(cut(fresh, next, toId))
  }
  return clipped
}

/** A piece in parts: those that lie in the spans (`isCut`), and those that do not. */
export const cutPiece = (
  piece: Piece,
  spans: readonly { readonly from: number; readonly to: number }[]
): readonly { readonly piece: Piece; readonly isCut: boolean }[] => {
  const parts: { readonly piece: Piece; readonly isCut: boolean }[] = []
  const part = (from: number, to: number): Piece => ({
    ...piece, from, to, isDetached: piece.isDetached && from === piece.from
  })
  let next = piece.from
  for (const span of spans) {
    const from = Math.max(span.from, next)
    const to = Math.min(span.to, piece.to)
    if (from > to) continue
    if (from > next) parts.push({ piece: part(next, from - 1), isCut: false })
    parts.push({ piece: part(from, to), isCut: true })
    next = to + 1
  }
  if (next <= piece.to) parts.push({ piece: part(next, piece.to), isCut: false })
  return parts
}
