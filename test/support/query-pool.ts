/** The real query engine, as tests use it: over the files of a folder, or over none. */
import * as Effect from 'effect/Effect'
import * as Exit from 'effect/Exit'
import * as Scope from 'effect/Scope'
import { afterAll, beforeAll } from 'vitest'
import {
  openQueryPool,
  type QueryPool,
  type QueryPoolOptions,
  type QueryPoolUnavailable
} from '../../src/adapters/duckdb/query-pool.ts'

const options = {
  connections: 1,
  queueMax: 8,
  deadlineMsMax: 20_000,
  threads: 1,
  memoryBytesMax: 256 * 2 ** 20
} as const

export const poolOver = (
  directory: string,
  others: Partial<Pick<QueryPoolOptions, 'connections' | 'deadlineMsMax'>> = {}
): Effect.Effect<QueryPool, QueryPoolUnavailable, Scope.Scope> =>
  openQueryPool({
    ...options,
    directories: [directory],
    tempDirectory: `${directory}/spill`,
    ...others
  })

/** An engine without files, for all tests of a file. */
export const poolInMemory = (): (() => QueryPool) => {
  const scope = Effect.runSync(Scope.make())
  let pool: QueryPool
  beforeAll(async () => {
    const opening = openQueryPool({
      ...options,
      deadlineMsMax: 60_000,
      directories: [],
      tempDirectory: ''
    })
    pool = await Effect.runPromise(Scope.provide(opening, scope))
  })
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  return () => pool
}
