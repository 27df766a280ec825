/** Program of the actor `storage/trades`: opens the table, serves it to who reads or plans. */
import * as Effect from 'effect/Effect'
import { markDependency } from '../dependency.ts'
import type { EffectActorArgs } from '../effect-actor.ts'
import { drainRequested, type Shared } from '../shared.ts'
import { openTradesTable } from './data-folder.ts'

export const tableProgram =
  (shared: Shared) =>
  ({ commands, ready }: EffectActorArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const { config, folder, telemetry, nowMs, uuid } = shared
      const table = yield* openTradesTable({
        folder,
        snapshotsMax: config.snapshotsMax,
        nowMs,
        uuid,
        observe: (event) => telemetry.log('debug', event.type, { ...event })
      })
      yield* shared.table.serve(table)
      ready()
      yield* drainRequested(commands)
    }).pipe(markDependency)
