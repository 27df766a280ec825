/**
 * One WebSocket connection to Binance, in the caller's scope: frames in arrival order, and live
 * subscriptions. Source: "WebSocket Streams", the venue's document.
 *
 * 1. Certificates are verified. Nothing is retried here: the first failure ends the session.
 * 2. Bytes are bounded: between socket and reader by `queueBytesMax` (then reading is paused), and
 *    of one frame by `payloadBytesMax` (then the venue's frame costs the connection, code 1009).
 *    A frame above 1 MiB and below that costs itself only: its beginning is kept for inspection.
 * 3. Silence of frames and pings for `staleMs`, while we read, fails the session.
 * 4. Pings are answered by the socket itself, with the ping's payload.
 * 5. At the end of the scope the socket is closed, politely for `closeMsMax`, then by force.
 */
import * as Context from 'effect/Context'
import * as Effect from 'effect/Effect'
import * as Layer from 'effect/Layer'
import type * as Scope from 'effect/Scope'
import { streamsPerConnectionMax } from '../config/settings.ts'
import { BinanceSession, tooMany } from './binance-session.ts'
import type { ConnectError, SessionError, SubscribeRejected } from './exchange-errors.ts'
import type { BinanceSocketOptions, ExchangeSession } from './socket-contract.ts'
import { openSocket, venueOf } from './socket-open.ts'

export type { BinanceSocketOptions, ExchangeSession, SocketEvent } from './socket-contract.ts'

export const binanceSocketDefaults = {
  handshakeMsMax: 10_000,
  staleMs: 60_000, // the venue pings every 20 s
  answerMsMax: 5_000,
  closeMsMax: 1_000,
  queueBytesMax: 1024 * 1024,
  batchFramesMax: 1_000,
  payloadBytesMax: 16 * 1024 * 1024
} as const

export class BinanceSocket extends Context.Service<
  BinanceSocket,
  {
    /** @param baseUrl scheme, host, port, for example `wss://stream.binance.com:9443`. */
    readonly connect: (
      baseUrl: string,
      streams: ReadonlyArray<string>
    ) => Effect.Effect<
      ExchangeSession,
      ConnectError | SubscribeRejected | SessionError,
      Scope.Scope
    >
  }
>()('k2/adapters/exchange/BinanceSocket') {
  static readonly layer = (options: BinanceSocketOptions) =>
    Layer.succeed(
      BinanceSocket,
      BinanceSocket.of({ connect: (baseUrl, streams) => connect(options, baseUrl, streams) })
    )
}

/** Streams named in the URL; the rest is subscribed, so that the URL stays within common limits. */
const urlStreamsMax = 100

const connect = Effect.fnUntraced(function* (
  options: BinanceSocketOptions,
  baseUrl: string,
  streams: ReadonlyArray<string>
) {
  const wanted = [...new Set(streams)]
  if (wanted.length > streamsPerConnectionMax) return yield* tooMany(wanted.length)
  const first = wanted.slice(0, urlStreamsMax)
  const query = first.length === 0 ? '' : `?streams=${first.join('/')}`
  const url = `${baseUrl.replace(/\/+$/, '')}/stream${query}`
  const session = new BinanceSession(venueOf(baseUrl), options, first)
  yield* Effect.acquireRelease(
    openSocket(url, options, (socket) => session.attach(socket)),
    () => session.release,
    { interruptible: true }
  )
  session.opened()
  yield* Effect.forkScoped(session.watchSilence)
  if (wanted.length > first.length) yield* session.subscribe(wanted)
  return session
})
