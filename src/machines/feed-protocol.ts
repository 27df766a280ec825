/**
 * What the feed machine is given, knows, hears and says: plain data.
 * The ports `resolveInstruments` and `streamFeed` take `ResolveInput` and `StreamInput`.
 */
import * as Schema from 'effect/Schema'
import type { Instrument } from '../market/instrument.ts'
import type { BackoffPolicy } from './restart-policy.ts'
import type { CrashFacts } from './supervisor-crash.ts'

/** The feed cannot go on and waiting will not help: configuration, or a defect. */
export class FeedFailed extends Schema.TaggedError<FeedFailed>()('FeedFailed', {
  exchange: Schema.String,
  tag: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `the feed of ${this.exchange} cannot go on (${this.tag}): ${this.reason}`
  }
}

export interface FeedInput {
  readonly exchange: string
  /** The venue's own spelling, for example BTCUSDT; at least one. */
  readonly symbols: ReadonlyArray<string>
  /** Base addresses, the first is preferred; at least one each. */
  readonly webSocketUrls: ReadonlyArray<string>
  readonly restUrls: ReadonlyArray<string>
  readonly backoff: BackoffPolicy
  /** Drawn by whoever starts the feed, so that feeds do not redial in step. */
  readonly jitterSeed: number
  readonly drainMsMax: number
  /** Symbols that one connection carries. */
  readonly symbolsMax: number
}

export interface FeedContext extends FeedInput {
  /** Failures since the last connection that lasted. */
  readonly attempt: number
  /** The live connection has lasted `backoff.upMsMin`. */
  readonly hasLasted: boolean
  readonly webSocketIndex: number
  readonly restIndex: number
  readonly instruments: ReadonlyArray<Instrument>
  readonly lastError: CrashFacts | null
  /** Host and port of the live connection. */
  readonly venue: string | null
  readonly connectCount: number
  readonly failureCount: number
  readonly frameCount: number
  readonly tradeCount: number
  readonly rejectedCount: number
  readonly refusedSymbolCount: number
  /** Receive time of the newest batch, µs since 1970. */
  readonly lastBatchUs: number | null
  readonly isDrainForced: boolean
}

/** What a batch of frames brought; `receivedUs` of its last frame. */
export interface BatchHandled {
  readonly type: 'batch.handled'
  readonly frameCount: number
  readonly tradeCount: number
  readonly rejectedCount: number
  readonly receivedUs: number
}

/** Facts from the stream port. */
export type FeedNotice =
  | { readonly type: 'feed.subscribed'; readonly venue: string }
  | BatchHandled
  /** The wanted symbols are subscribed; with instruments that were not known before. */
  | { readonly type: 'subscription.applied'; readonly instruments: ReadonlyArray<Instrument> }
  /** The venue does not list these: they are wanted no more. */
  | { readonly type: 'subscription.refused'; readonly symbols: ReadonlyArray<string> }

export type FeedEvent =
  | FeedNotice
  | { readonly type: 'subscribe.requested'; readonly symbols: ReadonlyArray<string> }
  | { readonly type: 'unsubscribe.requested'; readonly symbols: ReadonlyArray<string> }
  | { readonly type: 'drain.requested' }

/** What the stream port is told while it runs. `symbols` is all that is wanted. */
export type FeedCommand =
  | { readonly type: 'symbols.changed'; readonly symbols: ReadonlyArray<string> }
  | { readonly type: 'drain.requested' }

export interface ResolveInput {
  readonly restUrl: string
  readonly symbols: ReadonlyArray<string>
}

export interface StreamInput {
  readonly exchange: string
  readonly webSocketUrl: string
  readonly restUrl: string
  readonly symbols: ReadonlyArray<string>
  readonly instruments: ReadonlyArray<Instrument>
}

export interface FeedOutput {
  readonly tradeCount: number
  readonly frameCount: number
  readonly isDrainForced: boolean
}

/** The port answered, and not for every symbol: it is asked again, later. */
export const instrumentsIncomplete: CrashFacts = {
  tag: 'InstrumentsIncomplete',
  message: 'the venue listed fewer instruments than were asked for',
  isDependency: true
}
