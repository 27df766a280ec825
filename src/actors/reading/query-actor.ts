/** Program of the actor `reading/queries`: planner, connections and the queries over both. */
import * as Effect from 'effect/Effect'
import type { ApiFault } from '../../adapters/http/api-deps.ts'
import { makeFolder } from '../../adapters/disk/folders.ts'
import { type AvroRecord, columnsOf, noRowsSql } from '../../adapters/duckdb/columns.ts'
import { openQueryPool, type QueryPool } from '../../adapters/duckdb/query-pool.ts'
import { openSqlPool, type SqlPool } from '../../adapters/duckdb/sql-pool.ts'
import { makeGapsQuery } from '../../adapters/query/gaps-query.ts'
import { makeReferenceQuery } from '../../adapters/query/reference-query.ts'
import { openHotEntries } from '../../adapters/query/hot-entries.ts'
import { makeHotMinutes, type MinutesOfFile } from '../../adapters/query/hot-minutes.ts'
import { type HotFiles, makeHotFiles } from '../../adapters/query/hot-files.ts'
import { makeSqlQuery, type SqlView } from '../../adapters/query/sql-query.ts'
import { makeTokenCodec } from '../../adapters/query/read-token.ts'
import { makeDiffQuery } from '../../adapters/query/snapshot-diff.ts'
import { makeSymbolsQuery } from '../../adapters/query/symbols-query.ts'
import { makeReplayPages } from '../../adapters/query/replay-pages.ts'
import { makeReplayQuery } from '../../adapters/query/replay-query.ts'
import type { RecordsPlanner } from '../../adapters/query/query-ports.ts'
import { makeRecordsQuery } from '../../adapters/query/records-query.ts'
import type { Table } from '../../adapters/iceberg/table.ts'
import type { StreamedDataType } from '../../market/data-type.ts'
import { releaseBuffers } from '../../adapters/telemetry/heap-monitor.ts'
import { candlesTable, gapsTable } from '../data-types.ts'
import { markDependency, servedTable } from '../dependency.ts'
import type { EffectActorArgs } from '../effect-actor.ts'
import { tracked } from '../resource-registry.ts'
import { drainRequested, type Shared } from '../shared.ts'
import { openStores, storageSettingsOf } from '../storage/stores.ts'
import { candlesQueryOver } from './candles-reading.ts'
import { openTails } from '../tail/tails.ts'
import { withTail } from '../tail/with-tail.ts'
import { type LandedTable, sqlViews } from './sql-views.ts'
import { openLocalCopies } from './local-copies.ts'
import { costed } from './costed-leases.ts'
import { leasesOf } from './leases.ts'
import { showEngines } from './pool-telemetry.ts'
import { makeReplays } from './replays.ts'
import { snapshotDiffs } from './snapshot-diffs.ts'
import { withTailFile } from './tail-files.ts'

const queueMax = 64
/** Small queries on one thread each leave the others to the main thread and the lander. */
const duckdbThreads = 1

/** Of replays that run at a time: more would take what K2 does beside them. */
const replayStatements = 2
const replayBytesMax = 256 * 2 ** 20

const sqlProcesses = 2
const sqlQueueMax = 16
const sqlThreads = 2

export const queryProgram =
  (shared: Shared) =>
  ({ commands, ready, reportStatus }: EffectActorArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const { folder } = shared
      const tables = yield* openTables(shared)
      yield* Effect.forEach([folder.warehouse, folder.temporary], makeFolder)
      const copies = yield* openCopies(shared)
      const engine = yield* openEngine(shared)
      const tails = yield* openTails(shared, engine)
      yield* shared.tails.serve(tails)
      const leasesOver = (table: Table, of: AvroRecord) => leasesOf(table, columnsOf(of), copies)
      const leases = {
        trades: leasesOver(tables.trades, shared.trades.spec.schema),
        quotes: leasesOver(tables.quotes, shared.quotes.spec.schema),
        referenceData: leasesOver(tables.referenceData, shared.referenceData.spec.schema)
      }
      const plannerWithTail = (name: LandedTable) => withTail(costed(leases[name]), tails[name])
      const sqlPlannerOf = (name: LandedTable) =>
        withTailFile(plannerWithTail(name), {
          engine,
          table: tables[name],
          columns: columnsOf(shared[name].spec.schema),
          directory: folder.sqlTails,
          uuid: shared.uuid
        })
      const hot = yield* openHot(shared, engine)
      const trades = { planner: plannerWithTail('trades'), engine }
      const ledger = { planner: costed(leasesOver(tables.gaps, gapsTable.schema)), engine }
      const derived = {
        gaps: makeGapsQuery(ledger),
        symbols: makeSymbolsQuery(trades),
        candles: candlesQueryOver({
          tables,
          engine,
          zones: shared.config.tradingZones,
          trades: trades.planner,
          minutes: costed(leasesOver(tables.candles, candlesTable.schema)),
          gaps: ledger.planner,
          hotMinutes: hot.minutes
        })
      }
      const sources = { tables, plannerOf: plannerWithTail }
      const replaying = yield* openReplays(shared, engine, sources)
      const sql = yield* openSql(shared)
      reportStatus(() => ({
        counters: {
          pendingQueries: engine.pending(),
          runningReplays: replaying.replays.running(),
          pendingSql: sql.pending(),
          startedSqlProcesses: sql.started(),
          copiedBytes: copies.bytes(),
          ...hot.counters()
        }
      }))
      yield* shared.queries.serve({
        records: recordsOver(shared, engine, { ...sources, hotFiles: hot.files }),
        reference: makeReferenceQuery({
          planner: plannerWithTail('referenceData'),
          engine,
          fields: shared.referenceData.spec.schema.fields
        }),
        ...derived,
        diffs: diffsOver(shared, engine, { tables, plannerOf: (name) => costed(leases[name]) }),
        ...replaying,
        sql: sqlQuery(shared, sql, sqlViews(shared, tables, sqlPlannerOf, derived))
      })
      ready()
      const shown = showEngines(shared, engine, { ...replaying, kept: hot.counters })
      yield* Effect.raceFirst(shown, drainRequested(commands))
    }).pipe(markDependency)

interface RecordSources<E> {
  readonly tables: Readonly<Record<StreamedDataType, Table>>
  readonly plannerOf: (name: StreamedDataType) => RecordsPlanner<E>
}

const tokensOf = ({ loaded: { metadata } }: Table) =>
  makeTokenCodec({ uuid: metadata['table-uuid'] })

const recordsOver = <E>(
  shared: Shared,
  engine: QueryPool,
  { tables, plannerOf, hotFiles }: RecordSources<E> & { readonly hotFiles: HotFiles<E> }
) => {
  const recordsOf = (name: StreamedDataType) =>
    makeRecordsQuery({
      planner: plannerOf(name),
      engine,
      hotFiles,
      tokens: tokensOf(tables[name]),
      fields: shared[name].spec.schema.fields,
      noRows: noRowsSql(columnsOf(shared[name].spec.schema))
    })
  return { trades: recordsOf('trades'), quotes: recordsOf('quotes') }
}

const diffsOver = <E>(
  shared: Shared,
  engine: QueryPool,
  { tables, plannerOf }: RecordSources<E>
) => {
  const diffsOf = (name: StreamedDataType) => {
    const { fields } = shared[name].spec.schema
    return snapshotDiffs(tables[name], makeDiffQuery({ planner: plannerOf(name), engine, fields }))
  }
  return { trades: diffsOf('trades'), quotes: diffsOf('quotes') }
}

/**
 * An engine for files beside that which has the tail: no query waits for a replay. Each replay has
 * a slice that is sent and one that is opened, and so two connections.
 */
const openReplays = Effect.fnUntraced(function* <E>(
  shared: Shared,
  engine: QueryPool,
  { tables, plannerOf }: RecordSources<E>
) {
  const { folder, config } = shared
  const filesEngine = yield* tracked('DuckDB of replays', 'client')(
    openQueryPool({
      connections: 2 * config.replaysMax,
      runningMax: replayStatements,
      queueMax,
      deadlineMsMax: config.queryTimeoutMs,
      threads: duckdbThreads,
      memoryBytesMax: replayBytesMax,
      directories: [folder.warehouse, folder.copies],
      tempDirectory: folder.temporary,
      // A replay reads each file once: what it kept would push out what queries come back to.
      keepsMemory: false
    })
  )
  const portsOf = (name: StreamedDataType) => ({
    planner: plannerOf(name),
    engine,
    filesEngine,
    fields: shared[name].spec.schema.fields,
    tokens: tokensOf(tables[name]),
    isBusy: (): boolean => replays.running() > 1,
    releaseBuffers,
    clock: { nowMs: () => performance.now(), sleep: Effect.sleep }
  })
  const [trades, quotes] = [portsOf('trades'), portsOf('quotes')]
  const queries = { trades: makeReplayQuery(trades), quotes: makeReplayQuery(quotes) }
  const replays = makeReplays(queries, config.replaysMax)
  return {
    filesEngine,
    replays,
    replayPages: { trades: makeReplayPages(trades), quotes: makeReplayPages(quotes) }
  }
})

const openCopies = ({ config, folder, nowMs }: Shared) =>
  Effect.flatMap(openStores(storageSettingsOf(config), folder, nowMs), (stores) =>
    openLocalCopies(stores, folder, config.s3CacheBytesMax)
  )

/** One part of four is for candles: a day of them is about a MiB of each symbol. */
const minutesShare = 0.25

/** What is kept in memory of files. */
const openHot = Effect.fnUntraced(function* (
  { config: { hotFilesBytesMax: bytesMax }, telemetry }: Shared,
  engine: QueryPool
) {
  const nowMs = () => performance.now()
  const minutes = yield* openHotEntries<MinutesOfFile>({ bytesMax: bytesMax * minutesShare, nowMs })
  const files = yield* makeHotFiles(engine, {
    bytesMax: bytesMax * (1 - minutesShare),
    nowMs,
    onFailed: ({ message }: ApiFault) =>
      telemetry.log('warn', 'query.file_not_kept', { detail: message })
  })
  return {
    files,
    minutes: makeHotMinutes(minutes),
    counters: () => {
      const { hotFiles, hotFilesBytes } = files.counters()
      return {
        hotFiles: hotFiles + minutes.count,
        hotFilesBytes: hotFilesBytes + minutes.bytes
      }
    }
  }
})

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

const openSql = ({ config, folder }: Shared) =>
  tracked('SQL processes', 'client')(
    openSqlPool({
      processes: sqlProcesses,
      queueMax: sqlQueueMax,
      deadlineMsMax: config.queryTimeoutMs,
      memoryBytesMax: config.sqlMemoryBytesMax,
      threads: sqlThreads,
      directories: [folder.sqlTails]
    })
  )

const sqlQuery = (
  { config: { sqlRowsMax: rowsMax, sqlBytesMax: bytesMax } }: Shared,
  engine: SqlPool,
  views: readonly SqlView<ApiFault>[]
) => makeSqlQuery<ApiFault, ApiFault, ApiFault>({ engine, views, rowsMax, bytesMax })
