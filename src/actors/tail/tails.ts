/** The tails of one query engine, of all data types that come through the log. */
import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import type * as Scope from 'effect/Scope'
import { columnsOf } from '../../adapters/duckdb/columns.ts'
import type { QueryPool } from '../../adapters/duckdb/query-pool.ts'
import { makeTailStore } from '../../adapters/duckdb/tail-store.ts'
import type { LandedPipeline } from '../pipeline.ts'
import type { DataTypeSpec } from '../data-types.ts'
import type { Shared } from '../shared.ts'
import { Tail } from './tail.ts'
import { unloggedOf } from './unlogged.ts'

export interface Tails {
  readonly trades: Tail
  readonly quotes: Tail
  readonly referenceData: Tail
  /** Ends when the engine does. */
  readonly closed: Effect.Effect<void>
}

type SpecifiedPipeline = LandedPipeline & { readonly spec: Pick<DataTypeSpec<never>, 'schema'> }

export const openTails = (
  shared: Shared,
  engine: Pick<QueryPool, 'write'>
): Effect.Effect<Tails, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const closed = Deferred.makeUnsafe<void>()
      const tailOf = (pipeline: SpecifiedPipeline) => {
        const { dataType, spec } = pipeline
        return new Tail({
          store: makeTailStore(engine, { name: dataType, columns: columnsOf(spec.schema) }),
          unlogged: () => unloggedOf(shared, pipeline),
          monotonicMs: () => performance.now()
        })
      }
      return {
        trades: tailOf(shared.trades),
        quotes: tailOf(shared.quotes),
        referenceData: tailOf(shared.referenceData),
        closed: Deferred.await(closed),
        close: () => Deferred.doneUnsafe(closed, Effect.void)
      }
    }),
    ({ close }) => Effect.sync(close)
  )
