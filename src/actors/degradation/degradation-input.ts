/** What the degradation machine is told when it starts: marks and times, by the settings. */
import type { Config } from '../../adapters/config/config.ts'
import type { DegradationInput } from '../../machines/degradation-rules.ts'
import type { SignalKey } from '../../machines/pressure-marks.ts'

/** A quarter, half, and all of what comes back. */
const rampSteps = [0.25, 0.5, 1]
const commitAgesOfTrend = 2

export const degradationInput = (
  config: Config,
  signals: readonly SignalKey[]
): DegradationInput => {
  const memory = { enter: config.memoryEnter, leave: config.memoryLeave }
  return {
    signals,
    marks: {
      memory,
      // It acts as that share of the memory would.
      injected: memory,
      resident: { enter: config.residentEnter, leave: config.residentLeave },
      lag: { enter: config.lagEnter, leave: config.lagLeave },
      in_flight: { enter: config.inFlightEnter, leave: config.inFlightLeave },
      spool: { enter: config.spoolEnter, leave: config.spoolLeave },
      disk: { enter: config.diskEnter, leave: config.diskLeave },
      retention: { enter: config.retentionEnter, leave: config.retentionLeave },
      loop_delay: { enter: config.loopDelayEnter, leave: config.loopDelayLeave },
      circuit: { enter: config.circuitEnter, leave: config.circuitLeave }
    },
    cooldownMs: config.cooldownMs,
    ramp: { steps: rampSteps, stepMs: config.rampStepMs },
    // Between two commits any backlog rises.
    lagTrendMs: Math.max(commitAgesOfTrend * config.commitAgeMs, 3 * config.degradationMs)
  }
}
