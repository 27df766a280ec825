/** Program of an actor such as `storage/trades`: opens a table for all who read or plan. */
import * as Effect from 'effect/Effect'
import type { Table } from '../../adapters/iceberg/table.ts'
import { markDependency } from '../dependency.ts'
import type { EffectActorArgs } from '../effect-actor.ts'
import type { OwnTable } from '../pipeline.ts'
import { drainRequested, type Shared } from '../shared.ts'
import { openTableIn } from './data-folder.ts'
import { storageSettingsOf } from './stores.ts'

const showMs = 2_000

export const tableProgram =
  (shared: Shared, { tableSpec, table: gate }: OwnTable) =>
  ({ commands, ready }: EffectActorArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const { config, folder, telemetry, nowMs, uuid, host } = shared
      const stores = yield* host.openStores(storageSettingsOf(config), folder, nowMs)
      const table = yield* openTableIn(stores, tableSpec, {
        folder,
        snapshotsMax: config.snapshotsMax,
        nowMs,
        uuid,
        observe: (event) => {
          const level = event.type === 'schema.evolved' ? 'info' : 'debug'
          telemetry.log(level, event.type, { ...event })
        }
      })
      yield* gate.serve(table)
      ready()
      const showing = Effect.sync(() => showTable(shared, table))
      yield* Effect.raceFirst(
        Effect.forever(Effect.andThen(showing, Effect.sleep(showMs))),
        drainRequested(commands)
      )
    }).pipe(markDependency)

/** As it was read last, by whoever reads it: nothing is asked of the catalog for this. */
const showTable = (
  { telemetry: { metrics } }: Shared,
  { name, loaded: { metadata } }: Table
): void => {
  const { snapshots, 'current-snapshot-id': current } = metadata
  metrics.snapshots.set({ table: name }, snapshots.length)
  const summary = snapshots.find((snapshot) => snapshot['snapshot-id'] === current)?.summary
  const total = (of: string) => Number(summary?.[of] ?? 0)
  metrics.tableBytes.set({ table: name }, total('total-files-size'))
  metrics.tableRows.set({ table: name }, total('total-records'))
  metrics.tableFiles.set({ table: name }, total('total-data-files'))
}
