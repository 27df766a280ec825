/**
 * One client's stream connection: its subscriptions, its share of the faults, its bytes.
 *
 * 1. Frames of a turn are collected, with their WebSocket headers, and written as one chunk: at
 *    full speed this shares two cores with the client. No extension is negotiated, so header and
 *    payload are all there is (RFC 6455, 5.2), and replies written by `ws` keep their order because
 *    the collected bytes are flushed before every one of them.
 * 2. What was put on the wire is counted here, per symbol; what was withheld, and why, too.
 * 3. After a cut nothing more is written.
 */
import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import { corruptBytes } from './faults.ts'
import type { FaultSettings, FrameLuck, Injection } from './faults.ts'
import { makeFrameWriter, opcodeBinary, opcodeText } from './frame-writer.ts'
import type { FrameWriter } from './frame-writer.ts'
import type { FrameBytes } from './trade-source.ts'

export type CutReason =
  'client_closed' | 'fault_drop' | 'slow_client' | 'too_many_messages' | 'no_pong' | 'too_old'

export interface SentRange {
  firstId: number
  lastId: number
  count: number
}

/** Counters of one connection; all count data frames. */
export interface SessionCounts {
  sent: number
  skipped: number
  duplicated: number
  reordered: number
  corrupted: number
  /** Not sent because the connection was stalled. */
  withheld: number
  injected: number
}

export const noCounts: Readonly<SessionCounts> = {
  sent: 0,
  skipped: 0,
  duplicated: 0,
  reordered: 0,
  corrupted: 0,
  withheld: 0,
  injected: 0
}

export interface Session {
  readonly id: number
  readonly counts: Readonly<SessionCounts>
  /** Trades put on the wire, whole or damaged, by stream index of the source. */
  readonly sentByStream: ReadonlyMap<number, Readonly<SentRange>>
  readonly subscriptions: ReadonlySet<string>
  cutReason(): CutReason | undefined
  isStalled(): boolean
  setCombined(combined: boolean): void
  isCombined(): boolean
  subscribe(names: ReadonlyArray<string>): void
  unsubscribe(names: ReadonlyArray<string>): void
  wants(stream: number): boolean
  /** Whether any of the source's streams is subscribed. */
  wantsAny(): boolean
  /** Whether the frame was written whole, or will be. */
  deliver(
    frame: FrameBytes,
    stream: number,
    tradeId: number,
    luck: FrameLuck | undefined
  ): boolean
  flush(): void
  /** Lets go of the frames that `reorder` keeps back. */
  releaseHeld(): void
  /** A reply of the venue, in order with the data. */
  reply(text: string): void
  inject(injection: Injection): void
  /** The faults have changed: counts for `dropAfter` and `stallAfter` start anew, stalls end. */
  rearm(): void
  unsentBytes(): number
  /** Ends the connection at once; what was not flushed is lost. */
  cut(reason: CutReason): void
  /** Ends the connection with a close frame, behind all that was delivered. */
  end(reason: CutReason): void
}

export interface SessionOptions {
  readonly id: number
  readonly socket: Socket
  readonly webSocket: WebSocket
  readonly combined: boolean
  readonly streamIndex: ReadonlyMap<string, number>
  readonly settings: () => FaultSettings
}

/** What the venue says to connections that it ends in good order. */
export const closeGoingAway = 1_001

export const makeSession = (options: SessionOptions): Session => new StreamSession(options)

interface HeldFrame {
  readonly frame: FrameBytes
  readonly tradeId: number
}

class StreamSession implements Session {
  readonly id: number
  readonly counts: SessionCounts = { ...noCounts }
  readonly sentByStream = new Map<number, SentRange>()
  readonly subscriptions = new Set<string>()
  private readonly options: SessionOptions
  private readonly writer: FrameWriter
  /** By stream: the frame that waits to be swapped with its successor. */
  private readonly held = new Map<number, HeldFrame>()
  /** By stream: 1 where it is subscribed. */
  private readonly wanted: Uint8Array
  private wantedCount = 0
  private combined: boolean
  /** `counts.sent` when the faults were last set. */
  private armedAt = 0
  private stalledByCount = false
  private reason: CutReason | undefined

  constructor(options: SessionOptions) {
    this.id = options.id
    this.options = options
    this.combined = options.combined
    this.wanted = new Uint8Array(options.streamIndex.size)
    this.writer = makeFrameWriter(options.socket)
  }

  cutReason(): CutReason | undefined {
    return this.reason
  }

  cut(reason: CutReason): void {
    if (this.reason !== undefined) return
    this.reason = reason
    this.options.webSocket.terminate()
  }

  end(reason: CutReason): void {
    if (this.reason !== undefined) return
    this.writer.flush()
    this.reason = reason
    this.options.webSocket.close(closeGoingAway)
  }

  isStalled(): boolean {
    return this.stalledByCount || this.options.settings().stall
  }

  rearm(): void {
    this.armedAt = this.counts.sent
    this.stalledByCount = false
  }

  isCombined(): boolean {
    return this.combined
  }

  setCombined(combined: boolean): void {
    this.combined = combined
  }

  subscribe(names: ReadonlyArray<string>): void {
    for (const name of names) {
      this.subscriptions.add(name)
      this.setWanted(name, 1)
    }
  }

  unsubscribe(names: ReadonlyArray<string>): void {
    for (const name of names) {
      this.subscriptions.delete(name)
      this.setWanted(name, 0)
    }
  }

  wants(stream: number): boolean {
    return stream === -1 || this.wanted[stream] === 1
  }

  wantsAny(): boolean {
    return this.wantedCount > 0
  }

  deliver(
    frame: FrameBytes,
    stream: number,
    tradeId: number,
    luck: FrameLuck | undefined
  ): boolean {
    if (this.isStalled()) {
      this.counts.withheld += 1
      return false
    }
    if (luck !== undefined) {
      this.deliverWithLuck({ frame, tradeId }, stream, luck)
      return !luck.isSkipped && !luck.isCorrupted
    }
    this.put(this.payloadOf(frame), stream, tradeId)
    if (this.held.size > 0) this.release(stream)
    return true
  }

  flush(): void {
    if (this.reason === undefined) this.writer.flush()
  }

  releaseHeld(): void {
    for (const stream of this.held.keys()) this.release(stream)
  }

  reply(text: string): void {
    if (this.reason !== undefined) return
    this.writer.flush() // (1)
    this.options.webSocket.send(text)
  }

  inject({ payload, isBinary }: Injection): void {
    if (this.reason !== undefined) return
    this.counts.injected += 1
    this.writer.write(payload, isBinary ? opcodeBinary : opcodeText)
    this.writer.flush()
  }

  unsentBytes(): number {
    return this.options.socket.writableLength + this.writer.pendingBytes()
  }

  private setWanted(name: string, wanted: 0 | 1): void {
    const stream = this.options.streamIndex.get(name)
    if (stream === undefined || this.wanted[stream] === wanted) return
    this.wanted[stream] = wanted
    this.wantedCount += wanted === 1 ? 1 : -1
  }

  private payloadOf({ bytes, dataStart, dataEnd }: FrameBytes): Buffer {
    return this.combined ? bytes : bytes.subarray(dataStart, dataEnd)
  }

  private put(payload: Buffer, stream: number, tradeId: number): void {
    if (this.reason !== undefined) return // (3)
    this.writer.write(payload, opcodeText)
    this.counts.sent += 1
    if (tradeId >= 0) noteSent(this.sentByStream, stream, tradeId)
    const { dropAfter, stallAfter } = this.options.settings()
    if (stallAfter > 0 && this.counts.sent - this.armedAt >= stallAfter) this.stalledByCount = true
    if (dropAfter > 0 && this.counts.sent - this.armedAt >= dropAfter) {
      this.writer.flush()
      this.reason = 'fault_drop'
      this.options.socket.destroySoon() // after what was written: exactly so many frames arrive
    }
  }

  private deliverWithLuck({ frame, tradeId }: HeldFrame, stream: number, luck: FrameLuck): void {
    if (luck.isSkipped) {
      this.counts.skipped += 1
      return
    }
    if (luck.isReordered && !luck.isCorrupted && !this.held.has(stream)) {
      this.counts.reordered += 1
      this.held.set(stream, { frame, tradeId })
      return
    }
    let payload = this.payloadOf(frame)
    if (luck.isCorrupted) {
      this.counts.corrupted += 1
      payload = corruptBytes(payload, luck.word)
    }
    this.put(payload, stream, tradeId)
    if (luck.isDuplicated) {
      this.counts.duplicated += 1
      this.put(payload, stream, tradeId)
    }
    this.release(stream)
  }

  private release(stream: number): void {
    const kept = this.held.get(stream)
    if (kept === undefined) return
    this.held.delete(stream)
    this.put(this.payloadOf(kept.frame), stream, kept.tradeId)
  }
}

const noteSent = (sentByStream: Map<number, SentRange>, stream: number, tradeId: number): void => {
  const range = sentByStream.get(stream)
  if (range === undefined) sentByStream.set(stream, { firstId: tradeId, lastId: tradeId, count: 1 })
  else {
    range.firstId = Math.min(range.firstId, tradeId)
    range.lastId = Math.max(range.lastId, tradeId)
    range.count += 1
  }
}
