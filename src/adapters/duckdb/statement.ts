/**
 * One DuckDB call as an Effect.
 *
 * 1. Interrupting the Effect interrupts the statement and waits for its end: a connection that is
 *    closed, or a process that exits, while a statement runs crashes.
 * 2. The interrupt is repeated until the call has ended: DuckDB forgets one that arrives between
 *    two statements, or while one is being planned.
 */
import type { DuckDBConnection } from '@duckdb/node-api'
import * as Effect from 'effect/Effect'

/** Fails with the cause as DuckDB threw it: callers give it a tag. */
export const duckdbCall = <A>(
  connection: Pick<DuckDBConnection, 'interrupt'>,
  call: () => Promise<A>
): Effect.Effect<A, unknown> =>
  Effect.callback((resume) => {
    const settled = started(call).then(
      (value) => resume(Effect.succeed(value)),
      (cause: unknown) => resume(Effect.fail(cause))
    )
    return Effect.promise(async () => {
      connection.interrupt()
      const again = setInterval(() => connection.interrupt(), interruptMs)
      await settled.finally(() => clearInterval(again))
    })
  })

const interruptMs = 10

/** A call that throws at once is a call that rejects. */
const started = async <A>(call: () => Promise<A>): Promise<A> => call()
