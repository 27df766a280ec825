/**
 * Ids that somebody has claimed and that no other trade may ever reveal: those behind the newest
 * one that has landed (R3), and those before the first, where that was let go.
 *
 * 1. Claims without ids say nothing here, nor do those of ids that the venue lacks.
 * 2. Bounded: beyond `spansMax` of a symbol the oldest two become one, which may take in ids that
 *    nobody has claimed; the venue has them, or has not.
 */
import type { ClaimReason, GapClaim } from '../../market/gap-claim.ts'

type Told = Pick<
  GapClaim,
  'exchange' | 'symbol' | 'reason' | 'fromId' | 'toId' | 'sinceUs'
>

export interface TailClaim {
  readonly fromId: number
  readonly toId: number
  readonly reason: ClaimReason
  readonly sinceUs: number
}

/** Lowest and highest id of a symbol in the table. */
export interface Landed {
  readonly low: number
  readonly high: number
}

const spansMax = 64
/** There to be fetched, as far as who claims knows; what was refused, to be refused again (R29). */
const isMissing: Readonly<Record<ClaimReason, boolean>> = {
  shed: true,
  disconnect: true,
  paused: true,
  restart: true,
  spool_full: true,
  rejected: true,
  never_issued: false
}

export class TailClaims {
  readonly #exchange: string
  /** Ascending by first id. */
  readonly #bySymbol = new Map<string, TailClaim[]>()

  constructor(exchange: string) {
    this.#exchange = exchange
  }

  get symbols(): readonly string[] {
    return [...this.#bySymbol.keys()]
  }

  note({ exchange, symbol, reason, fromId, toId, sinceUs }: Told): void {
    if (exchange !== this.#exchange || !isMissing[reason]) return
    if (fromId === null || toId === null || toId < fromId) return // (1)
    const claims = [...(this.#bySymbol.get(symbol) ?? []), { fromId, toId, reason, sinceUs }]
    const merged: TailClaim[] = []
    for (const claim of claims.toSorted((one, other) => one.fromId - other.fromId)) {
      const last = merged.at(-1)
      if (last === undefined || claim.fromId > last.toId + 1) merged.push(claim)
      else merged.splice(-1, 1, joined(last, claim))
    }
    if (merged.length > spansMax) merged.splice(0, 2, joined(merged[0]!, merged[1]!))
    this.#bySymbol.set(symbol, merged)
  }

  /** What is claimed outside of what has landed, ascending; what is not is forgotten. */
  outside(symbol: string, landed: Landed | null): readonly TailClaim[] {
    const claims = this.#bySymbol.get(symbol) ?? []
    if (landed === null) return claims
    const { low, high } = landed
    const left = claims.filter(({ fromId, toId }) => fromId < low || toId > high)
    if (left.length === 0) this.#bySymbol.delete(symbol)
    else this.#bySymbol.set(symbol, left)
    return left.flatMap((claim) => [
      ...(claim.fromId < low ? [{ ...claim, toId: Math.min(claim.toId, low - 1) }] : []),
      ...(claim.toId > high ? [{ ...claim, fromId: Math.max(claim.fromId, high + 1) }] : [])
    ])
  }
}

const joined = (one: TailClaim, other: TailClaim): TailClaim => ({
  ...one,
  toId: Math.max(one.toId, other.toId),
  sinceUs: Math.min(one.sinceUs, other.sinceUs)
})
