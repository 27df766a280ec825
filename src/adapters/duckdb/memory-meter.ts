/**
 * What the DuckDB instances of this thread hold in memory, by their own account (R13).
 *
 * 1. A meter has a connection of its own: no query waits for it, and it waits for none.
 * 2. Who asks while an answer is under way gets that answer.
 * 3. A meter ends with its instance's scope, after its statement has ended.
 */
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import * as Effect from 'effect/Effect'
import type * as Scope from 'effect/Scope'

const meters = new Set<Meter>()

/** Counts an instance until the scope closes; the instance has to be closed later. */
export const metered = (
  instance: Pick<DuckDBInstance, 'connect'>
): Effect.Effect<void, unknown, Scope.Scope> =>
  Effect.asVoid(
    Effect.acquireRelease(
      Effect.tryPromise({
        try: async () => {
          const meter = new Meter(await instance.connect())
          meters.add(meter)
          return meter
        },
        catch: (cause) => cause
      }),
      (meter) =>
        Effect.promise(() => {
          meters.delete(meter)
          return meter.close()
        })
    )
  )

/** Bytes over all instances of this thread. Rejects where one does not say. */
export const duckdbBytes = async (): Promise<number> => {
  const parts = await Promise.all([...meters].map((meter) => meter.read()))
  return parts.reduce((sum, bytes) => sum + bytes, 0)
}

const sql = 'SELECT coalesce(sum(memory_usage_bytes), 0)::DOUBLE FROM duckdb_memory()'

class Meter {
  readonly #connection: DuckDBConnection
  #reading: Promise<number> | undefined

  constructor(connection: DuckDBConnection) {
    this.#connection = connection
  }

  /** (2) */
  read(): Promise<number> {
    this.#reading ??= this.#ask().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.#reading])
    this.#connection.closeSync()
  }

  async #ask(): Promise<number> {
    const answer = await this.#connection.runAndReadAll(sql)
    return Number(answer.getRows()[0]?.[0] ?? 0)
  }
}
