/**
 * Program of the actor `repair/retention`: whole days beyond
 * `K2_RETENTION_DAYS` leave the table (R53).
 */
import * as Effect from 'effect/Effect'
import { removeDayPartitions } from '../../adapters/iceberg/retention.ts'
import { markDependency } from '../dependency.ts'
import type { EffectActorArgs } from '../effect-actor.ts'
import { drainRequested, type Shared } from '../shared.ts'

const checkMs = 600_000
const dayMs = 86_400_000

export const retentionProgram =
  (shared: Shared) =>
  ({ commands, ready }: EffectActorArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const table = yield* shared.table.get
      ready()
      const check = Effect.gen(function* () {
        const beforeDay = Math.floor(shared.nowMs() / dayMs) - shared.config.retentionDays
        const committed = yield* removeDayPartitions(table, beforeDay)
        if (committed === null) return
        shared.telemetry.log('info', 'retention.days_removed', {
          before_day: beforeDay,
          snapshot_id: committed.snapshotId
        })
        const expired = yield* shared.expired.get
        expired.add(committed.removed.map(({ location }) => location))
      }).pipe(
        // A table without offsets is the lander's to report; it has nothing that could be too old.
        Effect.catchTag('OffsetsMissing', () => Effect.void)
      )
      yield* Effect.raceFirst(
        Effect.forever(Effect.andThen(check, Effect.sleep(checkMs))),
        drainRequested(commands)
      )
    }).pipe(markDependency)
