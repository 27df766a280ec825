/**
 * What a worker thread says of its memory, once a second; its silence says that it hangs.
 *
 * 1. It never waits for DuckDB: what that held when it last answered is said, and null once that is
 *    too long ago.
 * 2. Asked to, it collects its garbage (R13).
 */
import * as Effect from 'effect/Effect'
import type * as Scope from 'effect/Scope'
import { duckdbBytes } from '../adapters/duckdb/memory-meter.ts'
import { openHeapMonitor } from '../adapters/telemetry/heap-monitor.ts'

export interface MemorySampled {
  readonly type: 'memory.sampled'
  readonly heapUsedBytes: number
  readonly arrayBufferBytes: number
  /** Of its DuckDB instances; null where they do not say. */
  readonly duckdbBytes: number | null
}

export interface CollectRequested {
  readonly type: 'memory.collect_requested'
}

export const memorySampleMs = 1_000
const staleSamples = 3

export interface WorkerMemory {
  readonly sampling: Effect.Effect<never>
  /** (2) */
  readonly collect: () => void
}

export const openWorkerMemory = (
  post: (sample: MemorySampled) => void
): Effect.Effect<WorkerMemory, never, Scope.Scope> =>
  Effect.map(openHeapMonitor, ({ sample, collect }) => {
    const duckdb = lastAnswer(duckdbBytes)
    return {
      collect,
      sampling: Effect.sync(() => {
        duckdb.ask()
        post({ type: 'memory.sampled', ...sample(), duckdbBytes: duckdb.read() })
      }).pipe(Effect.andThen(Effect.sleep(memorySampleMs)), Effect.forever)
    }
  })

/** (1) */
const lastAnswer = (question: () => Promise<number>) => {
  let answer = 0
  let answeredMs = performance.now()
  const ask = async (): Promise<void> => {
    try {
      answer = await question()
      answeredMs = performance.now()
    } catch {
      // Asked again at the next sample; `read` says when it has been too long.
    }
  }
  return {
    ask: () => void ask(),
    read: () =>
      performance.now() - answeredMs > staleSamples * memorySampleMs ? null : answer
  }
}
