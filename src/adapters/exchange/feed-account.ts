/**
 * What a feed received of one data type, symbol by symbol, since it was made: it outlives
 * connections.
 *
 * 1. For every symbol: received = accepted + rejected + refused + shed + offered (R16), at any
 *    moment.
 *    `offered` is what the sink has been asked to take and has not answered yet.
 *    What two connections of the feed both bring is received and accepted twice: which record is
 *    a repeat is for the lander to say.
 * 2. Only configured symbols have an entry; frames of others are counted without one.
 */
import type { Tier } from '../../market/tier.ts'
import type { RejectReason, UnsupportedKind } from './frame-result.ts'

export interface SymbolAccount {
  readonly received: number
  readonly accepted: number
  readonly rejected: number
  /** Records that the sink failed to take, or had no room for. */
  readonly refused: number
  /** Records that were let go under pressure, by the feed or by the sink (R34, R40). */
  readonly shed: number
  /** Of these, what came while the feed was to be paused, and quotes that newer ones replaced. */
  readonly paused: number
  readonly conflated: number
  readonly offered: number
  /** Native id that came last, and the highest one; null before the first (R3). */
  readonly lastId: number | null
  readonly highestId: number | null
}

type MutableAccount = { -readonly [Field in keyof SymbolAccount]: SymbolAccount[Field] }

/** Frames of one batch by what they were. */
export interface FrameTally {
  frameCount: number
  frameBytes: number
  tradeCount: number
  quoteCount: number
  controlCount: number
  readonly unsupported: Map<UnsupportedKind, number>
  readonly rejected: Map<RejectReason, number>
  /** Frames that were let go unread, of trades and of quotes. */
  readonly shedTrades: ShedTally
  readonly shedQuotes: ShedTally
}

/**
 * Why a feed lets records go: the level of degradation asks for it, or for a pause, or a newer
 * quote has replaced them.
 */
export type ShedReason = 'level' | 'paused' | 'conflated'

/** By tier of the symbol. */
export type ShedTally = Readonly<Record<Tier, Map<ShedReason, number>>>

const noneShed = (): ShedTally => ({ 1: new Map(), 2: new Map(), 3: new Map() })

export const emptyTally = (): FrameTally => ({
  frameCount: 0,
  frameBytes: 0,
  tradeCount: 0,
  quoteCount: 0,
  controlCount: 0,
  unsupported: new Map(),
  rejected: new Map(),
  shedTrades: noneShed(),
  shedQuotes: noneShed()
})

export const increment = <K>(counts: Map<K, number>, key: K, by = 1): void => {
  counts.set(key, (counts.get(key) ?? 0) + by)
}

/** Records that a sink did not take, by symbol. */
export type RefusedBySymbol = ReadonlyMap<string, number>

export const noneRefused: RefusedBySymbol = new Map()

/** What was offered, without what was refused of it. */
export const takenOf = (
  offered: ReadonlyMap<string, number>,
  refused: RefusedBySymbol
): ReadonlyMap<string, number> =>
  new Map([...offered].map(([symbol, count]) => [symbol, count - (refused.get(symbol) ?? 0)]))

/** Records of one symbol and batch that were let go. */
export interface LetGo {
  readonly reason: 'level' | 'paused'
  readonly count: number
  /** Id of the one that came last, and the highest one; null where ids are not looked at. */
  readonly lastId: number | null
  readonly toId: number | null
}

export class FeedAccount {
  readonly #bySymbol = new Map<string, MutableAccount>()

  /** Counts a record that is about to be offered. */
  noteReceived(symbol: string, nativeId: number): void {
    const account = this.#accountOf(symbol)
    account.received += 1
    account.offered += 1
    account.lastId = nativeId
    if (account.highestId === null || nativeId > account.highestId) account.highestId = nativeId
  }

  /** As `noteReceived`, of a record that nobody has read yet. */
  noteUnread(symbol: string): void {
    const account = this.#accountOf(symbol)
    account.received += 1
    account.offered += 1
  }

  /** An unread record is counted anew: it is read now. */
  recount(symbol: string): void {
    const account = this.#accountOf(symbol)
    account.received -= 1
    account.offered -= 1
  }

  /** An unread record is replaced by a newer one. */
  noteConflated(symbol: string): void {
    const account = this.#accountOf(symbol)
    account.offered -= 1
    account.shed += 1
    account.conflated += 1
  }

  /** Counts records that are let go; `lastId` where their ids were looked at. */
  noteLetGo(symbol: string, { reason, count, lastId, toId }: LetGo): void {
    const account = this.#accountOf(symbol)
    account.received += count
    account.shed += count
    if (reason === 'paused') account.paused += count
    if (lastId === null || toId === null) return
    account.lastId = lastId
    if (account.highestId === null || toId > account.highestId) account.highestId = toId
  }

  /** Native id of the record that came last; null before the first. */
  lastIdOf(symbol: string): number | null {
    return this.#bySymbol.get(symbol)?.lastId ?? null
  }

  noteRejected(symbol: string): void {
    const account = this.#accountOf(symbol)
    account.received += 1
    account.rejected += 1
  }

  /** Settles offered records, by symbol, as taken but for those that the sink refused. */
  settleTaken(counts: ReadonlyMap<string, number>, refused: RefusedBySymbol): void {
    this.settle(refused.size === 0 ? counts : takenOf(counts, refused), 'accepted')
    this.settle(refused, 'refused')
  }

  /** Settles offered records, by symbol, as taken or as not taken. */
  settle(counts: ReadonlyMap<string, number>, outcome: 'accepted' | 'refused' | 'shed'): void {
    for (const [symbol, count] of counts) {
      const account = this.#accountOf(symbol)
      account.offered -= count
      account[outcome] += count
    }
  }

  snapshot(): Readonly<Record<string, SymbolAccount>> {
    const copies = [...this.#bySymbol].map(([symbol, account]) => [symbol, { ...account }] as const)
    return Object.fromEntries(copies)
  }

  #accountOf(symbol: string): MutableAccount {
    let account = this.#bySymbol.get(symbol)
    if (account === undefined) {
      account = { ...emptyAccount }
      this.#bySymbol.set(symbol, account)
    }
    return account
  }
}

const emptyAccount: SymbolAccount = {
  received: 0,
  accepted: 0,
  rejected: 0,
  refused: 0,
  shed: 0,
  paused: 0,
  conflated: 0,
  offered: 0,
  lastId: null,
  highestId: null
}
