/** Leases that tell the request what planning looked at and what was read. */
import * as Effect from 'effect/Effect'
import type { RecordsPlanner } from '../../adapters/query/query-ports.ts'
import { addCost, timedAs } from '../../adapters/telemetry/query-cost.ts'

export const costed = <E>(planner: RecordsPlanner<E>): RecordsPlanner<E> => ({
  acquire: (conditions, at, tailAs) =>
    timedAs('planMs', planner.acquire(conditions, at, tailAs)).pipe(
      Effect.tap(({ facts }) => {
        const { manifestsConsidered, manifestsPruned, filesConsidered, filesPruned } = facts
        const looked = { manifestsConsidered, manifestsPruned, filesConsidered, filesPruned }
        return addCost({ plans: 1, ...looked })
      }),
      Effect.map((lease) => ({
        ...lease,
        read: (files, use) =>
          Effect.andThen(addCost({ filesRead: files.length }), lease.read(files, use))
      }))
    )
})
