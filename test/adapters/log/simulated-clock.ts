/** A clock that moves when the test moves it: implements the log's clock port. */
import type { LogClock } from '../../../src/adapters/log/log-files.ts'

export interface SimulatedClock extends LogClock {
  readonly advance: (ms: number) => void
}

export const simulatedClock = (startMs = 1_700_000_000_000): SimulatedClock => {
  let nowMs = startMs
  const timers = new Set<{ readonly dueMs: number; readonly run: () => void }>()
  return {
    nowMs: () => nowMs,
    schedule(delayMs, run) {
      const timer = { dueMs: nowMs + delayMs, run }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    advance(ms) {
      nowMs += ms
      for (const timer of timers) {
        if (timer.dueMs > nowMs) continue
        timers.delete(timer)
        timer.run()
      }
    }
  }
}
