/** Pressure that an operator injects: it acts as that share of the memory would, for a while. */
import type { PressureRequest } from '../../adapters/http/api-deps.ts'
import { type Level, levels } from '../../machines/ingest-policy.ts'
import { enterMark, type Rank } from '../../machines/pressure-marks.ts'
import type { Shared } from '../shared.ts'
import { steadyMs } from '../steady-clock.ts'

export const inject = (
  { config, degradation, telemetry }: Pick<Shared, 'config' | 'degradation' | 'telemetry'>,
  request: PressureRequest
): 'injected' | 'level_off' => {
  const marks = { enter: config.memoryEnter, leave: config.memoryLeave }
  const value = 'level' in request ? enterMark(marks, rankOf(request.level)) : request.value
  if (value === null) return 'level_off'
  degradation.inject({ value, expiresMs: steadyMs() + request.expiresSeconds * 1_000 })
  telemetry.log('warn', 'pressure.injected', { value, expires_seconds: request.expiresSeconds })
  return 'injected'
}

const rankOf = (level: Level): Rank => levels.indexOf(level) as Rank
