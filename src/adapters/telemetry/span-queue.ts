/**
 * Spans that wait to be sent.
 *
 * 1. No more than `spansMax` wait; what comes beyond is dropped, and counted: whoever is traced
 *    never waits for the collector.
 */
import * as Latch from 'effect/Latch'
import type { Span } from './span.ts'

export class SpanQueue {
  /** Open while there are spans. */
  readonly filled = Latch.makeUnsafe(false)
  readonly #spansMax: number
  readonly #onDropped: (spans: number) => void
  #spans: Span[] = []

  constructor(spansMax: number, onDropped: (spans: number) => void) {
    this.#spansMax = spansMax
    this.#onDropped = onDropped
  }

  get length(): number {
    return this.#spans.length
  }

  push(spans: readonly Span[]): void {
    const taken = spans.slice(0, this.#spansMax - this.#spans.length)
    this.#spans.push(...taken)
    if (this.#spans.length > 0) this.filled.openUnsafe()
    // (1)
    if (taken.length < spans.length) this.#onDropped(spans.length - taken.length)
  }

  /** The oldest ones. */
  take(spansMax: number): readonly Span[] {
    const taken = this.#spans.splice(0, spansMax)
    if (this.#spans.length === 0) this.filled.closeUnsafe()
    return taken
  }
}
