/**
 * Program of an actor such as `repair/retention:trades`: whole days beyond `K2_RETENTION_DAYS`
 * leave a table (R53).
 *
 * Days count back from the newest day that the table has, or from today if that is earlier: a
 * recording of years ago is not removed for its age, and a clock set wrong removes nothing.
 */
import * as Effect from 'effect/Effect'
import { makeScanPlanner, type ScanPlanner } from '../../adapters/iceberg/planner.ts'
import { removeDayPartitions } from '../../adapters/iceberg/retention.ts'
import { markDependency, servedTable } from '../dependency.ts'
import type { EffectActorArgs } from '../effect-actor.ts'
import type { OwnTable } from '../pipeline.ts'
import { drainRequested, type Shared } from '../shared.ts'
import { restBetween } from './pace.ts'

const checkMs = 600_000
const dayMs = 86_400_000

export const retentionProgram =
  (shared: Shared, pipeline: OwnTable) =>
  ({ commands, ready }: EffectActorArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const table = yield* servedTable(pipeline)
      const planner = makeScanPlanner(table)
      ready()
      const check = Effect.gen(function* () {
        const beforeDay = yield* firstKeptDay(planner, shared.config.retentionDays, shared.nowMs())
        if (beforeDay === null) return
        const committed = yield* removeDayPartitions(table, beforeDay)
        if (committed === null) return
        shared.telemetry.log('info', 'retention.days_removed', {
          table: pipeline.tableName,
          before_day: beforeDay,
          snapshot_id: committed.snapshotId
        })
        const expired = yield* shared.expired.get
        expired.add(committed.removed.map(({ location }) => location))
      }).pipe(
        // The lander and the queries report such tables; here nothing is removed meanwhile.
        Effect.catchTag(
          ['OffsetsMissing', 'SummaryAltered', 'DeletesUnsupported'],
          () => Effect.void
        )
      )
      yield* Effect.raceFirst(
        Effect.forever(Effect.andThen(check, restBetween(shared.policy, checkMs))),
        drainRequested(commands)
      )
    }).pipe(markDependency)

/** The oldest day that stays, in days since 1970; null for a table without rows. */
export const firstKeptDay = (planner: ScanPlanner, retentionDays: number, nowMs: number) =>
  Effect.map(newestDay(planner), (newest) =>
    newest === null ? null : Math.min(Math.floor(nowMs / dayMs), newest) - retentionDays
  )

/** Days since 1970 of the newest row; null for a table without rows. */
const newestDay = (planner: ScanPlanner) =>
  Effect.map(planner.plan({}), ({ files }) => {
    const newestUs = files[0]?.timestampUpperUs
    return newestUs === undefined ? null : Math.floor(newestUs / (dayMs * 1_000))
  })
