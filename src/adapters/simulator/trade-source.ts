/**
 * What the simulated exchange plays: one interface for the generator and for recordings.
 *
 * 1. A playback is one timeline: frames come in the order of their due times, each exactly once.
 * 2. `trades` and `newestId` know only what `advance` has passed: the venue's history never
 *    runs ahead of its streams.
 */
import type { Tier } from '../../market/tier.ts'
import type { ListedSymbol } from './venue-listing.ts'

/** One trade as the venue's REST routes tell it. */
export interface VenueTrade {
  readonly id: number
  readonly timeMs: number
  /** Decimal text with eight decimals. */
  readonly price: string
  readonly quantity: string
  readonly buyerIsMaker: boolean
  readonly bestMatch: boolean
}

/** A frame's bytes; `[dataStart, dataEnd)` is what a raw stream gets of it. */
export interface FrameBytes {
  readonly bytes: Buffer
  readonly dataStart: number
  readonly dataEnd: number
}

export interface Playback {
  /** Venue time at which the timeline begins, ms. */
  readonly originMs: number
  /** Moves to the next frame if it is due at or before `untilMs`; else nothing changes: false. */
  readonly advance: (untilMs: number) => boolean
  /**
   * Whether anybody takes book tickers: where frames are made up, those that nobody takes are not.
   */
  readonly playQuotes?: (areWanted: boolean) => void
  /** Index of the current frame's stream in `streams`, −1 for a frame of no stream. */
  readonly stream: () => number
  /** Native id of the current frame's trade, −1 where it is no trade. */
  readonly tradeId: () => number
  /** Due time of the current frame; the origin before the first, ms of venue time. */
  readonly dueMs: () => number
  /** The current frame. */
  readonly frame: () => FrameBytes
  /** Nothing will ever follow. */
  readonly ended: () => boolean
  /** At most `limit` trades played so far, ascending: from `fromId` on, or the newest. */
  readonly trades: (
    symbol: string,
    fromId: number | undefined,
    limit: number
  ) => ReadonlyArray<VenueTrade>
  /** Id of the newest trade played; −1 where there is none. */
  readonly newestId: (symbol: string) => number
  /** Id of the first trade at or after a venue time, among those played; −1 where there is none. */
  readonly firstIdSince: (symbol: string, sinceMs: number) => number
  /** Multiplies a tier's rate from the current time on; absent where trades cannot be made up. */
  readonly flood?: (tier: Tier, times: number) => void
}

export interface TradeSource {
  /** For people: `generator` or the recording's file names. */
  readonly name: string
  readonly listing: ReadonlyArray<ListedSymbol>
  /** Names of the streams that occur: `btcusdt@trade`, `btcusdt@bookTicker`, … */
  readonly streams: ReadonlyArray<string>
  /** A recording waits for the first subscription that covers one of its symbols (R48). */
  readonly starts: 'at_open' | 'at_first_subscription'
  /** A new timeline; `nowMs` is the origin of sources that follow the clock. */
  readonly play: (nowMs: number) => Playback
}
