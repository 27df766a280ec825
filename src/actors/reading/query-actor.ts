/** Program of the actor `reading/queries`: planner, connections and the queries over both. */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import { makeFolder } from '../../adapters/disk/folders.ts'
import { openQueryPool } from '../../adapters/duckdb/query-pool.ts'
import { makeScanPlanner } from '../../adapters/iceberg/planner.ts'
import type { ScanPlanner } from '../../adapters/query/query-ports.ts'
import { makeSymbolsQuery } from '../../adapters/query/symbols-query.ts'
import { makeRecordsQuery } from '../../adapters/query/records-query.ts'
import type { Table } from '../../adapters/iceberg/table.ts'
import { markDependency } from '../dependency.ts'
import type { EffectActorArgs } from '../effect-actor.ts'
import { tracked } from '../resource-registry.ts'
import { drainRequested, type Shared } from '../shared.ts'

/** The table cannot be planned now; the cause is for the log. */
export class TableUnavailable extends Schema.TaggedError<TableUnavailable>()('TableUnavailable', {
  detail: Schema.String
}) {
  override get message() {
    return `the table cannot be read: ${this.detail}`
  }
}

const queueMax = 64
/** Small queries on one thread each leave the others to the main thread and the lander. */
const duckdbThreads = 1

export const queryProgram =
  (shared: Shared) =>
  ({ commands, ready, reportStatus }: EffectActorArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const { config, folder } = shared
      yield* makeFolder(folder.warehouse)
      yield* makeFolder(folder.temporary)
      const engine = yield* tracked('DuckDB connections', 'client')(
        openQueryPool({
          connections: config.queryConnections,
          queueMax,
          deadlineMsMax: config.queryTimeoutMs,
          threads: duckdbThreads,
          memoryBytesMax: config.duckdbBytesMax,
          warehouseDirectory: folder.warehouse,
          tempDirectory: folder.temporary
        })
      )
      const trades = { planner: plannerOf(yield* shared.trades.table.get), engine }
      const quotes = { planner: plannerOf(yield* shared.quotes.table.get), engine }
      reportStatus(() => ({ counters: { pendingQueries: engine.pending() } }))
      yield* shared.queries.serve({
        records: {
          trades: makeRecordsQuery({ ...trades, fields: shared.trades.spec.schema.fields }),
          quotes: makeRecordsQuery({ ...quotes, fields: shared.quotes.spec.schema.fields })
        },
        symbols: makeSymbolsQuery(trades)
      })
      ready()
      yield* drainRequested(commands)
    }).pipe(markDependency)

/**
 * A lease needs no release: files of an expired snapshot stay
 * for longer than a query may take (R28).
 */
const plannerOf = (table: Table): ScanPlanner<TableUnavailable> => {
  const planner = makeScanPlanner(table)
  return {
    acquire: (filter) =>
      planner.plan(filter).pipe(
        Effect.map(({ snapshotId, files }) => ({
          snapshotId: snapshotId === null ? null : snapshotId.toString(),
          files,
          release: () => {}
        })),
        Effect.mapError(({ message }) => new TableUnavailable({ detail: message }))
      )
  }
}
