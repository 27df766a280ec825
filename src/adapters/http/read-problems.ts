/** Problems of asking for a state of a table that is not, or is no more. */
import type { Problem } from './problem.ts'

export const readFaultProblem = (tag: string): Problem | undefined => {
  switch (tag) {
    case 'ReadTokenInvalid':
      return {
        status: 400,
        code: 'read_token_invalid',
        detail: 'read_token is damaged, of another table, or of another choice of snapshot'
      }
    case 'CursorInvalid':
      return {
        status: 400,
        code: 'cursor_invalid',
        detail: 'cursor is damaged, or of another query: only limit and how it is told may differ'
      }
    case 'SnapshotNotFound':
      return {
        status: 404,
        code: 'snapshot_not_found',
        detail: 'the table has no such snapshot or tag, or none of that time; it may have expired'
      }
    case 'ReadExpired':
      return {
        status: 410,
        code: 'gone',
        detail:
          'rows that it had have been removed since, or the snapshots of that time have expired'
      }
    case 'PointNotReached':
      return {
        status: 503,
        code: 'read_not_reached',
        detail: 'its newest rows have not landed yet, and the log does not give them now',
        headers: { 'retry-after': '1' }
      }
    default:
      return undefined
  }
}
