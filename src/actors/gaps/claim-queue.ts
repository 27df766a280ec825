/**
 * Claims of this process that are not yet in the event log: from those who let records go to the
 * one actor that publishes them (R5).
 *
 * 1. Claims of one symbol and reason become one where their ids touch; where they only follow each
 *    other, once `claimsMax` wait. Such a claim may cover ids that landed: the holes are the fact.
 * 2. A claim that says something of each of its ids — `rejected`, `never_issued` — never covers
 *    others. Where those alone fill the queue the oldest are forgotten; their holes have no reason.
 */
import type { GapClaim } from '../../market/gap-claim.ts'

const claimsMaxDefault = 4_096

export class ClaimQueue {
  readonly #claimsMax: number
  readonly #listeners = new Set<(claim: GapClaim) => void>()
  /** By whose they are, oldest first. */
  #byKey = new Map<string, GapClaim[]>()
  #size = 0

  constructor(claimsMax = claimsMaxDefault) {
    this.#claimsMax = claimsMax
  }

  get size(): number {
    return this.#size
  }

  note(claim: GapClaim): void {
    const { dataType = 'trades', exchange, symbol, reason } = claim
    const key = JSON.stringify([dataType, exchange, symbol, reason])
    const waiting = this.#byKey.get(key) ?? []
    this.#byKey.set(key, waiting)
    const last = waiting.at(-1)
    if (last !== undefined && (touch(last, claim) || this.#mustMerge(claim))) {
      waiting[waiting.length - 1] = merged(last, claim)
    } else {
      waiting.push(claim)
      this.#size++
      if (this.#size > this.#claimsMax) this.#makeRoom()
    }
    for (const listener of this.#listeners) listener(claim)
  }

  /** All claims so far; they are the caller's from here on. */
  take(): readonly GapClaim[] {
    const claims = [...this.#byKey.values()].flat()
    this.#byKey = new Map()
    this.#size = 0
    return claims
  }

  /** Calls back with each claim as it was noted. Returns how to stop. */
  onNoted(listener: (claim: GapClaim) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #mustMerge(claim: GapClaim): boolean {
    return !isExact(claim) && this.#size >= this.#claimsMax
  }

  /** (1) Of the one with the most, or else (2). */
  #makeRoom(): void {
    const longest = [...this.#byKey.values()].reduce((most, one) =>
      one.length > most.length ? one : most
    )
    const [first, second] = longest
    if (first === undefined || second === undefined) return
    const isForgotten = isExact(first)
    longest.splice(0, 2, isForgotten ? second : merged(first, second))
    this.#size--
  }
}

const isExact = ({ reason }: GapClaim): boolean =>
  reason === 'rejected' || reason === 'never_issued'

/** Whether no id lies between the two, or neither has any. */
const touch = (left: GapClaim, right: GapClaim): boolean => {
  if (left.fromId === null || left.toId === null) return right.fromId === null
  if (right.fromId === null || right.toId === null) return false
  return right.fromId <= left.toId + 1 && right.toId >= left.fromId - 1
}

const merged = (left: GapClaim, right: GapClaim): GapClaim => ({
  ...left,
  fromId: least(left.fromId, right.fromId),
  toId: greatest(left.toId, right.toId),
  count: left.count + right.count,
  sinceUs: Math.min(left.sinceUs, right.sinceUs),
  untilUs: Math.max(left.untilUs, right.untilUs)
})

const least = (left: number | null, right: number | null): number | null =>
  left === null || right === null ? (left ?? right) : Math.min(left, right)

const greatest = (left: number | null, right: number | null): number | null =>
  left === null || right === null ? (left ?? right) : Math.max(left, right)
