/**
 * One step of the gap ledger over one epoch of one symbol's ids; `gap-ledger.ts` says what holds.
 *
 * 1. Pieces are runs of missing ids, ascending and disjoint, as the events have them open: a piece
 *    is split or told anew by an event only.
 */
import type { CloseReason, GapEvent } from '../market/gap-events.ts'
import {
  cutPieces,
  type IdRange,
  idsIn,
  intersect,
  rangesOf,
  subtract,
  unite
} from '../market/id-ranges.ts'
import type { Epoch, Hole } from '../market/sequence.ts'
import type { LedgerLook } from './gap-ledger.ts'
import { holeFinder, type OpenPiece, spansSince } from './gap-pieces.ts'
import { explained, idsOfClaim, type KeptClaim } from './gap-reasons.ts'

/** JSON-safe. */
export interface EpochLedger {
  readonly number: number
  readonly open: readonly OpenPiece[]
  /** Closed in the ledger, and still missing in the state (R29). */
  readonly settled: readonly IdRange[]
  /** Of the state, as far as the events have told them. */
  readonly writtenOffIds: number
}

export interface EpochLook {
  readonly number: number
  readonly known: EpochLedger | undefined
  readonly epoch: Epoch | undefined
  /** The state has dropped it: nothing of it can land any more. */
  readonly isForgotten: boolean
  /** Of earlier looks. */
  readonly claims: readonly KeptClaim[]
  readonly fresh: readonly KeptClaim[]
  /** Newest exchange time of the exchange. */
  readonly exchangeUs: number
  readonly look: LedgerLook
}

type EventDraft = Omit<GapEvent, 'number' | 'exchange' | 'symbol'>

interface EpochStep {
  readonly events: readonly EventDraft[]
  /** Undefined: nothing is to be remembered. */
  readonly ledger: EpochLedger | undefined
  /** Those that may still say something. */
  readonly claims: readonly KeptClaim[]
}

const rejectionsMax = 3

export const stepEpoch = (given: EpochLook): EpochStep => {
  const step = new EpochFold(given)
  if (given.isForgotten) return step.forget()
  step.endLanded()
  step.tellWrittenOff()
  step.explainOpen()
  step.openMissing()
  step.settle()
  return step.result()
}

class EpochFold {
  readonly #given: EpochLook
  readonly #known: EpochLedger
  readonly #events: EventDraft[] = []
  /** Ranges of the epoch's holes. */
  readonly #holes: readonly IdRange[]
  readonly #claims: readonly KeptClaim[]
  #open: readonly OpenPiece[]
  #settled: readonly IdRange[]

  constructor(given: EpochLook) {
    const { number, known, epoch, claims, fresh } = given
    this.#given = given
    this.#known = known ?? { number, open: [], settled: [], writtenOffIds: 0 }
    this.#holes = epoch?.holes.map(([from, to]) => [from, to]) ?? []
    this.#claims = [...claims, ...fresh]
    this.#open = this.#known.open
    this.#settled = this.#known.settled
  }

  endLanded(): void {
    const { epoch } = this.#given
    const gone = this.#landedOf(rangesOf(this.#open))
    const lost = unite((epoch?.writtenOff ?? []).map(([from, to]) => [from, to]))
    this.#close(intersect(gone, lost), 'written_off')
    this.#close(gone, 'landed')
    this.#settled = subtract(this.#settled, this.#landedOf(this.#settled))
  }

  /** What was missing and given up before anybody could tell. */
  tellWrittenOff(): void {
    const { epoch } = this.#given
    if (epoch === undefined) return
    const told = unite([...rangesOf(this.#known.open), ...this.#known.settled, ...this.#holes])
    for (const [from, to, ids] of spansSince(epoch, this.#known.writtenOffIds)) {
      const whole: readonly IdRange[] = [[from, to]]
      let left = ids - idsIn(intersect(rangesOf(this.#known.open), whole))
      const parts = subtract(whole, told).flatMap((range) =>
        explained(this.#pieceOf(range, undefined), this.#claims)
      )
      for (const part of parts) {
        // Of spans that became one it is not known which ids of theirs had landed.
        const count = Math.min(left, part.to - part.from + 1)
        if (count <= 0) break
        left -= count
        this.#events.push({ ...this.#openedEvent(part, 'state'), count })
        this.#events.push({ ...this.#event('closed', part, 'written_off', 'state'), count })
      }
    }
  }

  /** What new claims, and the state by now, say of what is open. */
  explainOpen(): void {
    const holeAt = holeFinder(this.#given.epoch)
    this.#open = this.#open.flatMap((piece) => {
      const [, , afterUs = null, beforeUs = null] = holeAt(piece) ?? []
      const isBounded = piece.beforeUs === null && beforeUs !== null
      const timed = isBounded ? { ...piece, afterUs: afterUs ?? piece.afterUs, beforeUs } : piece
      const parts = explained(timed, this.#given.fresh)
      for (const part of parts) {
        const isWhole = parts.length === 1
        const says = part.reason !== piece.reason || isBounded
        if (says || (!isWhole && part.attempts !== piece.attempts)) {
          this.#events.push(this.#openedEvent(part, isBounded ? 'state' : 'claim'))
        }
      }
      return parts
    })
  }

  openMissing(): void {
    const { epoch } = this.#given
    const holes = (epoch?.holes ?? []).filter((hole) => this.#isOldHole(hole))
    const missing = unite([...holes.map(([from, to]): IdRange => [from, to]), ...this.#tails()])
    const told = unite([...rangesOf(this.#open), ...this.#settled])
    const holeAt = holeFinder(epoch)
    const opened = subtract(missing, told).flatMap(([from, to]) => {
      const hole = holeAt({ from, to })
      const parts = explained(this.#pieceOf([from, to], hole), this.#claims)
      for (const part of parts) {
        this.#events.push(this.#openedEvent(part, hole === undefined ? 'claim' : 'state'))
      }
      return parts
    })
    if (opened.length === 0) return
    this.#open = [...this.#open, ...opened].toSorted((left, right) => left.from - right.from)
  }

  settle(): void {
    const rejected = this.#open.filter(({ attempts }) => attempts >= rejectionsMax)
    this.#settleAs(rangesOf(rejected), 'rejected')
    const never = this.#claims.filter(({ reason }) => reason === 'never_issued')
    this.#settleAs(unite(never.flatMap(idsOfClaim)), 'never_issued')
  }

  forget(): EpochStep {
    this.#close(rangesOf(this.#open), 'written_off')
    return { events: this.#events, ledger: undefined, claims: [] }
  }

  result(): EpochStep {
    const { number, epoch } = this.#given
    const writtenOffIds = epoch?.writtenOffIds ?? this.#known.writtenOffIds
    const [open, settled] = [this.#open, this.#settled]
    const isEmpty = open.length === 0 && settled.length === 0 && writtenOffIds === 0
    const told = unite([...rangesOf(open), ...settled])
    return {
      events: this.#events,
      ledger: isEmpty ? undefined : { number, open, settled, writtenOffIds },
      claims: this.#claims.filter((claim) => this.#isUndecided(claim, told))
    }
  }

  /** The ids of ranges that the table has, or will never have (R7). */
  #landedOf(ranges: readonly IdRange[]): readonly IdRange[] {
    const { epoch } = this.#given
    if (epoch === undefined || ranges.length === 0) return []
    return subtract(intersect(ranges, [[epoch.low, epoch.high]]), this.#holes)
  }

  #isOldHole([, , , beforeUs]: Hole): boolean {
    return beforeUs === undefined || beforeUs === null || this.#isPast(beforeUs) || this.#isQuiet
  }

  #isPast(us: number): boolean {
    const { exchangeUs, look } = this.#given
    return exchangeUs - us >= look.terms.graceUs
  }

  get #isQuiet(): boolean {
    const { nowUs, snapshotUs, terms } = this.#given.look
    return nowUs - snapshotUs >= terms.quietUs
  }

  /** Claimed ids outside of what has landed, of claims that nothing can contradict any more. */
  #tails(): readonly IdRange[] {
    const { epoch, look } = this.#given
    const { nowUs, terms } = look
    return this.#claims.flatMap((claim) => {
      const { untilUs, from, to } = claim
      if (claim.reason === 'never_issued' || from === null || to === null) return []
      if (!this.#isPast(untilUs) && nowUs - untilUs < terms.quietUs) return []
      if (epoch === undefined) return to - from < terms.tailIdsMax ? idsOfClaim(claim) : []
      const outside: readonly IdRange[] = [
        [epoch.low - terms.tailIdsMax, epoch.low - 1],
        [epoch.high + 1, epoch.high + terms.tailIdsMax]
      ]
      return intersect(idsOfClaim(claim), outside)
    })
  }

  #pieceOf([from, to]: IdRange, hole: Hole | undefined): OpenPiece {
    const { epoch, look } = this.#given
    const isTail = epoch !== undefined && from > epoch.high
    const [, , afterUs = isTail ? epoch.newestUs : null, beforeUs = null] = hole ?? []
    const openedUs = look.snapshotUs
    return { from, to, reason: 'unknown', attempts: 0, afterUs, beforeUs, openedUs }
  }

  #openedEvent(piece: OpenPiece, source: EventDraft['source']): EventDraft {
    return this.#event('opened', piece, piece.reason, source)
  }

  #event(
    event: EventDraft['event'],
    { from, to, afterUs, beforeUs }: OpenPiece,
    reason: EventDraft['reason'],
    source: EventDraft['source']
  ): EventDraft {
    const { number: epoch, look } = this.#given
    return {
      event,
      dataType: 'trades',
      epoch,
      fromId: from,
      toId: to,
      reason,
      count: to - from + 1,
      afterUs,
      beforeUs,
      atUs: look.snapshotUs,
      source
    }
  }

  #settleAs(ranges: readonly IdRange[], reason: CloseReason): void {
    const settled = intersect(rangesOf(this.#open), ranges)
    if (settled.length === 0) return
    this.#close(settled, reason)
    this.#settled = unite([...this.#settled, ...settled])
  }

  #close(ranges: readonly IdRange[], reason: CloseReason): void {
    if (ranges.length === 0) return
    const numbered = this.#open.map((piece, origin) => ({ ...piece, origin }))
    const { kept, taken } = cutPieces(numbered, ranges)
    const remaining = new Set(kept.map(({ origin }) => origin))
    const source = reason === 'landed' || reason === 'written_off' ? 'state' : 'claim'
    for (const [index, piece] of taken.entries()) {
      const isLast = taken[index + 1]?.origin !== piece.origin && !remaining.has(piece.origin)
      this.#events.push(this.#event(isLast ? 'closed' : 'narrowed', piece, reason, source))
    }
    this.#open = kept.map(({ origin, ...part }) => {
      const piece = this.#open[origin]!
      return part.from === piece.from && part.to === piece.to ? piece : part
    })
  }

  #isUndecided(claim: KeptClaim, told: readonly IdRange[]): boolean {
    const { epoch, look } = this.#given
    const own = idsOfClaim(claim)
    if (own.length > 0) return subtract(subtract(own, told), this.#landedOf(own)).length > 0
    const isOver = epoch !== undefined && epoch.newestUs > claim.untilUs + look.terms.graceUs
    return !isOver || (epoch?.holes ?? []).some((hole) => !this.#isOldHole(hole))
  }
}
