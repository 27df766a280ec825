/**
 * Which ids a publisher did not take, symbol by symbol: the reasons for holes that landing will
 * find (R5). Each refused record is in exactly one claim.
 *
 * 1. A claim is of consecutive refusals: one that is taken in between ends it.
 * 2. Claims that wait to be taken are bounded: beyond `waitingMax` a symbol's refusals extend its
 *    last claim, whose `count` then says how many of its range are missing.
 */

export interface RefusalClaim {
  readonly symbol: string
  readonly reason: 'spool_full'
  /** Lowest and highest native id; null where a record has none. */
  readonly fromId: number | null
  readonly toId: number | null
  /** Records; fewer than the range has ids where some of it was taken, or never issued. */
  readonly count: number
  readonly sinceMs: number
  readonly untilMs: number
}

type OpenClaim = { -readonly [Field in keyof RefusalClaim]: RefusalClaim[Field] }

export interface RefusedRecord {
  readonly symbol: string
  readonly nativeId: number | null
  readonly atMs: number
}

export class RefusalClaims {
  readonly #waitingMax: number
  readonly #open = new Map<string, OpenClaim>()
  /** By symbol the last one, for (2). */
  readonly #lastEnded = new Map<string, OpenClaim>()
  #ended: OpenClaim[] = []

  constructor(waitingMax: number) {
    this.#waitingMax = waitingMax
  }

  /** Whether `noteTaken` has anything to do. */
  get hasOpen(): boolean {
    return this.#open.size > 0
  }

  noteRefused({ symbol, nativeId, atMs }: RefusedRecord): void {
    const claim = this.#claimOf(symbol, atMs)
    claim.count += 1
    claim.untilMs = atMs
    if (nativeId === null) return
    if (claim.fromId === null || nativeId < claim.fromId) claim.fromId = nativeId
    if (claim.toId === null || nativeId > claim.toId) claim.toId = nativeId
  }

  /** (1) */
  noteTaken(symbol: string): void {
    const claim = this.#open.get(symbol)
    if (claim === undefined) return
    this.#open.delete(symbol)
    if (this.#lastEnded.get(symbol) === claim) return
    this.#ended.push(claim)
    this.#lastEnded.set(symbol, claim)
  }

  /** All claims so far, oldest first by symbol; they are the caller's from here on. */
  take(): readonly RefusalClaim[] {
    const open = [...this.#open.values()]
    const claims = [...this.#ended, ...open.filter((claim) => !this.#ended.includes(claim))]
    this.#ended = []
    this.#open.clear()
    this.#lastEnded.clear()
    return claims
  }

  #claimOf(symbol: string, atMs: number): OpenClaim {
    const open = this.#open.get(symbol)
    if (open !== undefined) return open
    const last = this.#ended.length >= this.#waitingMax ? this.#lastEnded.get(symbol) : undefined
    const claim = last ?? {
      symbol, reason: 'spool_full', fromId: null, toId: null, count: 0, sinceMs: atMs,
      untilMs: atMs
    }
    this.#open.set(symbol, claim)
    return claim
  }
}
