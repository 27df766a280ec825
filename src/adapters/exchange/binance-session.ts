/**
 * A live connection: its socket's events on one side, frames and subscriptions on the other.
 * The numbered invariants are those of `binance-socket.ts`.
 */
import * as Effect from 'effect/Effect'
import { WebSocket } from 'ws'
import { streamsPerConnectionMax } from '../config/settings.ts'
import { readControlReply } from './binance-frame-kinds.ts'
import { frameBytesMax } from './binance-frames.ts'
import { ControlChannel, type ControlMethod } from './control-channel.ts'
import {
  type SessionError,
  SocketClosed,
  StaleConnection,
  type SubscribeRejected,
  TooManyStreams
} from './exchange-errors.ts'
import { FrameQueue } from './frame-queue.ts'
import { ReadingMarks } from './reading-marks.ts'
import type { BinanceSocketOptions, ExchangeSession } from './socket-contract.ts'

const requestStreamsMax = 200

export class BinanceSession implements ExchangeSession {
  readonly venue: string
  readonly takeFrames: ExchangeSession['takeFrames']
  readonly #options: BinanceSocketOptions
  readonly #queue: FrameQueue<SessionError>
  readonly #control: ControlChannel<SessionError>
  readonly #marks = new ReadingMarks()
  readonly #streams: Set<string>
  #socket: WebSocket | null = null
  #heardCount = 0
  /** Receive time of this turn's frames; 0 before the first. */
  #turnUs = 0
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
      isGrown: () => options.isGrown?.() === true,
      setReading: (isReading) => this.#setReading(isReading)
    })
    this.#control = new ControlChannel<SessionError>({
      venue,
      answerMsMax: options.answerMsMax,
      send: (text) => this.#socket?.send(text),
      isPaused: () => this.#queue.isPaused
    })
    this.takeFrames = Effect.suspend(() => {
      this.#marks.noteAsked()
      return Effect.tap(this.#queue.take, ({ length }) =>
        Effect.sync(() => this.#marks.noteTaken(length))
      )
    })
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
    return this.#request('SUBSCRIBE', chunksOf(added), (stream) => this.#streams.add(stream))
  }

  unsubscribe(streams: ReadonlyArray<string>) {
    const removed = [...new Set(streams)].filter((stream) => this.#streams.has(stream))
    // One for all of them, however many (R40).
    const chunks = removed.length === 0 ? [] : [removed]
    return this.#request('UNSUBSCRIBE', chunks, (stream) => this.#streams.delete(stream))
  }

  /** The answer stands behind all frames before it; after a loss nothing will follow these. */
  readonly caughtUp: Effect.Effect<boolean> = Effect.suspend(() =>
    this.#control.request('GET_PROPERTY', ['combined']).pipe(
      Effect.match({
        onSuccess: () => true,
        onFailure: ({ _tag }) => _tag !== 'SubscribeRejected'
      }),
      Effect.tap(this.#marks.passed)
    )
  )

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
    const unread = Effect.sync(() => this.#marks.end())
    return Effect.andThen(Effect.andThen(unread, this.close), this.#ended)
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
    chunks: ReadonlyArray<ReadonlyArray<string>>,
    apply: (stream: string) => unknown
  ): Effect.Effect<void, SubscribeRejected | SessionError> {
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
    if (this.#isClosing) return
    this.#marks.noteArrived()
    const isOversized = data.length > frameBytesMax
    this.#queue.push({
      bytes: isOversized ? Buffer.from(data.subarray(0, oversizedBytesKept)) : data,
      frameBytes: data.length,
      isBinary,
      receivedUs: this.#receivedUs()
    })
  }

  /** Frames of one turn came with one read of the socket, and share its time. */
  #receivedUs(): number {
    if (this.#turnUs === 0) {
      this.#turnUs = this.#options.nowUs()
      setImmediate(() => {
        this.#turnUs = 0
      })
    }
    return this.#turnUs
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
    if (this.#isOpened) {
      this.#options.observe({ type: 'socket.closed', venue, code: error.code, closedBy })
    }
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

const chunksOf = (streams: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> =>
  Array.from({ length: Math.ceil(streams.length / requestStreamsMax) }, (_, chunk) =>
    streams.slice(chunk * requestStreamsMax, (chunk + 1) * requestStreamsMax)
  )

const oversizedBytesKept = 64 * 1024

const replyBeginning = /^\s*\{\s*"(?:result|error|id|code|msg)"/
/** `{"s`, as every frame of a stream begins: told from an answer without making a text of it. */
const isStreamFrame = (data: Buffer): boolean =>
  data[0] === 0x7b && data[1] === 0x22 && data[2] === 0x73

/** Answers are short and begin with one of a few names; a trade frame begins with another. */
const looksLikeReply = (data: Buffer): boolean =>
  !isStreamFrame(data) &&
  data.length <= 4096 &&
  replyBeginning.test(data.toString('latin1', 0, 16))

const replyIn = (data: Buffer) => {
  try {
    return readControlReply(JSON.parse(data.toString('utf8')))
  } catch {
    return null
  }
}

export const tooMany = (streamCount: number) =>
  new TooManyStreams({ streamCount, streamCountMax: streamsPerConnectionMax })
