/** What a connection to a venue needs, tells and offers. */
import type * as Effect from 'effect/Effect'
import type { SessionError, SubscribeRejected, TooManyStreams } from './exchange-errors.ts'
import type { RawFrame } from './frame-result.ts'

export interface BinanceSocketOptions {
  /** Wall clock, µs since 1970: the receive time of frames. */
  readonly nowUs: () => number
  readonly handshakeMsMax: number
  readonly staleMs: number
  readonly answerMsMax: number
  readonly closeMsMax: number
  readonly queueBytesMax: number
  readonly batchFramesMax: number
  /** Whether batches of frames may grow, at the cost of time. */
  readonly isGrown?: () => boolean
  readonly payloadBytesMax: number
  /** Certificates trusted instead of the system's, PEM; for a venue of one's own. */
  readonly trustedCertificates?: ReadonlyArray<string>
  readonly observe: (event: SocketEvent) => void
}

export type SocketEvent =
  | { readonly type: 'socket.opened'; readonly venue: string }
  | {
      readonly type: 'socket.closed'
      readonly venue: string
      readonly code: number
      readonly closedBy: 'venue' | 'k2'
    }
  | { readonly type: 'socket.stalled'; readonly venue: string }
  | { readonly type: 'socket.pinged'; readonly venue: string }
  | {
      readonly type: 'socket.reading_changed'
      readonly venue: string
      readonly isReading: boolean
      readonly queuedBytes: number
    }
  | {
      readonly type: 'request.answered'
      readonly venue: string
      readonly isExpected: boolean
      readonly outcome: 'acknowledged' | 'refused'
    }

export interface ExchangeSession {
  /** Host and port. */
  readonly venue: string
  /** Next frames, at least one, in arrival order; one reader. Fails when all was taken and the
   * connection is gone. */
  readonly takeFrames: Effect.Effect<ReadonlyArray<RawFrame>, SessionError>
  /** Adds streams (`btcusdt@trade`); those already there are left out. Ends acknowledged. */
  readonly subscribe: (
    streams: ReadonlyArray<string>
  ) => Effect.Effect<void, SubscribeRejected | SessionError | TooManyStreams>
  readonly unsubscribe: (
    streams: ReadonlyArray<string>
  ) => Effect.Effect<void, SubscribeRejected | SessionError>
  /**
   * Ends once the reader has handled all that the venue had sent by the time of asking, or the
   * connection and its reader have ended. False if the venue does not say how far it was.
   */
  readonly caughtUp: Effect.Effect<boolean>
  /** Ends intake: what has arrived can still be taken, then `takeFrames` fails, closed by `k2`. */
  readonly close: Effect.Effect<void>
  readonly streams: () => ReadonlyArray<string>
  readonly queuedBytes: () => number
}
