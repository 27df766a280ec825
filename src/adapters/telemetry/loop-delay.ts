/**
 * The 99th percentile of the event-loop delay of the calling thread, over the last seconds: one
 * pause, of a collection or of a library that loads, is no pressure.
 *
 * Two histograms are begun anew in turn, half a window apart; what is read is the older one, once
 * it covers half of the window: of fewer ticks, a single pause would be the percentile. The first
 * half is left out: a process that starts loads its libraries.
 */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import * as Effect from 'effect/Effect'
import type * as Scope from 'effect/Scope'

const resolutionMs = 10

export interface LoopDelay {
  /** Seconds; undefined before there is enough to tell. */
  readonly p99: () => number | undefined
}

export const openLoopDelay = (
  windowMs: number,
  monotonicMs: () => number
): Effect.Effect<LoopDelay, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => [begun(), begun()] as const),
      (pair) =>
        Effect.sync(() => {
          for (const histogram of pair) histogram.disable()
        })
    ),
    ([one, other]) => {
      let older = one
      let newer = other
      let turnedMs = monotonicMs()
      let turns = 0
      return {
        p99: () => {
          if (monotonicMs() - turnedMs >= windowMs / 2) {
            turnedMs = monotonicMs()
            turns++
            older.reset()
            if (turns === 1) newer.reset()
            ;[older, newer] = [newer, older]
          }
          if (turns < 2 || older.count === 0) return undefined
          // The histogram counts a timer's whole interval; what exceeds the resolution is delay.
          return Math.max(0, older.percentile(99) / 1e9 - resolutionMs / 1_000)
        }
      }
    }
  )

const begun = (): IntervalHistogram => {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs })
  histogram.enable()
  return histogram
}
