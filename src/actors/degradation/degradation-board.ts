/**
 * What the degradation manager shows of itself, and what an operator tells it. It outlives restarts
 * of both of its actors: the history goes on, an injected pressure stays until it expires.
 */
import type { DegradationContext, Held } from '../../machines/degradation-rules.ts'
import { historyMax } from '../../machines/degradation-rules.ts'
import { levels } from '../../machines/ingest-policy.ts'
import type { LevelChange } from '../../machines/level-change.ts'

interface Injected {
  /** A share, as of memory. */
  readonly value: number
  readonly expiresMs: number
}

export class DegradationBoard {
  #context: DegradationContext | undefined
  #history: readonly LevelChange[] = []
  #changeCount = 0
  #injected: Injected | undefined

  /** As of the newest sample. */
  get context(): DegradationContext | undefined {
    return this.#context
  }

  /** Newest first. */
  get history(): readonly LevelChange[] {
    return this.#history
  }

  /** Since the start, those that the history has forgotten among them. */
  get changeCount(): number {
    return this.#changeCount
  }

  /** What a manager that has just been restarted goes on from (R39). */
  get held(): Held | undefined {
    const context = this.#context
    return context?.policy == null
      ? undefined
      : { policy: context.policy, quotesLevel: levels[context.quotes.rank] }
  }

  note(context: DegradationContext): void {
    this.#context = context
    this.#changeCount += context.changes.length
    this.#history = [...[...context.changes].reverse(), ...this.#history].slice(0, historyMax)
  }

  /** 0 once it has expired. */
  injectedAt(nowMs: number): number {
    return this.#injected !== undefined && nowMs < this.#injected.expiresMs
      ? this.#injected.value
      : 0
  }

  /** The injected pressure, while there is one. */
  injected(nowMs: number): Injected | null {
    return this.#injected !== undefined && nowMs < this.#injected.expiresMs ? this.#injected : null
  }

  inject(injected: Injected): void {
    this.#injected = injected
  }

  clear(): void {
    this.#injected = undefined
  }
}
