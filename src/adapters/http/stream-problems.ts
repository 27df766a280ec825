/** Faults of answers that do not end by themselves. */
import type { Problem } from './problem.ts'

const retrySoon = { 'retry-after': '1' }

/** Undefined for those of others. */
export const streamFaultProblem = (tag: string): Problem | undefined => {
  switch (tag) {
    case 'ReplaysBusy':
      return {
        status: 429,
        code: 'replays_busy',
        detail: 'as many replays run as this server allows (K2_REPLAYS_MAX): end one, or wait',
        headers: retrySoon
      }
    case 'TooManyViewers':
      return {
        status: 503,
        code: 'viewers_busy',
        detail: 'as many connections watch as this server allows: close one, or wait',
        headers: retrySoon
      }
    case 'RowsRemoved':
      return {
        status: 410,
        code: 'rows_removed',
        detail: 'records were removed (K2_RETENTION_DAYS) while the replay had not come to them'
      }
    case 'NotFollowed':
      return {
        status: 503,
        code: 'not_followed',
        detail: 'nobody here reads the log: ask a running K2 for live records',
        headers: retrySoon
      }
    default:
      return undefined
  }
}
