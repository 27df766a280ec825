/**
 * The actor `degradation/manager`: the degradation machine, its commands and its reports.
 *
 * A follower of the policy that throws is a defect of that follower: it is logged, and the level
 * goes on to be managed for all others.
 */
import { degradationMachine } from '../../machines/degradation-machine.ts'
import type { DegradationContext } from '../../machines/degradation-rules.ts'
import { type IngestPolicy, type Level, levels } from '../../machines/ingest-policy.ts'
import type { LevelChange } from '../../machines/level-change.ts'
import { pressureOf } from '../../machines/pressure-marks.ts'
import type { Shared } from '../shared.ts'

export const makeManagerActor = (shared: Shared) => {
  const timeAtLevels = makeTimeAtLevels(shared)
  return degradationMachine.provide({
    actions: {
      command: ({ context }, policy) => {
        shared.degradation.note(context)
        command(shared, policy)
        measure(shared, context)
        timeAtLevels(levels[context.process.rank])
      },
      report: (_, changes) => {
        for (const change of changes) report(shared, change)
      }
    }
  })
}

/** Counts the time since it was told last to the level that was told then. */
const makeTimeAtLevels = ({ telemetry: { metrics }, host }: Shared) => {
  let last: { readonly level: Level; readonly atMs: number } | undefined
  return (level: Level): void => {
    const atMs = host.steadyMs()
    if (last !== undefined)
      metrics.levelSeconds.inc({ level: last.level }, Math.max(0, atMs - last.atMs) / 1_000)
    last = { level, atMs }
  }
}

const command = ({ policy: holder, telemetry }: Shared, policy: IngestPolicy): void => {
  if (holder.current === policy) return
  try {
    holder.set(policy)
  } catch (error) {
    telemetry.log('error', 'policy.follower_failed', { detail: String(error) })
  }
}

const measure = (
  { telemetry: { metrics } }: Shared,
  { process, readings, marks }: DegradationContext
): void => {
  metrics.degradationLevel.set(process.rank)
  metrics.unknownSignals.set(readings.filter(({ state }) => state !== 'fresh').length)
  for (const reading of readings) {
    const labels = { signal: reading.signal, data_type: reading.dataType ?? ('all' as const) }
    const pressure = pressureOf(reading)
    const soft = marks[reading.signal].enter[0]
    if (pressure === null || soft == null) metrics.pressureSignal.remove(labels)
    else metrics.pressureSignal.set(labels, pressure / soft)
  }
}

const report = ({ telemetry: { metrics, log } }: Shared, change: LevelChange): void => {
  const { scope, kind, from, to, signal, value, threshold, unit, dwellMs, action, reason } = change
  if (scope === 'all') metrics.degradationTransitions.inc({ from_level: from, to_level: to })
  const isWorse = levels.indexOf(to) > levels.indexOf(from)
  log(isWorse ? 'warn' : 'info', scope === 'all' ? 'degradation.level' : 'degradation.quotes', {
    kind,
    from,
    to,
    signal,
    value,
    threshold,
    unit,
    dwell_ms: dwellMs === null ? null : Math.round(dwellMs),
    action,
    reason
  })
}
