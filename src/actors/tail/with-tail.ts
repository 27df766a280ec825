/**
 * Leases over files and tail.
 *
 * 1. The tail is held from before the snapshot is looked up, so that a row that leaves the tail
 *    meanwhile is in the files (R28).
 * 2. A point that was read before is answered by files as soon as they have all of it, else by
 *    files and the tail, which must have come as far (R15). The tail of another process may have
 *    been ahead of ours: we wait a little for what the log has.
 */
import * as Effect from 'effect/Effect'
import { further } from '../../adapters/duckdb/tail-store.ts'
import type {
  ReadAt,
  RecordsLease,
  RecordsPlanner,
  ScanConditions
} from '../../adapters/query/query-ports.ts'
import { timedAs } from '../../adapters/telemetry/query-cost.ts'
import { PointNotReached, type ReadPoint } from '../../adapters/query/read-point.ts'
import { reaches } from '../../adapters/query/records-view.ts'
import type { Tail } from './tail.ts'

const waitMsMax = 1_500
const restMs = 50

export const withTail = <E>(
  planner: RecordsPlanner<E>,
  tail: Pick<Tail, 'hold'>
): RecordsPlanner<E | PointNotReached> => {
  const acquireNow = (conditions: ScanConditions, at?: ReadAt) =>
    Effect.gen(function* () {
      const hold = yield* timedAs('tailMs', tail.hold)
      const lease = yield* planner
        .acquire(conditions, at)
        .pipe(Effect.onError(() => Effect.sync(hold.release)))
      const floors = lease.beyond.watermarks
      const { watermarks, undecided } = hold
      return {
        ...lease,
        beyond: {
          ...lease.beyond,
          tail: hold.partFrom(floors, conditions),
          watermarks: further(floors, watermarks),
          view: { watermarks: new Map([...floors, ...watermarks]), undecided },
          isFollowed: watermarks.size > 0,
          missing: at === undefined ? hold.missing : lease.beyond.missing
        },
        point: at === undefined ? () => lease.point(hold) : lease.point,
        release: () => {
          lease.release()
          hold.release()
        }
      }
    })
  const acquireAt = (
    conditions: ScanConditions,
    point: ReadPoint
  ): Effect.Effect<RecordsLease<E>, E | PointNotReached> =>
    Effect.gen(function* () {
      const at = { kind: 'point', point } as const
      const landed = yield* planner.acquire(conditions, at)
      if (reaches(landed.beyond.watermarks, point.watermarks)) return landed
      landed.release()
      for (const startedMs = performance.now(); ; yield* Effect.sleep(restMs)) {
        const lease = yield* acquireNow(conditions, at)
        if (reaches(lease.beyond.watermarks, point.watermarks)) return lease
        lease.release()
        if (performance.now() - startedMs > waitMsMax) return yield* new PointNotReached()
      }
    })
  return {
    acquire: (conditions, at) => {
      if (at === undefined) return acquireNow(conditions)
      return at.kind === 'point'
        ? acquireAt(conditions, at.point)
        : planner.acquire(conditions, at)
    }
  }
}
