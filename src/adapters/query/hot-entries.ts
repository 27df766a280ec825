/**
 * What is kept in memory of immutable files, by key.
 *
 * 1. At most `bytesMax` are kept; those that were not asked for the longest go first, and after
 *    `idleMsMax` all others too.
 */
import * as Effect from 'effect/Effect'
import type * as Scope from 'effect/Scope'

interface HotEntriesOptions {
  readonly bytesMax: number
  readonly nowMs: () => number
}

export interface HotEntry<A> {
  /** Since somebody last tried to keep it. */
  reads: number
  usedMs: number
  kept: A | undefined
}

const idleMsMax = 300_000
const sweepMs = 30_000
/** Those that are counted or kept. */
const entriesMax = 4_096

export const openHotEntries = <A extends { readonly bytes: number }>({
  bytesMax,
  nowMs
}: HotEntriesOptions): Effect.Effect<HotEntries<A>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const entries = new HotEntries<A>(bytesMax, nowMs)
    const sweeping = Effect.andThen(
      Effect.sleep(sweepMs),
      Effect.sync(() => entries.sweep())
    )
    yield* Effect.forkScoped(Effect.forever(sweeping))
    return entries
  })

export class HotEntries<A extends { readonly bytes: number }> {
  readonly #bytesMax: number
  readonly #nowMs: () => number
  /** Least recently used first. */
  readonly #entries = new Map<string, HotEntry<A>>()
  bytes = 0
  /** Of those that are kept. */
  count = 0

  constructor(bytesMax: number, nowMs: () => number) {
    this.#bytesMax = bytesMax
    this.#nowMs = nowMs
  }

  use(key: string): HotEntry<A> {
    const usedMs = this.#nowMs()
    const entry = this.#entries.get(key) ?? { reads: 0, usedMs, kept: undefined }
    entry.reads += 1
    entry.usedMs = usedMs
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    this.#shrink()
    return entry
  }

  /** Undefined: it is not worth it. */
  keep(key: string, kept: A | undefined): void {
    const entry = this.#entries.get(key)
    if (entry === undefined || kept === undefined) return
    this.bytes += kept.bytes - (entry.kept?.bytes ?? 0)
    this.count += entry.kept === undefined ? 1 : 0
    entry.kept = kept
    this.#shrink()
  }

  /** Lets go of what was not used lately. */
  sweep(): void {
    const sinceMs = this.#nowMs() - idleMsMax
    for (const [key, { usedMs }] of this.#entries) {
      if (usedMs >= sinceMs) return
      this.#drop(key)
    }
  }

  /** (1) */
  #shrink(): void {
    for (const [key, { kept }] of this.#entries) {
      const isOver = this.bytes > this.#bytesMax
      if (!isOver && this.#entries.size <= entriesMax) return
      if (kept !== undefined || this.#entries.size > entriesMax) this.#drop(key)
    }
  }

  #drop(key: string): void {
    const kept = this.#entries.get(key)?.kept
    this.#entries.delete(key)
    if (kept === undefined) return
    this.bytes -= kept.bytes
    this.count -= 1
  }
}
