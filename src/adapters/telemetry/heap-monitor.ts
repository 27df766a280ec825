/**
 * Memory of the calling thread's isolate, as far as it is in use (R13).
 *
 * 1. The heap counts as it was after the last major collection: what was allocated since is mostly
 *    garbage. Before the first one it counts as it is.
 * 2. Array buffers count as they are; what is released of them goes by the next collection.
 * 3. `collect` runs a major collection now. Nothing else frees buffers in a thread that idles.
 */
import { constants, PerformanceObserver } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import * as Effect from 'effect/Effect'
import type * as Scope from 'effect/Scope'

interface HeapSample {
  readonly heapUsedBytes: number
  readonly arrayBufferBytes: number
}

export interface HeapMonitor {
  readonly sample: () => HeapSample
  /** (3) */
  readonly collect: () => void
}

export const openHeapMonitor: Effect.Effect<HeapMonitor, never, Scope.Scope> = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => {
      const after = { bytes: Infinity }
      const observer = new PerformanceObserver((list) => {
        if (list.getEntries().some(isMajor)) after.bytes = process.memoryUsage().heapUsed
      })
      observer.observe({ entryTypes: ['gc'] })
      return { observer, after }
    }),
    ({ observer }) => Effect.sync(() => observer.disconnect())
  ),
  ({ after }) => ({
    sample: () => {
      const { heapUsed, arrayBuffers } = process.memoryUsage()
      const heapUsedBytes = Math.min(heapUsed, after.bytes) // (1)
      return { heapUsedBytes, arrayBufferBytes: arrayBuffers }
    },
    collect: () => collector()()
  })
)

const isMajor = (entry: object): boolean =>
  (entry as { readonly detail?: { readonly kind?: number } }).detail?.kind ===
  constants.NODE_PERFORMANCE_GC_MAJOR

let collectorOfThread: ((how?: { readonly type: 'minor' }) => void) | undefined

/** V8's own function, which is there in contexts that are made after the flag was set. */
const collector = (): NonNullable<typeof collectorOfThread> => {
  if (collectorOfThread === undefined) {
    setFlagsFromString('--expose-gc')
    collectorOfThread = runInNewContext('gc') as NonNullable<typeof collectorOfThread>
  }
  return collectorOfThread
}

/** Old buffers are much work to free: that waits until there are so many more than are needed. */
const oldBuffersMax = 48 * 2 ** 20
let neededBytes = 0

/** Frees buffers of this thread that were just used, by whoever makes many large ones. */
export const releaseBuffers = (): void => {
  const collect = collector()
  collect({ type: 'minor' })
  const { arrayBuffers } = process.memoryUsage()
  neededBytes = Math.min(neededBytes, arrayBuffers)
  if (arrayBuffers < neededBytes + oldBuffersMax) return
  collect()
  neededBytes = process.memoryUsage().arrayBuffers
}
