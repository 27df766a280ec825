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
import { WebSocket } from 'ws'
import { readControlReply } from './binance-frame-kinds.ts'
import { frameBytesMax } from './binance-frames.ts'
import { ControlChannel, type ControlMethod } from './control-channel.ts'
import {
  type ConnectError,
  type SessionError,
  SocketClosed,
  StaleConnection,
  type SubscribeRejected,
  TooManyStreams
} from './exchange-errors.ts'
import { FrameQueue } from './frame-queue.ts'
import type { RawFrame } from './frame-result.ts'
import { openSocket, venueOf } from './socket-open.ts'

/** The venue carries at most this many streams on one connection. */
export const streamsPerConnectionMax = 1024

export interface BinanceSocketOptions {
  /** Wall clock, µs since 1970: the receive time of frames. */
  readonly nowUs: () => number
  readonly handshakeMsMax: number
  readonly staleMs: number
  readonly answerMsMax: number
  readonly closeMsMax: number
  readonly queueBytesMax: number
  readonly batchFramesMax: number
  readonly payloadBytesMax: number
  /** Certificates trusted instead of the system's, PEM; for a venue of one's own. */
  readonly trustedCertificates?: ReadonlyArray<string>
  readonly observe: (event: SocketEvent) => void
}

export const binanceSocketDefaults = {
  handshakeMsMax: 10_000,
  staleMs: 60_000, // the venue pings every 20 s
  answerMsMax: 5_000,
  closeMsMax: 1_000,
  queueBytesMax: 8 * 1024 * 1024,
  batchFramesMax: 1_000,
  payloadBytesMax: 16 * 1024 * 1024
} as const

export type SocketEvent =
  | { readonly type: 'socket.opened'; readonly venue: string }
  | { readonly type: 'socket.closed'; readonly venue: string; readonly code: number; readonly closedBy: 'venue' | 'k2' }
  | { readonly type: 'socket.stalled'; readonly venue: string }
  | { readonly type: 'socket.pinged'; readonly venue: string }
  | { readonly type: 'socket.reading_changed'; readonly venue: string; readonly isReading: boolean; readonly queuedBytes: number }
  | { readonly type: 'request.answered'; readonly venue: string; readonly isExpected: boolean; readonly outcome: 'acknowledged' | 'refused' }

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
  /** Ends intake: what has arrived can still be taken, then `takeFrames` fails, closed by `k2`. */
  readonly close: Effect.Effect<void>
  readonly streams: () => ReadonlyArray<string>
  readonly queuedBytes: () => number
}

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
const requestStreamsMax = 200

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

const tooMany = (streamCount: number) =>
  new TooManyStreams({ streamCount, streamCountMax: streamsPerConnectionMax })

class BinanceSession implements ExchangeSession {
  readonly venue: string
  readonly takeFrames: ExchangeSession['takeFrames']
  readonly #options: BinanceSocketOptions
  readonly #queue: FrameQueue<SessionError>
  readonly #control: ControlChannel<SessionError>
  readonly #streams: Set<string>
  #socket: WebSocket | null = null
  #heardCount = 0
  #isOpened = false
  #isClosing = false
  #socketError: string | null = null
  #onClosed: (() => void) | null = null

  constructor(venue: string, options: BinanceSocketOptions, streams: ReadonlyArray<string>) {
    this.venue = venue
    this.#options = options
    this.#streams = new Set(streams)
    this.#queue = new FrameQueue<SessionError>({
      bytesMax: options.queueBytesMax,
      batchFramesMax: options.batchFramesMax,
      setReading: (isReading) => this.#setReading(isReading)
    })
    this.#control = new ControlChannel<SessionError>({
      venue,
      answerMsMax: options.answerMsMax,
      send: (text) => this.#socket?.send(text),
      isPaused: () => this.#queue.isPaused
    })
    this.takeFrames = this.#queue.take
  }

  /** Listens from before the handshake, because trades may come in the same read as its end. */
  attach(socket: WebSocket): void {
    this.#socket = socket
    socket.on('message', (data, isBinary) => this.#receive(data as Buffer, isBinary))
    socket.on('ping', () => {
      this.#heardCount += 1
      this.#options.observe({ type: 'socket.pinged', venue: this.venue })
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#socketError = error.code ?? error.message
    })
    socket.on('close', (code, reason) => this.#closed(code, reason.toString('utf8')))
  }

  opened(): void {
    this.#isOpened = true
    this.#options.observe({ type: 'socket.opened', venue: this.venue })
  }

  subscribe(streams: ReadonlyArray<string>) {
    const added = [...new Set(streams)].filter((stream) => !this.#streams.has(stream))
    const count = this.#streams.size + added.length
    if (count > streamsPerConnectionMax) return tooMany(count)
    return this.#request('SUBSCRIBE', added, (stream) => this.#streams.add(stream))
  }

  unsubscribe(streams: ReadonlyArray<string>) {
    const removed = [...new Set(streams)].filter((stream) => this.#streams.has(stream))
    return this.#request('UNSUBSCRIBE', removed, (stream) => this.#streams.delete(stream))
  }

  readonly close: Effect.Effect<void> = Effect.sync(() => {
    // What arrives from here on is not ours any more: the next session claims from the last id.
    this.#isClosing = true
    this.#fail(this.#closeError(1000, ''))
    const socket = this.#socket
    socket?.resume() // the venue's close frame lies behind what we did not read
    socket?.close(1000)
  })

  /** Closes and waits for the end: the socket itself gives up after `closeMsMax` (5). */
  get release(): Effect.Effect<void> {
    return Effect.andThen(this.close, this.#ended)
  }

  readonly #ended: Effect.Effect<void> = Effect.callback<void>((resume) => {
    const socket = this.#socket
    if (socket === null || socket.readyState === WebSocket.CLOSED) {
      resume(Effect.void)
      return
    }
    this.#onClosed = () => resume(Effect.void)
  })

  /** Counts silent quarters of `staleMs`; a quarter in which we did not read is not silence (3). */
  readonly watchSilence: Effect.Effect<void> = Effect.suspend(() => {
    const { staleMs } = this.#options
    let heardCount = -1
    let silentQuarters = 0
    const look = Effect.sync(() => {
      const isSilent = this.#heardCount === heardCount && !this.#queue.isPaused
      heardCount = this.#heardCount
      silentQuarters = isSilent ? silentQuarters + 1 : 0
      return silentQuarters < 4
    })
    const watch = Effect.andThen(Effect.sleep(staleMs / 4), look)
    return Effect.andThen(
      Effect.repeat(watch, { while: (isAlive) => isAlive }),
      Effect.sync(() => this.#stalled(staleMs))
    )
  })

  streams(): ReadonlyArray<string> {
    return [...this.#streams]
  }

  queuedBytes(): number {
    return this.#queue.queuedBytes
  }

  #request(
    method: ControlMethod,
    streams: ReadonlyArray<string>,
    apply: (stream: string) => unknown
  ): Effect.Effect<void, SubscribeRejected | SessionError> {
    const chunks: ReadonlyArray<string>[] = []
    for (let start = 0; start < streams.length; start += requestStreamsMax) {
      chunks.push(streams.slice(start, start + requestStreamsMax))
    }
    return Effect.forEach(
      chunks,
      (chunk) =>
        Effect.andThen(
          this.#control.request(method, chunk),
          Effect.sync(() => chunk.forEach(apply))
        ),
      { discard: true }
    )
  }

  #receive(data: Buffer, isBinary: boolean): void {
    this.#heardCount += 1
    if (!isBinary && looksLikeReply(data) && this.#answer(data)) return
    const isOversized = data.length > frameBytesMax
    this.#queue.push({
      bytes: isOversized ? Buffer.from(data.subarray(0, oversizedBytesKept)) : data,
      frameBytes: data.length,
      isBinary,
      receivedUs: this.#options.nowUs()
    })
  }

  /** True if the frame was an answer to a request; anything else goes the way of all frames. */
  #answer(data: Buffer): boolean {
    const reply = replyIn(data)
    if (reply === null) return false
    const isExpected = this.#control.answer(reply)
    const { outcome } = reply
    this.#options.observe({ type: 'request.answered', venue: this.venue, isExpected, outcome })
    return isExpected
  }

  #setReading(isReading: boolean): void {
    const socket = this.#socket
    if (socket === null || socket.readyState !== WebSocket.OPEN) return
    if (isReading) socket.resume()
    else socket.pause()
    const { venue } = this
    const queuedBytes = this.#queue.queuedBytes
    this.#options.observe({ type: 'socket.reading_changed', venue, isReading, queuedBytes })
  }

  #stalled(silentMs: number): void {
    this.#options.observe({ type: 'socket.stalled', venue: this.venue })
    this.#fail(new StaleConnection({ venue: this.venue, silentMs }))
    this.#socket?.terminate()
  }

  #closed(code: number, reason: string): void {
    const error = this.#closeError(code, reason === '' ? (this.#socketError ?? '') : reason)
    const { closedBy } = error
    const { venue } = this
    if (this.#isOpened) this.#options.observe({ type: 'socket.closed', venue, code: error.code, closedBy })
    this.#fail(error)
    this.#onClosed?.()
  }

  #closeError(code: number, reason: string): SocketClosed {
    const isTooLarge = this.#socketError === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'
    return new SocketClosed({
      venue: this.venue,
      code: isTooLarge ? 1009 : code,
      reason: isTooLarge ? `a frame exceeds ${this.#options.payloadBytesMax} bytes` : reason,
      closedBy: this.#isClosing ? 'k2' : 'venue'
    })
  }

  #fail(error: SessionError): void {
    this.#queue.fail(error)
    this.#control.fail(error)
  }
}

const oversizedBytesKept = 64 * 1024

/** Answers are short and begin with one of a few names; a trade frame begins with another. */
const looksLikeReply = (data: Buffer): boolean =>
  data.length <= 4096 && /^\s*\{\s*"(?:result|error|id|code|msg)"/.test(data.toString('latin1', 0, 16))

const replyIn = (data: Buffer) => {
  try {
    return readControlReply(JSON.parse(data.toString('utf8')))
  } catch {
    return null
  }
}
