/**
 * Frames between the socket and its one reader, in arrival order, bounded by bytes.
 *
 * 1. At `bytesMax` the socket is paused, below half of it resumed. What can exceed the bound is one
 *    read of the socket (64 KiB) and one frame, for these were on their way.
 * 2. A failure is told only after every frame that arrived before it was taken.
 * 3. What a few reads of the socket bring becomes one batch: a reader waits while each turn of the
 *    event loop brings more, at most `gatherTurnsMax` of them.
 * 4. While batches may grow, a reader waits for `gatherMs`, or until there is plenty: a batch of
 *    the size that is grown to, or half of the bound. Fewer batches cost less per frame (R20).
 */
import * as Effect from 'effect/Effect'
import type { RawFrame } from './frame-result.ts'

export interface FrameQueueOptions {
  readonly bytesMax: number
  /** Most frames in one batch, so that a batch is handled within a few milliseconds. */
  readonly batchFramesMax: number
  /** Whether batches may grow (4). */
  readonly isGrown?: () => boolean
  /** Stops and restarts reading of the socket. */
  readonly setReading: (isReading: boolean) => void
}

export class FrameQueue<E> {
  readonly #options: FrameQueueOptions
  #frames: RawFrame[] = []
  #head = 0
  #queuedBytes = 0
  #isPaused = false
  #failure: E | null = null
  #wake: (() => void) | null = null
  #wakeTimer: NodeJS.Immediate | null = null
  #isGathering = false

  constructor(options: FrameQueueOptions) {
    this.#options = options
  }

  get queuedBytes(): number {
    return this.#queuedBytes
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  push(frame: RawFrame): void {
    if (this.#failure !== null) return
    this.#frames.push(frame)
    this.#queuedBytes += frame.bytes.length
    if (!this.#isPaused && this.#queuedBytes >= this.#options.bytesMax) this.#setPaused(true)
    this.#wakeReaderSoon()
  }

  /** The first failure ends the queue; later ones are its echo. */
  fail(error: E): void {
    this.#failure ??= error
    this.#wakeReaderSoon()
  }

  /** Waits for at least one frame. Fails once the queue has failed and is empty (2). */
  readonly take: Effect.Effect<ReadonlyArray<RawFrame>, E> = Effect.suspend(() => {
    if (this.#isSettled() && this.#isDue()) return this.#next()
    return Effect.callback<ReadonlyArray<RawFrame>, E>((resume) => {
      this.#wake = () => resume(this.#next())
      if (this.#isSettled()) this.#wakeReaderSoon()
      return Effect.sync(() => {
        this.#wake = null
      })
    })
  })

  #isSettled(): boolean {
    return this.#head < this.#frames.length || this.#failure !== null
  }

  #next(): Effect.Effect<ReadonlyArray<RawFrame>, E> {
    if (this.#head === this.#frames.length && this.#failure !== null) {
      return Effect.fail(this.#failure)
    }
    return Effect.succeed(this.#takeBatch())
  }

  #takeBatch(): ReadonlyArray<RawFrame> {
    const end = Math.min(this.#head + this.#batchFramesMax, this.#frames.length)
    const batch = this.#frames.slice(this.#head, end)
    this.#head = end
    if (end === this.#frames.length) {
      this.#frames = []
      this.#head = 0
    } else if (end > compactFramesMin && end * 2 > this.#frames.length) {
      this.#frames = this.#frames.slice(end)
      this.#head = 0
    }
    for (const frame of batch) this.#queuedBytes -= frame.bytes.length
    if (this.#isPaused && this.#queuedBytes < this.#options.bytesMax / 2) this.#setPaused(false)
    return batch
  }

  #setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused
    this.#options.setReading(!isPaused)
  }

  get #batchFramesMax(): number {
    const { batchFramesMax } = this.#options
    return this.#isGrown ? batchFramesMax * growth : batchFramesMax
  }

  get #isGrown(): boolean {
    return this.#options.isGrown?.() === true
  }

  /** (4) */
  #isDue(): boolean {
    if (this.#failure !== null || !this.#isGrown) return true
    const frameCount = this.#frames.length - this.#head
    return (
      frameCount >= this.#batchFramesMax || this.#queuedBytes >= this.#options.bytesMax / 2
    )
  }

  #wakeReaderSoon(): void {
    if (this.#wake === null || this.#wakeTimer !== null) return
    if (this.#isDue()) {
      this.#gather(gatherTurnsMax)
      return
    }
    if (this.#isGathering) return
    this.#isGathering = true
    setTimeout(() => {
      this.#isGathering = false
      if (this.#wake !== null && this.#wakeTimer === null) this.#gather(1)
    }, gatherMs)
  }

  /** (3) */
  #gather(turns: number): void {
    const frameCount = this.#frames.length
    this.#wakeTimer = setImmediate(() => {
      this.#wakeTimer = null
      const isGrowing = this.#frames.length > frameCount && this.#failure === null
      if (isGrowing && turns > 1) {
        this.#gather(turns - 1)
        return
      }
      // A reader may have been interrupted meanwhile, and the next one have taken what was there.
      if (!this.#isSettled()) return
      const wake = this.#wake
      this.#wake = null
      wake?.()
    })
  }
}

const gatherTurnsMax = 4
/** Well below what makes data late, and many times what frames come in at low rates. */
const gatherMs = 25
const growth = 4
/** Below this, taken frames stay in the array until it is empty: copying would cost more. */
const compactFramesMin = 4096
