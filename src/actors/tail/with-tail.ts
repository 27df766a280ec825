/**
 * Leases over files and tail.
 *
 * The tail is held from before the snapshot is looked up, so that a row that leaves the tail
 * meanwhile is in the files (R28).
 */
import * as Effect from 'effect/Effect'
import { further } from '../../adapters/duckdb/tail-store.ts'
import type { RecordsPlanner } from '../../adapters/query/query-ports.ts'
import type { Tail } from './tail.ts'

export const withTail = <E>(planner: RecordsPlanner<E>, tail: Tail): RecordsPlanner<E> => ({
  acquire: (conditions) =>
    Effect.gen(function* () {
      const { watermarks, undecided, missing, partFrom, release } = yield* tail.hold
      const lease = yield* planner
        .acquire(conditions)
        .pipe(Effect.onError(() => Effect.sync(release)))
      const floors = lease.beyond.watermarks
      return {
        ...lease,
        beyond: {
          ...lease.beyond,
          tail: partFrom(floors, conditions),
          watermarks: further(floors, watermarks),
          undecided,
          view: { watermarks: new Map([...floors, ...watermarks]), undecided },
          isFollowed: watermarks.size > 0,
          missing
        },
        release: () => {
          lease.release()
          release()
        }
      }
    })
})
