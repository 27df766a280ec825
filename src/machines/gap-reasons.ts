/**
 * What claims say of ids: which of several reasons holds, and for which part of a range.
 *
 * 1. Of several claims the one that says most holds: that an id was rejected or shed, rather than
 *    that nobody was there (R5).
 * 2. A claim without ids explains what is missing between trades of its time.
 */
import type { ClaimReason, GapClaim } from '../market/gap-claim.ts'
import { type OpenReason, openReasons } from '../market/gap-events.ts'
import type { IdRange, IdSpan } from '../market/id-ranges.ts'
import type { Epoch } from '../market/sequence.ts'

/** What of a claim is kept until its ids are decided. JSON-safe. */
export interface KeptClaim {
  readonly reason: ClaimReason
  /** Both or neither. */
  readonly from: number | null
  readonly to: number | null
  readonly sinceUs: number
  readonly untilUs: number
}

export const keptClaim = ({ reason, fromId, toId, sinceUs, untilUs }: GapClaim): KeptClaim => {
  const from = fromId ?? toId
  return { reason, from, to: toId ?? from, sinceUs, untilUs }
}

/** A range that ends before it begins is of nothing: nobody missed anything. */
export const coversNothing = ({ fromId, toId }: GapClaim): boolean =>
  fromId !== null && toId !== null && toId < fromId

export const isSameClaim = (left: KeptClaim, right: KeptClaim): boolean =>
  left.reason === right.reason &&
  left.from === right.from &&
  left.to === right.to &&
  left.sinceUs === right.sinceUs &&
  left.untilUs === right.untilUs

/** The ids of claims that have some. */
export const idsOfClaim = ({ from, to }: KeptClaim): readonly IdRange[] =>
  from === null || to === null ? [] : [[from, to]]

/** Claims know no epochs: the newest one that had begun. */
export const epochOfClaim = ({ untilUs }: KeptClaim, epochs: readonly Epoch[]): number =>
  (epochs.findLast(({ startUs }) => startUs <= untilUs) ?? epochs[0])?.number ?? 0

/** Missing ids with what is known of them. */
export interface Explained extends IdSpan {
  readonly reason: OpenReason
  /** Times that a record of these ids was refused. */
  readonly attempts: number
}

interface TimedPiece extends IdSpan {
  readonly afterUs: number | null
  readonly beforeUs: number | null
}

/** A piece, cut where the claims on it differ. */
export const explained = <P extends Explained & TimedPiece>(
  piece: P,
  claims: readonly KeptClaim[]
): readonly P[] => {
  const own = claims.filter((claim) => isOn(claim, piece))
  if (own.length === 0) return [piece]
  const cuts = new Set([piece.from])
  for (const { from, to } of own) {
    if (from !== null && from > piece.from) cuts.add(from)
    if (to !== null && to < piece.to) cuts.add(to + 1)
  }
  const starts = [...cuts].toSorted((left, right) => left - right)
  const parts: P[] = []
  for (const [index, from] of starts.entries()) {
    const to = (starts[index + 1] ?? piece.to + 1) - 1
    const part = partOf(piece, { from, to }, own)
    const last = parts.at(-1)
    const continues = last?.reason === part.reason && last.attempts === part.attempts
    if (last === undefined || !continues) parts.push(part)
    else parts.splice(-1, 1, { ...last, to })
  }
  return parts
}

/** (1) The later in the list, the more it says. */
const rankOf = (reason: OpenReason): number => openReasons.indexOf(reason)

const partOf = <P extends Explained & TimedPiece>(
  piece: P,
  { from, to }: IdSpan,
  claims: readonly KeptClaim[]
): P => {
  let { reason, attempts } = piece
  for (const claim of claims) {
    if (claim.from !== null && (claim.from > from || claim.to! < to)) continue
    if (claim.reason === 'never_issued') continue
    if (claim.reason === 'rejected') attempts++
    if (rankOf(claim.reason) > rankOf(reason)) reason = claim.reason
  }
  return { ...piece, from, to, reason, attempts }
}

const isOn = (claim: KeptClaim, piece: TimedPiece): boolean => {
  if (claim.from !== null) return claim.from <= piece.to && claim.to! >= piece.from
  const { afterUs, beforeUs } = piece
  return (
    afterUs !== null &&
    beforeUs !== null &&
    afterUs <= claim.untilUs &&
    beforeUs >= claim.sinceUs
  )
}
