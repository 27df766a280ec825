/** Program of an actor such as `storage/trades`: opens a table for all who read or plan. */
import * as Effect from 'effect/Effect'
import { markDependency } from '../dependency.ts'
import type { EffectActorArgs } from '../effect-actor.ts'
import type { OwnTable } from '../pipeline.ts'
import { drainRequested, type Shared } from '../shared.ts'
import { openTableIn } from './data-folder.ts'
import { storageSettingsOf } from './stores.ts'

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
      yield* drainRequested(commands)
    }).pipe(markDependency)
