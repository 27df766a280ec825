/**
 * Refused frames on their way to the dead-letter log: a sample for people. All of them are counted.
 */
import type * as Effect from 'effect/Effect'
import { increment } from './feed-account.ts'
import type { RejectReason } from './frame-result.ts'

/** A refused frame. `bytes` is a copy, at most `letterBytesMax`; `frameBytes` the real length. */
export interface FrameLetter {
  readonly reason: RejectReason
  readonly bytes: Buffer
  readonly frameBytes: number
  readonly receivedUs: number
  readonly field?: string
  readonly symbol?: string
  readonly nativeId?: number
}

export interface FrameLetterSink<E> {
  readonly offer: (letter: FrameLetter) => Effect.Effect<void, E>
}

export const letterBytesMax = 64 * 1024

/** Takes the first `perMinuteMax` refused frames of each reason in a minute of receive time. */
export class LetterSampler {
  readonly #perMinuteMax: number
  readonly #taken = new Map<RejectReason, number>()
  #minute = 0

  constructor(perMinuteMax: number) {
    this.#perMinuteMax = perMinuteMax
  }

  takes(reason: RejectReason, receivedUs: number): boolean {
    const minute = Math.floor(receivedUs / 60_000_000)
    if (minute !== this.#minute) {
      this.#minute = minute
      this.#taken.clear()
    }
    increment(this.#taken, reason)
    return (this.#taken.get(reason) ?? 0) <= this.#perMinuteMax
  }
}
