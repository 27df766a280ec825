/**
 * Claims the trades that a feed was not sent: those after the last one that it saw, up to the first
 * that it sees again, or up to the newest that the venue has when nothing more comes (R3).
 *
 * 1. What is suspected is claimed by the next trade of the symbol, before that is offered anywhere
 *    (R5): from the last id seen to the one before it, no more and no less.
 * 2. Where no trade comes, the venue's answer is claimed once it has stood for `settleUs`: what was
 *    on its way meanwhile has arrived by then.
 * 3. Nothing is claimed where no earlier id is known.
 * 4. A symbol that is silent for `silentUs` while it is subscribed is suspected, too.
 * 5. What an earlier process kept last is where a restart begins.
 */
import type { ClaimReason, GapClaim } from '../../market/gap-claim.ts'
import type { FeedAccount } from './feed-account.ts'

export interface ClaimSink {
  readonly note: (claim: GapClaim) => void
}

export interface HoleWatchOptions {
  /** As in records. */
  readonly exchange: string
  readonly account: FeedAccount
  readonly claims: ClaimSink
  /** Of a symbol that this feed has not seen yet: the highest id that was kept; null: unknown. */
  readonly keptId: (symbol: string) => number | null
  readonly nowUs: () => number
  readonly settleUs?: number
  readonly silentUs?: number
}

interface Suspicion {
  readonly reason: ClaimReason
  readonly sinceUs: number
  /** When the venue may be asked. */
  readonly askUs: number
  /** What it said, and when. */
  answer: { readonly newestId: number; readonly atUs: number } | null
}

/** What of the ids behind the last one seen has been claimed already. */
interface Claimed {
  readonly afterId: number
  readonly toId: number
}

export class HoleWatch {
  readonly #options: HoleWatchOptions
  readonly #settleUs: number
  readonly #silentUs: number
  readonly #suspicions = new Map<string, Suspicion>()
  readonly #claimed = new Map<string, Claimed>()
  readonly #heardUs = new Map<string, number>()
  #subscribed: ReadonlySet<string> = new Set()

  constructor(options: HoleWatchOptions) {
    this.#options = options
    this.#settleUs = options.settleUs ?? settleUsDefault
    this.#silentUs = options.silentUs ?? silentUsDefault
  }

  /** Whether `noteTrade` has anything to do. */
  get isOpen(): boolean {
    return this.#suspicions.size > 0
  }

  /** The symbols that trades come of from now on. */
  subscribed(symbols: ReadonlyArray<string>): void {
    this.#subscribed = new Set(symbols)
    const nowUs = this.#options.nowUs()
    for (const symbol of symbols) if (!this.#heardUs.has(symbol)) this.#heardUs.set(symbol, nowUs)
  }

  /** Trades of these may be missing since the last one seen. */
  suspect(symbols: ReadonlyArray<string>, reason: ClaimReason): void {
    const nowUs = this.#options.nowUs()
    for (const symbol of symbols) {
      // The earlier reason covers what is missing from its own beginning on.
      if (this.#suspicions.has(symbol)) continue
      const sinceUs = Math.min(this.#heardUs.get(symbol) ?? nowUs, nowUs)
      this.#suspicions.set(symbol, { reason, sinceUs, askUs: nowUs + this.#settleUs, answer: null })
    }
  }

  /** Before a trade is counted (1). */
  noteTrade(symbol: string, nativeId: number, receivedUs: number): void {
    const suspicion = this.#suspicions.get(symbol)
    if (suspicion === undefined) return
    this.#suspicions.delete(symbol)
    this.#claim(symbol, suspicion, nativeId - 1, receivedUs)
  }

  /** Trades of these symbols have come. */
  noteHeard(symbols: Iterable<string>, receivedUs: number): void {
    for (const symbol of symbols) this.#heardUs.set(symbol, receivedUs)
  }

  /** Symbols that the venue is to be asked about now; they are not due again before the answer. */
  due(): ReadonlyArray<string> {
    const nowUs = this.#options.nowUs()
    const silent = [...this.#subscribed].filter(
      (symbol) => nowUs - (this.#heardUs.get(symbol) ?? nowUs) >= this.#silentUs
    )
    this.suspect(silent, 'disconnect') // (4)
    return [...this.#suspicions].flatMap(([symbol, { askUs, answer }]) =>
      this.#subscribed.has(symbol) && answer === null && nowUs >= askUs ? [symbol] : []
    )
  }

  noteNewest(newestIds: ReadonlyMap<string, number>): void {
    const atUs = this.#options.nowUs()
    for (const [symbol, newestId] of newestIds) {
      const suspicion = this.#suspicions.get(symbol)
      if (suspicion !== undefined) suspicion.answer = { newestId, atUs }
    }
  }

  /** Claims what answers have stood for long enough (2). */
  settle(): void {
    const nowUs = this.#options.nowUs()
    for (const [symbol, suspicion] of this.#suspicions) {
      const { answer } = suspicion
      if (answer === null || nowUs - answer.atUs < this.#settleUs) continue
      this.#suspicions.delete(symbol)
      // It is not silent again before it has been for another `silentUs`.
      this.#heardUs.set(symbol, nowUs)
      this.#claim(symbol, suspicion, answer.newestId, nowUs)
    }
  }

  #claim(symbol: string, { reason, sinceUs }: Suspicion, toId: number, untilUs: number): void {
    const { account, claims, exchange, keptId } = this.#options
    const seenId = account.lastIdOf(symbol)
    const lastId = seenId ?? keptId(symbol)
    if (lastId === null) return // (3)
    const before = this.#claimed.get(symbol)
    const afterId = before?.afterId === lastId ? before.toId : lastId
    if (toId <= afterId) return
    this.#claimed.set(symbol, { afterId: lastId, toId })
    const fromId = afterId + 1
    const count = toId - afterId
    const ids = { fromId, toId, count }
    const claimed = seenId === null ? 'restart' : reason // (5)
    claims.note({ exchange, symbol, reason: claimed, ...ids, sinceUs, untilUs })
  }
}

const settleUsDefault = 1_000_000
const silentUsDefault = 60_000_000
