/** Metrics of the engines of queries and of what is kept for them, as they are once a second. */
import * as Effect from 'effect/Effect'
import type { QueryPool } from '../../adapters/duckdb/query-pool.ts'
import type { Shared } from '../shared.ts'

const everyMs = 1_000

type Pool = Pick<QueryPool, 'connections' | 'pending'>

export const showEngines = (
  { telemetry: { metrics } }: Shared,
  engine: Pool,
  { filesEngine, kept }: {
    readonly filesEngine: Pool
    readonly kept: () => { readonly hotFilesBytes: number }
  }
): Effect.Effect<never> => {
  const pools = { queries: engine, replays: filesEngine }
  const show = Effect.sync(() => {
    for (const pool of ['queries', 'replays'] as const) {
      const { size, active } = pools[pool].connections()
      metrics.poolSize.set({ pool }, size)
      metrics.poolActive.set({ pool }, active)
      metrics.poolAvailable.set({ pool }, size - active)
      metrics.poolWaiting.set({ pool }, Math.max(0, pools[pool].pending() - active))
    }
    metrics.hotBytes.set({ cache_tier: 'hot_files' }, kept().hotFilesBytes)
  })
  return Effect.forever(Effect.andThen(show, Effect.sleep(everyMs)))
}
