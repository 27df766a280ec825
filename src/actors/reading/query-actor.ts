/** Program of the actor `reading/queries`: planner, connections and the queries over both. */
import * as Effect from 'effect/Effect'
import type { ApiFault } from '../../adapters/http/api-deps.ts'
import { makeFolder } from '../../adapters/disk/folders.ts'
import { type AvroRecord, columnsOf } from '../../adapters/duckdb/columns.ts'
import { openQueryPool } from '../../adapters/duckdb/query-pool.ts'
import { openSqlPool, type SqlPool } from '../../adapters/duckdb/sql-pool.ts'
import { makeGapsQuery } from '../../adapters/query/gaps-query.ts'
import { makeReferenceQuery } from '../../adapters/query/reference-query.ts'
import { makeSqlQuery, type SqlView } from '../../adapters/query/sql-query.ts'
import { makeSymbolsQuery } from '../../adapters/query/symbols-query.ts'
import { makeRecordsQuery } from '../../adapters/query/records-query.ts'
import type { Table } from '../../adapters/iceberg/table.ts'
import { candlesTable, gapsTable } from '../data-types.ts'
import { markDependency, servedTable } from '../dependency.ts'
import type { EffectActorArgs } from '../effect-actor.ts'
import { tracked } from '../resource-registry.ts'
import { drainRequested, type Shared } from '../shared.ts'
import { openStores, storageSettingsOf } from '../storage/stores.ts'
import { candlesQueryOver } from './candles-reading.ts'
import type { Tail } from '../tail/tail.ts'
import { openTails, type Tails } from '../tail/tails.ts'
import { sqlViews } from './sql-views.ts'
import { openLocalCopies } from './local-copies.ts'
import { costed } from './costed-leases.ts'
import { leasesOf } from './leases.ts'
import { withTailFile } from './tail-files.ts'

const queueMax = 64
/** Small queries on one thread each leave the others to the main thread and the lander. */
const duckdbThreads = 1

const sqlProcesses = 2
const sqlQueueMax = 16
const sqlThreads = 2

export const queryProgram =
  (shared: Shared) =>
  ({ commands, ready, reportStatus }: EffectActorArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const { config, folder, nowMs } = shared
      const tables = yield* openTables(shared)
      yield* makeFolder(folder.warehouse)
      yield* makeFolder(folder.temporary)
      const stores = yield* openStores(storageSettingsOf(config), folder, nowMs)
      const copies = yield* openLocalCopies(stores, folder, config.s3CacheBytesMax)
      const engine = yield* openEngine(shared)
      const tails = yield* openTails(shared, engine)
      yield* shared.tails.serve(tails)
      const plannerOver = (table: Table, schema: AvroRecord, tail?: Tail) =>
        costed(leasesOf(table, columnsOf(schema), copies, tail))
      const sqlPlannerOver = (table: Table, schema: AvroRecord) =>
        withTailFile(plannerOver(table, schema, tailOf(tails, tables, table)), {
          engine,
          table,
          columns: columnsOf(schema),
          directory: folder.temporary,
          uuid: shared.uuid
        })
      const [tradesSchema, quotesSchema] = [shared.trades.spec.schema, shared.quotes.spec.schema]
      const trades = { planner: plannerOver(tables.trades, tradesSchema, tails.trades), engine }
      const quotes = { planner: plannerOver(tables.quotes, quotesSchema, tails.quotes), engine }
      const ledger = { planner: plannerOver(tables.gaps, gapsTable.schema), engine }
      const gaps = makeGapsQuery(ledger)
      const sql = yield* openSql(config)
      reportStatus(() => ({
        counters: {
          pendingQueries: engine.pending(),
          pendingSql: sql.pending(),
          startedSqlProcesses: sql.started(),
          copiedBytes: copies.bytes()
        }
      }))
      yield* shared.queries.serve({
        records: {
          trades: makeRecordsQuery({ ...trades, fields: tradesSchema.fields }),
          quotes: makeRecordsQuery({ ...quotes, fields: quotesSchema.fields })
        },
        reference: makeReferenceQuery({
          planner: plannerOver(
            tables.referenceData,
            shared.referenceData.spec.schema,
            tails.referenceData
          ),
          engine,
          fields: shared.referenceData.spec.schema.fields
        }),
        gaps,
        candles: candlesQueryOver({
          tables,
          engine,
          zones: config.tradingZones,
          trades: trades.planner,
          minutes: plannerOver(tables.candles, candlesTable.schema),
          gaps: ledger.planner
        }),
        symbols: makeSymbolsQuery(trades),
        sql: sqlQuery(shared, sql, sqlViews(shared, tables, sqlPlannerOver, gaps))
      })
      ready()
      yield* drainRequested(commands)
    }).pipe(markDependency)

const tailOf = (tails: Tails, tables: Record<string, Table>, table: Table): Tail | undefined =>
  table === tables['trades']
    ? tails.trades
    : table === tables['quotes']
      ? tails.quotes
      : table === tables['referenceData']
        ? tails.referenceData
        : undefined

/** Before anything is opened that would have to be closed while they are away. */
const openTables = ({ trades, quotes, referenceData, gaps, candles }: Shared) =>
  Effect.all(
    {
      trades: servedTable(trades),
      quotes: servedTable(quotes),
      referenceData: servedTable(referenceData),
      gaps: servedTable(gaps),
      candles: servedTable(candles)
    },
    { concurrency: 'unbounded' }
  )

const openEngine = ({ config, folder }: Shared) =>
  tracked('DuckDB connections', 'client')(
    openQueryPool({
      connections: config.queryConnections,
      queueMax,
      deadlineMsMax: config.queryTimeoutMs,
      threads: duckdbThreads,
      memoryBytesMax: config.duckdbBytesMax,
      directories: [folder.warehouse, folder.copies, folder.temporary],
      tempDirectory: folder.temporary
    })
  )

const openSql = (config: Shared['config']) =>
  tracked('SQL processes', 'client')(
    openSqlPool({
      processes: sqlProcesses,
      queueMax: sqlQueueMax,
      deadlineMsMax: config.queryTimeoutMs,
      memoryBytesMax: config.sqlMemoryBytesMax,
      threads: sqlThreads
    })
  )

const sqlQuery = (
  { config: { sqlRowsMax: rowsMax, sqlBytesMax: bytesMax } }: Shared,
  engine: SqlPool,
  views: readonly SqlView<ApiFault>[]
) => makeSqlQuery<ApiFault, ApiFault, ApiFault>({ engine, views, rowsMax, bytesMax })
