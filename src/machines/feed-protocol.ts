/**
 * What the feed machine is given, knows, hears and says: plain data.
 * The ports `resolveInstruments` and `streamFeed` take `ResolveInput` and `StreamInput`;
 * `followPolicy` takes nothing, and says when to pause and when to resume.
 */
import * as Schema from 'effect/Schema'
import type { DoneActorEvent, ErrorActorEvent } from 'xstate'
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

/** Addresses of a feed's connections: two, since one replaces the other while both deliver. */
export type StreamId = 'stream:a' | 'stream:b'

/** It carries the feed; it shall replace the live one; it has been replaced and is draining. */
export type StreamRole = 'live' | 'incoming' | 'retiring'

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
  /** Age at which a connection is replaced, at the latest; null: never for its age. */
  readonly rotateMs: number | null
  /** Time for which both connections deliver before the older one goes. */
  readonly overlapMs: number
  /** Symbols that one connection carries. */
  readonly symbolsMax: number
  /** Whether it is paused before it has been told (R39). */
  readonly isPaused: boolean
}

export interface FeedContext extends FeedInput {
  /** What each connection that is there is for. */
  readonly streams: Readonly<Partial<Record<StreamId, StreamRole>>>
  /** What is known of the incoming connection; null while there is none. */
  readonly replacement: Replacement | null
  /** Tries to replace the live connection that failed since it is live. */
  readonly rotationAttempt: number
  readonly rotationCount: number
  readonly rotationFailureCount: number
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

export interface Replacement {
  readonly webSocketIndex: number
  readonly venue: string | null
  /** Frames of both connections while both deliver. */
  readonly frameCount: number
  readonly liveFrameCount: number
}

/**
 * `failed`: there is another try. `too_late`: the old connection ended before the new one was
 * there. `forced`: the old one did not end in time and was stopped.
 */
export interface RotationReport {
  readonly outcome: 'started' | 'completed' | 'failed' | 'too_late' | 'forced'
  readonly reason: string | null
}

/** What a batch of frames brought; `receivedUs` of its last frame. */
export interface BatchHandled {
  readonly type: 'batch.handled'
  readonly frameCount: number
  readonly tradeCount: number
  readonly rejectedCount: number
  readonly receivedUs: number
}

/** Facts from the stream port, with the connection that they are of. */
export type FeedNotice = { readonly stream: StreamId } & (
  | { readonly type: 'feed.subscribed'; readonly venue: string }
  | BatchHandled
  /** The wanted symbols are subscribed; with instruments that were not known before. */
  | { readonly type: 'subscription.applied'; readonly instruments: ReadonlyArray<Instrument> }
  /** The venue does not list these: they are wanted no more. */
  | { readonly type: 'subscription.refused'; readonly symbols: ReadonlyArray<string> }
  /** The connection carries no stream any more. */
  | { readonly type: 'pause.applied' }
  /** The venue will soon end this connection. */
  | { readonly type: 'shutdown.announced' }
)

export type FeedEvent =
  | FeedNotice
  | { readonly type: 'subscribe.requested'; readonly symbols: ReadonlyArray<string> }
  | { readonly type: 'unsubscribe.requested'; readonly symbols: ReadonlyArray<string> }
  | PauseNotice
  | { readonly type: 'drain.requested' }
  | { readonly type: 'retirement.overdue' }
  | DoneActorEvent
  | ErrorActorEvent

/** What the policy port says: streams are to be unsubscribed, connections kept (R40), or not. */
export type PauseNotice =
  | { readonly type: 'pause.requested' }
  | { readonly type: 'resume.requested' }

/** What the stream port is told while it runs. `symbols` is all that is wanted. */
export type FeedCommand =
  | { readonly type: 'symbols.changed'; readonly symbols: ReadonlyArray<string> }
  | PauseNotice
  | { readonly type: 'drain.requested' }
  /** Another connection carries the feed: end with what has arrived. */
  | { readonly type: 'retirement.requested' }

export interface ResolveInput {
  readonly restUrl: string
  readonly symbols: ReadonlyArray<string>
}

export interface StreamInput {
  readonly stream: StreamId
  readonly exchange: string
  readonly webSocketUrl: string
  readonly restUrl: string
  readonly symbols: ReadonlyArray<string>
  readonly instruments: ReadonlyArray<Instrument>
  /** It begins without streams. */
  readonly isPaused: boolean
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

/** The incoming connection was not subscribed in time. */
export const replacementLate: CrashFacts = {
  tag: 'ReplacementLate',
  message: 'the new connection did not come about in time',
  isDependency: true
}

/** The incoming connection gave nothing while the live one did. */
export const replacementMute: CrashFacts = {
  tag: 'ReplacementMute',
  message: 'the new connection is subscribed and delivers nothing',
  isDependency: true
}

/** The incoming connection is at a server that is about to end it. */
export const replacementLeaving: CrashFacts = {
  tag: 'ReplacementLeaving',
  message: 'the venue announced the end of the new connection as well',
  isDependency: true
}
