/**
 * Memory that this process has in use: over all isolates the heap after its last major collection
 * and array buffers, and what DuckDB says that it holds (R13).
 *
 * 1. The age of the sum is that of its oldest part. What a thread has not said, or DuckDB does not
 *    say, makes it old; a thread that has not said anything yet has nothing.
 * 2. From the first leave mark on, garbage is collected on purpose: buffers that were released are
 *    counted until then, and in a process that idles nobody else does it. A collection that frees
 *    little is repeated half as often, down to `collectMsMax` (G-22).
 */
import * as Effect from 'effect/Effect'
import { duckdbBytes } from '../../adapters/duckdb/memory-meter.ts'
import type { HeapMonitor } from '../../adapters/telemetry/heap-monitor.ts'
import { steadyMs } from '../steady-clock.ts'
import { memorySampleMs } from '../worker-memory.ts'
import type { MemoryBoard } from './memory-board.ts'
import type { Measured } from './signal-sources.ts'

export interface MemoryUse {
  readonly inUse: Effect.Effect<Measured | undefined>
  readonly resident: Effect.Effect<Measured>
  readonly everyMs: number
}

export interface MemoryUseOptions {
  readonly heap: HeapMonitor
  readonly board: MemoryBoard
  readonly bytesMax: number
  /** Share of `bytesMax` from which garbage is collected on purpose; null: never. */
  readonly collectFrom: number | null
  readonly sampleMs: number
}

const collectMsMin = 2_000
const collectMsMax = 30_000
const freedShareMin = 0.05

export const makeMemoryUse = (options: MemoryUseOptions): MemoryUse => {
  const { heap, board, bytesMax: limit, sampleMs } = options
  const collecting = makeCollecting(options)
  const inUse = Effect.gen(function* () {
    const duckdb = yield* Effect.result(
      Effect.tryPromise({ try: () => duckdbBytes(), catch: (cause) => cause })
    )
    if (duckdb._tag === 'Failure') return undefined
    const { heapUsedBytes, arrayBufferBytes } = heap.sample()
    let value = heapUsedBytes + arrayBufferBytes + duckdb.success
    let atMs = steadyMs()
    for (const thread of board.threads) {
      if (thread === undefined) continue
      if (thread.duckdbBytes === null) return undefined
      value += thread.heapUsedBytes + thread.arrayBufferBytes + thread.duckdbBytes
      atMs = Math.min(atMs, thread.atMs)
    }
    collecting(value / limit)
    return { value, limit, unit: 'bytes', atMs } satisfies Measured
  })
  return {
    inUse,
    resident: Effect.sync(() => ({ value: process.memoryUsage.rss(), limit, unit: 'bytes' })),
    everyMs: Math.max(sampleMs, memorySampleMs)
  }
}

/** (2) */
const makeCollecting = ({ heap, board, collectFrom }: MemoryUseOptions) => {
  let waitMs = collectMsMin
  let collectedMs = -Infinity
  let before: number | undefined
  return (share: number): void => {
    if (collectFrom === null || share < collectFrom) {
      waitMs = collectMsMin
      before = undefined
      return
    }
    const nowMs = steadyMs()
    if (nowMs - collectedMs < waitMs) return
    // What the collection before this one has freed is seen by now, in the threads too.
    const isIdle = before !== undefined && share > before * (1 - freedShareMin)
    waitMs = isIdle ? Math.min(collectMsMax, 2 * waitMs) : collectMsMin
    before = share
    collectedMs = nowMs
    heap.collect()
    board.collectAll()
  }
}
