/**
 * Lets frames go before they are read, as the level of degradation asks (R40), and claims what it
 * has let go.
 *
 * 1. What is asked is looked at once per batch, and holds for all of it: a command acts on the next
 *    batch, however many frames wait behind it.
 * 2. Trades of tier 1 are never shed. While the feed is to be paused everything is let go, as
 *    paused: a frame that comes then was on its way (R34).
 * 3. Each frame that is let go is in exactly one claim, which is noted before anything of its batch
 *    is offered (R5). Quotes are claimed by count: their ids have gaps, and cannot be asked for
 *    again (R12).
 * 4. A frame whose stream or id cannot be told is left to be read, and judged then.
 */
import { isAmong } from '../../market/symbol-share.ts'
import { type Tier, tierOf, type TierTable } from '../../market/tier.ts'
import type { InstrumentTable } from './binance-fields.ts'
import { type FeedAccount, type FrameTally, increment, type ShedReason } from './feed-account.ts'
import type { RawFrame } from './frame-result.ts'
import { type FrameStream, FrameStreams, tradeIdIn } from './frame-streams.ts'
import type { ClaimSink, HoleWatch } from './hole-watch.ts'

type TakenByTier = Readonly<Record<Tier, number>>

/** What a level of degradation asks of a feed. */
export interface LevelAsks {
  /** Shares of the symbols of a tier. */
  readonly tradesTaken: TakenByTier
  readonly quotesTaken: TakenByTier
  readonly areQuotesConflated: boolean
  readonly isPaused: boolean
}

export interface ShedderOptions {
  readonly exchange: string
  readonly tiers: TierTable
  readonly instruments: InstrumentTable
  /** Undefined while nobody asks anything. */
  readonly level: () => LevelAsks | undefined
  readonly account: FeedAccount
  /** Undefined where quotes are not captured: they are read, and counted as unsupported. */
  readonly quoteAccount: FeedAccount | undefined
  readonly claims: ClaimSink
  readonly holes: HoleWatch
}

interface ReadRecord {
  readonly kind: 'trade' | 'quote'
  readonly symbol: string
  readonly nativeId: number
}

type LetGoReason = 'level' | 'paused'
type Fate = 'taken' | LetGoReason

interface OpenClaim {
  readonly stream: FrameStream
  readonly reason: ShedReason
  count: number
  fromId: number | null
  toId: number | null
  lastId: number | null
  readonly sinceUs: number
  untilUs: number
}

export class FrameShedder {
  readonly streams: FrameStreams
  readonly #options: ShedderOptions
  #asks: LevelAsks | undefined
  #isShedding = false
  /** Of the streams that have come since it was asked for. */
  readonly #fates = new Map<FrameStream, Fate>()
  readonly #open = new Map<FrameStream, OpenClaim>()
  readonly #replaced = new Map<FrameStream, OpenClaim>()

  constructor(options: ShedderOptions) {
    this.#options = options
    this.streams = new FrameStreams(options.instruments)
  }

  /** Whether frames of the batch at hand may have to be let go. */
  get isShedding(): boolean {
    return this.#isShedding
  }

  get isConflating(): boolean {
    return this.#asks?.areQuotesConflated === true && this.#options.quoteAccount !== undefined
  }

  /** A batch begins (1). */
  begin(): void {
    const asks = this.#options.level()
    if (asks === this.#asks) return
    const before = this.#asks
    this.#asks = asks
    this.#fates.clear()
    this.#isShedding = asks !== undefined && !isAllTaken(asks)
    if (before !== undefined && !before.isPaused) this.#suspectReturned(before)
  }

  /** Counts the frame and lets it go; false if it is to be read. */
  lets(stream: FrameStream, frame: RawFrame): boolean {
    const fate = this.#fateOf(stream)
    if (fate === 'taken') return false
    const nativeId = stream.isQuote ? null : tradeIdIn(frame.bytes, stream)
    if (nativeId === -1) return false // (4)
    this.#letGo(stream, { reason: fate, nativeId, receivedUs: frame.receivedUs })
    return true
  }

  /** As `lets`, of a record that had to be read. */
  letsRead({ kind, symbol, nativeId }: ReadRecord, receivedUs: number): boolean {
    const isQuote = kind === 'quote'
    const stream = this.streams.named({ symbol }, isQuote)
    const fate = stream === undefined ? 'taken' : this.#fateOf(stream)
    if (stream === undefined || fate === 'taken') return false
    this.#letGo(stream, { reason: fate, nativeId: isQuote ? null : nativeId, receivedUs })
    return true
  }

  /** A quote has been replaced by a newer one, and is counted already. */
  noteConflated(symbol: string, receivedUs: number): void {
    const stream = this.streams.named({ symbol }, true)
    if (stream !== undefined) grow(this.#replaced, { stream, reason: 'conflated', receivedUs })
  }

  /** A batch has been read (3). */
  end(tally: FrameTally): void {
    for (const claim of this.#open.values()) this.#settle(claim, tally)
    for (const claim of this.#replaced.values()) this.#settle(claim, tally)
    this.#open.clear()
    this.#replaced.clear()
  }

  #fateOf(stream: FrameStream): Fate {
    const known = this.#fates.get(stream)
    if (known !== undefined) return known
    const fate = this.#asks === undefined ? 'taken' : this.#judge(stream, this.#asks)
    this.#fates.set(stream, fate)
    return fate
  }

  #judge({ instrument, isQuote }: FrameStream, asks: LevelAsks): Fate {
    if (isQuote && this.#options.quoteAccount === undefined) return 'taken'
    if (asks.isPaused) return 'paused'
    const tier = tierOf(this.#options.tiers, instrument)
    if (!isQuote && tier === 1) return 'taken' // (2)
    const share = (isQuote ? asks.quotesTaken : asks.tradesTaken)[tier]
    return isAmong(share, instrument.symbol) ? 'taken' : 'level'
  }

  #letGo(
    stream: FrameStream,
    frame: {
      readonly reason: LetGoReason
      readonly nativeId: number | null
      readonly receivedUs: number
    }
  ): void {
    const { nativeId } = frame
    const claim = grow(this.#open, { stream, ...frame })
    if (nativeId === null) return
    claim.lastId = nativeId
    claim.fromId = Math.min(claim.fromId ?? nativeId, nativeId)
    claim.toId = Math.max(claim.toId ?? nativeId, nativeId)
  }

  #settle(claim: OpenClaim, tally: FrameTally): void {
    const { exchange, account, quoteAccount, claims, holes } = this.#options
    const { stream, reason, count, fromId, toId, lastId, sinceUs, untilUs } = claim
    const { symbol } = stream.instrument
    const shed = stream.isQuote ? tally.shedQuotes : tally.shedTrades
    increment(shed[tierOf(this.#options.tiers, stream.instrument)], reason, count)
    if (fromId !== null) {
      if (holes.isOpen) holes.noteTrade(symbol, fromId, sinceUs)
      holes.noteHeard([symbol], untilUs)
    }
    if (reason !== 'conflated') {
      const counted = stream.isQuote ? quoteAccount : account
      counted?.noteLetGo(symbol, { reason, count, lastId, toId })
    }
    const claimed = reason === 'paused' ? 'paused' : 'shed'
    const dataType = stream.isQuote ? 'quotes' : 'trades'
    const range = { fromId, toId, count, sinceUs, untilUs }
    claims.note({ dataType, exchange, symbol, reason: claimed, ...range })
  }

  /** What came last of those that are taken again may have been let go unseen (R3). */
  #suspectReturned(before: LevelAsks): void {
    const { instruments, holes } = this.#options
    const returned = [...instruments.keys()].filter((symbol) => {
      const stream = this.streams.named({ symbol }, false)
      if (stream === undefined || this.#judge(stream, before) === 'taken') return false
      return this.#fateOf(stream) === 'taken'
    })
    holes.suspect(returned, 'shed')
  }
}

const grow = (
  claims: Map<FrameStream, OpenClaim>,
  frame: Pick<OpenClaim, 'stream' | 'reason'> & { readonly receivedUs: number }
): OpenClaim => {
  const { stream, reason, receivedUs } = frame
  let claim = claims.get(stream)
  if (claim === undefined) {
    const times = { sinceUs: receivedUs, untilUs: receivedUs }
    claim = { stream, reason, count: 0, fromId: null, toId: null, lastId: null, ...times }
    claims.set(stream, claim)
  }
  claim.count += 1
  claim.untilUs = receivedUs
  return claim
}

const isAllTaken = ({ isPaused, tradesTaken, quotesTaken }: LevelAsks): boolean =>
  !isPaused && [tradesTaken, quotesTaken].every((taken) => tiers.every((tier) => taken[tier] >= 1))

const tiers = [1, 2, 3] as const
