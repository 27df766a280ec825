/** The real query engine over the files of a folder, as tests use it. */
import type * as Effect from 'effect/Effect'
import type * as Scope from 'effect/Scope'
import {
  openQueryPool,
  type QueryPool,
  type QueryPoolOptions,
  type QueryPoolUnavailable
} from '../../src/adapters/duckdb/query-pool.ts'

export const poolOver = (
  directory: string,
  others: Partial<Pick<QueryPoolOptions, 'connections' | 'deadlineMsMax'>> = {}
): Effect.Effect<QueryPool, QueryPoolUnavailable, Scope.Scope> =>
  openQueryPool({
    connections: 1,
    queueMax: 8,
    deadlineMsMax: 20_000,
    threads: 1,
    memoryBytesMax: 256 * 2 ** 20,
    directories: [directory],
    tempDirectory: `${directory}/spill`,
    ...others
  })
