/**
 * The highest trade id that the table has of each symbol, as an earlier process has left it: from
 * there on a new one claims what it was not there to hear (R3). What the log and the spool have
 * beyond it lands after all, and is no hole.
 *
 * 1. Read before the first connection, and waited for no longer than `loadMsMax`: a feed does not
 *    wait for a catalog that is away. Where it could not be read, nothing is claimed for a restart.
 * 2. A symbol that the table did not have then is looked for again when the venue is asked about
 *    it: what an earlier process had left in log or spool has landed meanwhile.
 */
import * as Effect from 'effect/Effect'

const loadMsMax = 5_000

export interface KeptIdsPorts {
  /** By symbol. */
  readonly read: Effect.Effect<ReadonlyMap<string, number>, { readonly message: string }>
  /** Why they could not be read. */
  readonly onUnknown: (detail: string) => void
}

export class KeptIds {
  readonly #ports: KeptIdsPorts
  #ids: ReadonlyMap<string, number> | undefined

  constructor(ports: KeptIdsPorts) {
    this.#ports = ports
  }

  of(symbol: string): number | null {
    return this.#ids?.get(symbol) ?? null
  }

  /** (1) */
  readonly loaded: Effect.Effect<void> = Effect.suspend(() =>
    this.#ids === undefined ? this.#reading : Effect.void
  )

  /** (2), of symbols that nothing has been heard of. */
  lookedFor(symbols: readonly string[]): Effect.Effect<void> {
    return Effect.suspend(() =>
      symbols.every((symbol) => this.of(symbol) !== null) ? Effect.void : this.#reading
    )
  }

  get #reading(): Effect.Effect<void> {
    const { read, onUnknown } = this.#ports
    const inTime = Effect.timeoutOrElse(read, {
      duration: loadMsMax,
      orElse: () => Effect.fail({ message: `not read within ${loadMsMax} ms` })
    })
    return Effect.match(inTime, {
      onSuccess: (ids) => void (this.#ids = ids),
      onFailure: ({ message }) => onUnknown(message)
    })
  }
}
