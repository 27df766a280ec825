/**
 * The highest trade id that the table has of each symbol, as an earlier process has left it: from
 * there on a new one claims what it was not there to hear (R3). What the log and the spool have
 * beyond it lands after all, and is no hole.
 *
 * 1. Read once, before the first connection, and waited for no longer than `loadMsMax`: a feed does
 *    not wait for a catalog that is away. Where it could not be read, nothing is claimed for a
 *    restart.
 */
import * as Effect from 'effect/Effect'
import { lastKnownIds } from '../gaps/known-ids.ts'
import type { Shared } from '../shared.ts'

const loadMsMax = 5_000

export class KeptIds {
  readonly #shared: Shared
  #ids: ReadonlyMap<string, number> | undefined

  constructor(shared: Shared) {
    this.#shared = shared
  }

  of(symbol: string): number | null {
    return this.#ids?.get(symbol) ?? null
  }

  /** (1) */
  readonly loaded: Effect.Effect<void> = Effect.suspend(() => {
    const { trades, telemetry } = this.#shared
    if (this.#ids !== undefined) return Effect.void
    const reading = lastKnownIds(this.#shared).pipe(
      Effect.timeoutOrElse({
        duration: loadMsMax,
        orElse: () => Effect.fail({ message: `not read within ${loadMsMax} ms` })
      })
    )
    return Effect.match(reading, {
      onSuccess: (ids) => void (this.#ids = ids),
      onFailure: ({ message: detail }) =>
        telemetry.log('warn', 'feed.kept_ids_unknown', { table: trades.tableName, detail })
    })
  })
}
