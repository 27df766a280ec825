/**
 * Which missing ids are asked of the venue next, and when it is enough: the healer's memory, a fold
 * of looks at what is missing and of the venue's answers. Pure: time comes in.
 *
 * 1. The holes of the latest look are the fact: a piece of the plan lies in one of them, and what
 *    has landed is in none. A hole closes by what landed, never by what was asked (R29).
 * 2. Ids are asked for only after everything that had been accepted when they were found missing
 *    has landed without them, and not before `graceMs`: what is on its way is no hole (R54). The
 *    same holds after they were published.
 * 3. Tiers in order, in each the oldest first. A request is of one symbol, spans at most
 *    `requestIdsMax` ids, and begins at an id before the first that it wants that the venue is
 *    known to have.
 * 4. After `attemptsMax` answers that did not close them, or one that has both neighbours and not
 *    them, ids are written off: claimed, and not asked for again for `restMs`. What cannot be a
 *    trade is claimed each time: the ledger closes it by so many refusals, of which an answer
 *    without trades is none (R29).
 * 5. Pieces are bounded. What is beyond that is found missing again when there is room.
 * 6. Of what was published, at most `unlandedMax` ids and a request's may wait to land: healing
 *    must not become the backlog that pressure comes from (R20).
 */
import type { IdSpan } from '../market/id-ranges.ts'
import type { OpenHole } from '../market/open-hole.ts'
import type { Tier } from '../market/tier.ts'
import type {
  HealAnswer,
  HealClaim,
  HealLook,
  HealRequest,
  HealTerms
} from './heal-facts.ts'
import { clippedPieces, cutPiece, type Piece } from './heal-piece.ts'

/** Missing ids of one epoch of a symbol. */
interface Lane {
  readonly exchange: string
  readonly symbol: string
  readonly epoch: number
  readonly tier: Tier
  readonly landedMs: number
  readonly endedUs: number | null
  /** Ascending, disjoint. */
  readonly pieces: readonly Piece[]
}

/** In the order of their tiers. */
export interface HealPlan {
  readonly lanes: readonly Lane[]
}

export const emptyPlan: HealPlan = { lanes: [] }

export interface HealStep {
  readonly plan: HealPlan
  /** What has been written off by this step. */
  readonly claims: readonly HealClaim[]
}

/** (1), (2), (4), (5) */
export const looked = (plan: HealPlan, look: HealLook, terms: HealTerms): HealStep => {
  const known = new Map(plan.lanes.map((lane) => [keyOf(lane), lane.pieces]))
  const claims: HealClaim[] = []
  const lanes = lanesOf(look).map((lane) => {
    const { holes, ...facts } = lane
    const found = clippedPieces(known.get(keyOf(lane)) ?? [], holes, {
      sinceMs: look.atMs,
      readyMs: look.atMs + terms.graceMs,
      mustLandMs: look.atMs,
      attempts: 0,
      isPublished: false,
      restUntilMs: null
    })
    const pieces = found.map((piece) => {
      if (!isAskable(piece, lane, look.atMs)) return piece
      if (lane.endedUs === null && piece.attempts < terms.attemptsMax) return piece
      claims.push(claimOf(lane, piece, look.atMs))
      return { ...piece, attempts: 0, restUntilMs: look.atMs + terms.restMs }
    })
    return { ...facts, pieces }
  })
  return { plan: { lanes: bounded(lanes, terms.piecesMax) }, claims }
}

/** (3), (6). Null where nothing is to be asked now. */
export const nextRequest = (
  plan: HealPlan,
  nowMs: number,
  terms: HealTerms
): HealRequest | null => {
  if (isHeldBack(plan, terms)) return null
  let oldest: { readonly lane: Lane; readonly index: number; readonly sinceUs: number } | null =
    null
  for (const lane of plan.lanes) {
    if (oldest !== null && lane.tier > oldest.lane.tier) break
    const index = lane.pieces.findIndex((piece) => isAskable(piece, lane, nowMs))
    if (index === -1) continue
    const { sinceUs, sinceMs } = lane.pieces[index]!
    const since = sinceUs ?? sinceMs * 1_000
    if (oldest === null || since < oldest.sinceUs) oldest = { lane, index, sinceUs: since }
  }
  return oldest === null ? null : requestOf(oldest.lane, oldest.index, { nowMs, terms })
}

/** (2), (4) */
export const answered = (
  plan: HealPlan,
  request: HealRequest,
  answer: HealAnswer,
  terms: HealTerms
): HealStep => {
  const claims: HealClaim[] = []
  const lanes = plan.lanes.map((lane) => {
    if (keyOf(lane) !== keyOf(request)) return lane
    const pieces = lane.pieces.flatMap((piece) =>
      cutPiece(piece, request.wanted).flatMap((part) =>
        part.isCut ? afterAnswer(lane, part.piece, { answer, terms, claims }) : [part.piece]
      )
    )
    return { ...lane, pieces }
  })
  return { plan: { lanes }, claims }
}

/** (6) */
export const isHeldBack = ({ lanes }: HealPlan, { unlandedMax }: HealTerms): boolean => {
  let ids = 0
  for (const { landedMs, pieces } of lanes) {
    for (const { from, to, isPublished, mustLandMs, restUntilMs } of pieces)
      if (isPublished && restUntilMs === null && mustLandMs > landedMs) ids += to - from + 1
  }
  return ids >= unlandedMax
}

/** Of what is not written off. */
export const pendingOf = ({ lanes }: HealPlan) => {
  let [holes, ids] = [0, 0]
  for (const { pieces } of lanes) {
    for (const { from, to, restUntilMs } of pieces) {
      if (restUntilMs !== null) continue
      holes += 1
      ids += to - from + 1
    }
  }
  return { holes, ids }
}

const keyOf = ({ exchange, symbol, epoch }: Pick<Lane, 'exchange' | 'symbol' | 'epoch'>): string =>
  `${exchange}:${symbol}:${epoch}`

const lanesOf = (look: HealLook) => {
  const lanes = new Map<string, Omit<Lane, 'pieces'> & { readonly holes: OpenHole[] }>()
  for (const hole of look.holes) {
    const { exchange, symbol, epoch, endedUs } = hole
    const lane = lanes.get(keyOf(hole)) ?? {
      exchange,
      symbol,
      epoch,
      endedUs,
      tier: look.tiers[symbol] ?? 3,
      landedMs: look.landedMs[symbol] ?? Number.NEGATIVE_INFINITY,
      holes: []
    }
    lanes.set(keyOf(hole), lane)
    lane.holes.push(hole)
  }
  return [...lanes.values()].toSorted((left, right) => left.tier - right.tier)
}

const isAskable = (piece: Piece, { landedMs }: Pick<Lane, 'landedMs'>, nowMs: number): boolean =>
  piece.restUntilMs === null
    ? piece.readyMs <= nowMs && piece.mustLandMs <= landedMs
    : piece.restUntilMs <= nowMs

const requestOf = (
  { exchange, symbol, epoch, landedMs, pieces }: Lane,
  index: number,
  { nowMs, terms }: { readonly nowMs: number; readonly terms: HealTerms }
): HealRequest => {
  const first = pieces[index]!
  const knownId = knownBefore(pieces, index)
  // One that is too far away leaves room for nothing else.
  const isFirstKnown = knownId >= 0 && first.from - knownId <= terms.requestIdsMax / 2
  const fromId = isFirstKnown ? knownId : first.from
  const endId = fromId + terms.requestIdsMax - 1
  const wanted: IdSpan[] = []
  let beforeUs = first.beforeUs
  for (let at = index; at < pieces.length && pieces[at]!.from <= endId; at++) {
    const piece = pieces[at]!
    if (!isAskable(piece, { landedMs }, nowMs)) continue
    wanted.push({ from: piece.from, to: Math.min(piece.to, endId) })
    beforeUs = piece.beforeUs
  }
  // With the neighbour behind the last one, as far as there is room.
  const limit = Math.min(terms.requestIdsMax, wanted.at(-1)!.to + 2 - fromId)
  const { afterUs } = first
  return { exchange, symbol, epoch, fromId, limit, isFirstKnown, wanted, afterUs, beforeUs }
}

/**
 * The newest id before a piece that the venue certainly has: it has landed, or been read there.
 * Negative where there is none.
 */
const knownBefore = (pieces: readonly Piece[], index: number): number => {
  let { from, isDetached } = pieces[index]!
  for (let at = index - 1; at >= 0; at--) {
    const before = pieces[at]!
    if (before.to !== from - 1) break
    if (before.isPublished) return from - 1
    ;({ from, isDetached } = before)
  }
  return isDetached ? -1 : from - 1
}

/** What an answer makes of a piece all of which was asked for. */
const afterAnswer = (
  lane: Lane,
  piece: Piece,
  { answer, terms, claims }: { answer: HealAnswer; terms: HealTerms; claims: HealClaim[] }
): readonly Piece[] => {
  const { atMs } = answer
  const retryMs = atMs + terms.retryMs * terms.retryFactor ** piece.attempts
  if (answer.type === 'abandoned') {
    return [{ ...piece, restUntilMs: null, readyMs: atMs + terms.graceMs, mustLandMs: atMs }]
  }
  const failed = (part: Piece): Piece => {
    const attempts = part.attempts + 1
    const next = { ...part, attempts, isPublished: false, readyMs: retryMs, restUntilMs: null }
    return attempts < terms.attemptsMax ? next : writtenOff(next)
  }
  const writtenOff = (part: Piece): Piece => {
    claims.push(claimOf(lane, part, atMs))
    return { ...part, attempts: 0, restUntilMs: atMs + terms.restMs }
  }
  const refused = (part: Piece): Piece => {
    const attempts = refusalsOf(part) + 1
    // Published as what it is, it would not land: the same as if it had been tried.
    const next = { ...part, attempts, isPublished: true, readyMs: retryMs, restUntilMs: null }
    if (attempts >= terms.attemptsMax) return writtenOff(next)
    claims.push(claimOf(lane, next, atMs))
    return next
  }
  if (answer.type === 'useless') return [failed(piece)]
  const { published, skipped, rejected } = answer
  return cutPiece(piece, published).flatMap((part) => {
    if (part.isCut) {
      const attempts = refusalsOf(part.piece) + 1
      const readyMs = atMs + terms.graceMs
      return [
        { ...part.piece, attempts, isPublished: true, readyMs, mustLandMs: atMs, restUntilMs: null }
      ]
    }
    return cutPiece(part.piece, skipped).flatMap((other) => {
      if (other.isCut) return [writtenOff({ ...other.piece, isPublished: false })]
      return cutPiece(other.piece, rejected).map((last) =>
        last.isCut ? refused(last.piece) : failed(last.piece)
      )
    })
  })
}

/** Attempts that brought a trade which did not land: what an answer without trades was is none. */
const refusalsOf = ({ attempts, isPublished }: Piece): number => (isPublished ? attempts : 0)

const claimOf = (
  { exchange, symbol, endedUs }: Omit<Lane, 'pieces'>,
  { from, to, isPublished }: Piece,
  atMs: number
): HealClaim => ({
  exchange,
  symbol,
  // What was published three times and never landed cannot be a record.
  reason: isPublished ? 'rejected' : 'never_issued',
  fromId: from,
  toId: to,
  untilUs: endedUs ?? atMs * 1_000
})

/** (5): the written-off ones are kept as long as there are not as many of them alone. */
const bounded = (lanes: readonly Lane[], piecesMax: number): readonly Lane[] => {
  let [open, writtenOff] = [piecesMax, piecesMax]
  if (lanes.reduce((sum, { pieces }) => sum + pieces.length, 0) <= piecesMax) return lanes
  return lanes.map((lane) => ({
    ...lane,
    pieces: lane.pieces.filter(({ restUntilMs }) =>
      restUntilMs === null ? open-- > 0 : writtenOff-- > 0
    )
  }))
}
