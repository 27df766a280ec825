/**
 * Memory of the worker threads, as each says with its heartbeat, for who adds it up (R13).
 *
 * 1. A thread stands here from its start to its end, under its name.
 * 2. What a thread that is gone held is gone with it.
 */
import * as Effect from 'effect/Effect'
import type * as Scope from 'effect/Scope'
import { steadyMs } from '../steady-clock.ts'
import type { MemorySampled } from '../worker-memory.ts'

export interface ThreadMemory extends MemorySampled {
  /** By `steadyMs`. */
  readonly atMs: number
}

export interface ThreadReporter {
  readonly report: (sample: MemorySampled) => void
  /** How the thread is asked to collect its garbage. */
  readonly collectBy: (collect: () => void) => void
}

interface Thread {
  memory: ThreadMemory | undefined
  collect: () => void
}

export class MemoryBoard {
  readonly #threads = new Map<string, Thread>()

  /** Until the scope closes (1). */
  reporter(name: string): Effect.Effect<ThreadReporter, never, Scope.Scope> {
    return Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => {
          const thread: Thread = { memory: undefined, collect: () => undefined }
          this.#threads.set(name, thread)
          return thread
        }),
        (thread) =>
          Effect.sync(() => {
            // A successor may have the name by now.
            if (this.#threads.get(name) === thread) this.#threads.delete(name)
          })
      ),
      (thread) => ({
        report: (sample) => {
          thread.memory = { ...sample, atMs: steadyMs() }
        },
        collectBy: (collect) => {
          thread.collect = collect
        }
      })
    )
  }

  /** Undefined of a thread that has not said anything yet. */
  get threads(): readonly (ThreadMemory | undefined)[] {
    return [...this.#threads.values()].map(({ memory }) => memory)
  }

  collectAll(): void {
    for (const { collect } of this.#threads.values()) collect()
  }
}
