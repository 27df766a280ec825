/**
 * Program of an actor such as `repair/orphans:trades`: finds files below a table that nothing
 * names and that are older than `K2_ORPHAN_AGE`, and has them deleted (R10).
 *
 * They go the way of expired files: whatever a query may still have open outlives it (R28).
 */
import * as Effect from 'effect/Effect'
import { findOrphans } from '../../adapters/iceberg/orphans.ts'
import { markDependency, servedTable } from '../dependency.ts'
import type { EffectActorArgs } from '../effect-actor.ts'
import type { OwnTable } from '../pipeline.ts'
import { drainRequested, type Shared } from '../shared.ts'
import { pointerDirectory } from '../storage/data-folder.ts'
import { openStores, storageSettingsOf } from '../storage/stores.ts'
import { restBetween } from './pace.ts'

const firstMs = 300_000
const checkMs = 21_600_000

export const orphansProgram =
  (shared: Shared, pipeline: OwnTable) =>
  ({ commands, ready, reportStatus }: EffectActorArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const table = yield* servedTable(pipeline)
      const { tableName } = pipeline
      const { config, telemetry, folder, nowMs } = shared
      const { listBelow: list } = yield* openStores(storageSettingsOf(config), folder, nowMs)
      const totals = { checks: 0, files: 0, bytes: 0 }
      reportStatus(() => ({ counters: { ...totals } }))
      ready()
      const { orphanAgeMs } = config
      const check = Effect.fnUntraced(function* (ageMsMin: number) {
        const pointers = pointerDirectory(folder, table.identifier)
        const orphans = yield* findOrphans(table, { list, pointers, ageMsMin })
        totals.checks += 1
        if (orphans.length === 0) return
        const bytes = orphans.reduce((sum, file) => sum + file.bytes, 0)
        totals.files += orphans.length
        totals.bytes += bytes
        telemetry.metrics.orphanFiles.inc({ table: tableName }, orphans.length)
        telemetry.log('info', 'orphans.found', {
          table: tableName,
          files: orphans.length,
          bytes,
          oldest: orphans[0]!.location
        })
        const expired = yield* shared.expired.get
        expired.add(orphans.map(({ location }) => location))
      })
      const checks = (ageMsMin: number) =>
        check(ageMsMin).pipe(
          Effect.catchTag(['FileMissing', 'FileExists', 'FileFailed'], ({ message: detail }) =>
            Effect.sync(() =>
              telemetry.log('warn', 'orphans.unlisted', { table: tableName, detail })
            )
          ),
          Effect.andThen(restBetween(shared.policy, checkMs)),
          Effect.forever
        )
      yield* Effect.raceFirst(
        orphanAgeMs === null
          ? Effect.never
          : Effect.andThen(restBetween(shared.policy, firstMs), checks(orphanAgeMs)),
        drainRequested(commands)
      )
    }).pipe(markDependency)
