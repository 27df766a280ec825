/**
 * Claims on their way from those who let records go to the one who publishes them (R5): what feeds
 * and publishers note is taken by the gap writer, at least every second.
 *
 * 1. Every id and every record that was noted is in a claim that is taken: claims merge, and none
 *    is dropped.
 * 2. Claims of the same symbol and reason merge where their ids adjoin or overlap, or where they
 *    have none. Beyond `waitingMax` they merge over ids that were let go by nobody, too: a claim is
 *    a reason for holes, and what is no hole needs none. So at most `waitingMax` claims wait, and
 *    one of each symbol and reason.
 * 3. Claims with ids and claims without never merge: those with are of records that can be asked
 *    for again, the others are of quotes (R12).
 */
import type { GapClaim } from '../../market/gap-claim.ts'

export class ClaimQueue {
  readonly #waitingMax: number
  /** In the order in which each was begun. */
  #waiting: GapClaim[] = []
  /** Where in `#waiting` the newest claim of a kind is. */
  readonly #newest = new Map<string, number>()
  readonly #listeners = new Set<() => void>()

  constructor(waitingMax = waitingMaxDefault) {
    this.#waitingMax = waitingMax
  }

  note(claim: GapClaim): void {
    const kind = kindOf(claim)
    const index = this.#newest.get(kind)
    const last = index === undefined ? undefined : this.#waiting[index]
    if (
      index !== undefined &&
      last !== undefined &&
      (adjoin(last, claim) || this.#waiting.length >= this.#waitingMax)
    ) {
      this.#waiting[index] = merged(last, claim)
    } else {
      this.#newest.set(kind, this.#waiting.push(claim) - 1)
    }
    for (const listener of this.#listeners) listener()
  }

  /** All claims that wait, oldest first; they are the caller's from here on. */
  take(): readonly GapClaim[] {
    const taken = this.#waiting
    this.#waiting = []
    this.#newest.clear()
    return taken
  }

  /** Calls back whenever something has been noted. Returns how to stop. */
  onNoted(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }
}

const waitingMaxDefault = 4_096

const kindOf = ({ exchange, symbol, reason, fromId }: GapClaim): string =>
  `${exchange}:${symbol}:${reason}:${fromId === null ? 'counted' : 'by id'}`

const adjoin = (one: GapClaim, other: GapClaim): boolean =>
  one.fromId === null ||
  one.toId === null ||
  other.fromId === null ||
  other.toId === null ||
  (other.fromId <= one.toId + 1 && one.fromId <= other.toId + 1)

const merged = (one: GapClaim, other: GapClaim): GapClaim => ({
  ...one,
  fromId: outer(one.fromId, other.fromId, Math.min),
  toId: outer(one.toId, other.toId, Math.max),
  count: one.count + other.count,
  sinceUs: Math.min(one.sinceUs, other.sinceUs),
  untilUs: Math.max(one.untilUs, other.untilUs)
})

const outer = (
  one: number | null,
  other: number | null,
  pick: (one: number, other: number) => number
): number | null => (one === null || other === null ? (one ?? other) : pick(one, other))
