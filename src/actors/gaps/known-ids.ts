/**
 * The newest id of each symbol that the table of trades knows: a session of a feed claims what the
 * venue has issued behind it (R3). What waits in log or spool may be newer; a claim may cover it,
 * since the holes are the fact.
 */
import * as Effect from 'effect/Effect'
import type { Shared } from '../shared.ts'
import { tableOf } from '../storage/table-of.ts'
import { readTradeStates } from './trade-states.ts'

/**
 * By symbol, of the exchange that this process captures; empty where nothing has landed. Fails
 * where the catalog or the store cannot say it now.
 */
export const lastKnownIds = (
  shared: Shared
): Effect.Effect<ReadonlyMap<string, number>, { readonly message: string }> =>
  Effect.gen(function* () {
    const table = yield* tableOf(shared, shared.trades)
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
