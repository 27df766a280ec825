/**
 * What this process uses: event-loop delay of the calling thread since the last sample, and memory.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import * as Effect from 'effect/Effect'
import type * as Scope from 'effect/Scope'

export interface ProcessSample {
  /** Seconds, since the last sample. */
  readonly loopDelay: { readonly p50: number; readonly p99: number; readonly max: number }
  readonly heapUsedBytes: number
  readonly arrayBufferBytes: number
  readonly residentBytes: number
}

const resolutionMs = 10

/** Starts measuring; `sample` reads and resets. */
export const openProcessSampler: Effect.Effect<
  { readonly sample: () => ProcessSample },
  never,
  Scope.Scope
> = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => {
      const histogram = monitorEventLoopDelay({ resolution: resolutionMs })
      histogram.enable()
      return histogram
    }),
    (histogram) => Effect.sync(() => histogram.disable())
  ),
  (histogram) => ({
    sample: () => {
      // The histogram counts a timer's whole interval; what exceeds the resolution is delay.
      const delay = (ns: number) => Math.max(0, ns / 1e9 - resolutionMs / 1_000)
      const loopDelay = {
        p50: delay(histogram.percentile(50)),
        p99: delay(histogram.percentile(99)),
        max: delay(histogram.max)
      }
      histogram.reset()
      const { heapUsed, arrayBuffers, rss } = process.memoryUsage()
      return {
        loopDelay,
        heapUsedBytes: heapUsed,
        arrayBufferBytes: arrayBuffers,
        residentBytes: rss
      }
    }
  })
)
