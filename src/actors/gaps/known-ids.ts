/**
 * The newest id of each symbol that the table of trades knows: a session of a feed claims what the
 * venue has issued behind it (R3). What waits in log or spool may be newer; a claim may cover it,
 * since the holes are the fact.
 */
import * as Effect from 'effect/Effect'
import type { Table } from '../../adapters/iceberg/table.ts'
import { tradesSpec } from '../data-types.ts'
import type { Shared } from '../shared.ts'
import { openTableIn } from '../storage/data-folder.ts'
import { storageSettingsOf } from '../storage/stores.ts'
import { readTradeStates } from './trade-states.ts'

/**
 * By symbol, of the exchange that this process captures; empty where nothing has landed. Fails
 * where the catalog or the store cannot say it now.
 */
export const lastKnownIds = (
  shared: Shared
): Effect.Effect<ReadonlyMap<string, number>, { readonly message: string }> =>
  Effect.gen(function* () {
    const table = yield* tradesTable(shared)
    if (table === null) return new Map<string, number>()
    const { sequences } = yield* readTradeStates(table)
    return new Map(
      Object.entries(sequences).flatMap(([key, { epochs }]) => {
        const [exchange, symbol, load] = key.split(':') as [string, string, string | undefined]
        const newest = epochs.at(-1)
        return exchange !== shared.exchange || load !== undefined || newest === undefined
          ? []
          : [[symbol, newest.high] as const]
      })
    )
  })

/** The one that is open here, or for this once: who only captures has none. */
const tradesTable = (
  shared: Shared
): Effect.Effect<Table | null, { readonly message: string }> =>
  shared.hasRole('land') || shared.hasRole('serve')
    ? shared.trades.table.get
    : Effect.gen(function* () {
        const { config, folder, nowMs, uuid, host } = shared
        const stores = yield* host.openStores(storageSettingsOf(config), folder, nowMs)
        return yield* openTableIn(stores, tradesSpec, {
          folder,
          snapshotsMax: config.snapshotsMax,
          nowMs,
          uuid,
          observe: () => undefined,
          mustExist: true
        })
      }).pipe(Effect.catchTag('TableMissing', () => Effect.succeed(null)))
