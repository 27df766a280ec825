/**
 * A table for whoever wants to know what is in it, in a process with any role: where it is open,
 * that one; who only captures opens it for this, and makes none.
 */
import * as Effect from 'effect/Effect'
import type { Table } from '../../adapters/iceberg/table.ts'
import { servedTable } from '../dependency.ts'
import type { Pipeline } from '../pipeline.ts'
import type { Shared } from '../shared.ts'
import { openTableIn } from './data-folder.ts'
import { storageSettingsOf } from './stores.ts'

/** Whether the actors of this process keep the tables open. */
export const areTablesOpen = ({ hasRole }: Pick<Shared, 'hasRole'>): boolean =>
  hasRole('land') || hasRole('serve')

/** Null while there is none: nothing has ever landed. Once it is there, it is opened no more. */
export const tableOf = (
  shared: Shared,
  pipeline: Pick<Pipeline, 'table' | 'tableName' | 'tableSpec'>
) => {
  const { config, folder, telemetry, nowMs, uuid, host } = shared
  let opened: Table | null = null
  const open = Effect.gen(function* () {
    const stores = yield* host.openStores(storageSettingsOf(config), folder, nowMs)
    return yield* openTableIn(stores, pipeline.tableSpec, {
      folder,
      snapshotsMax: config.snapshotsMax,
      nowMs,
      uuid,
      observe: (event) => telemetry.log('debug', event.type, { ...event }),
      mustExist: true
    })
  })
  return Effect.gen(function* () {
    if (areTablesOpen(shared)) return yield* servedTable(pipeline)
    opened ??= yield* Effect.catchTag(open, 'TableMissing', () => Effect.succeed(null))
    return opened
  })
}
