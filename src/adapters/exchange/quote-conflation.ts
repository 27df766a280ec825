/**
 * Of the quotes of a symbol that come within 100 ms, the newest (R34): what is replaced was never
 * read.
 *
 * 1. Time is cut into spans of 100 ms by when frames were received. A quote is due once a frame of
 *    a later span has come, and the newest of each span and symbol becomes due.
 * 2. Quotes of a symbol become due in the order in which they came.
 * 3. A quote that waits is counted as offered, and is settled by whoever takes it.
 */
import type { FeedAccount } from './feed-account.ts'
import type { RawFrame } from './frame-result.ts'

const conflationUs = 100_000

export class QuoteConflation {
  readonly #account: FeedAccount
  /** By symbol. */
  readonly #waiting = new Map<string, RawFrame>()
  /** Frames that lie in memory of their own. */
  readonly #owned = new WeakSet<RawFrame>()

  constructor(account: FeedAccount) {
    this.#account = account
  }

  get hasWaiting(): boolean {
    return this.#waiting.size > 0
  }

  /** Counts the frame, which waits from here on; the result is due before it, if there is any. */
  put(symbol: string, frame: RawFrame): { readonly due?: RawFrame; readonly replaced: boolean } {
    const before = this.#waiting.get(symbol)
    this.#waiting.set(symbol, frame)
    this.#account.noteUnread(symbol)
    if (before === undefined) return { replaced: false }
    if (spanOf(before) !== spanOf(frame)) return { due: before, replaced: false }
    this.#account.noteConflated(symbol)
    return { replaced: true }
  }

  /** Takes what came before the span of `receivedUs`, or all of it. */
  take(receivedUs = Number.POSITIVE_INFINITY): ReadonlyArray<readonly [string, RawFrame]> {
    const span = Math.floor(receivedUs / conflationUs)
    const due = [...this.#waiting].filter(([, frame]) => spanOf(frame) < span)
    for (const [symbol] of due) this.#waiting.delete(symbol)
    return due
  }

  /** What still waits is kept without the read of the socket that it came with. */
  detach(): void {
    for (const [symbol, frame] of this.#waiting) {
      if (this.#owned.has(frame)) continue
      const copy = { ...frame, bytes: Buffer.from(frame.bytes) }
      this.#owned.add(copy)
      this.#waiting.set(symbol, copy)
    }
  }
}

const spanOf = ({ receivedUs }: RawFrame): number => Math.floor(receivedUs / conflationUs)
