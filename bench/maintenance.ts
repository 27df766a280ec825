/**
 * A table that grew by 10,000 commits of 500 rows with maintenance on, against one that was written
 * at once from the same rows: how much longer a query takes (R22, R27).
 *
 * 1. Compaction and deletion run beside landing, as in K2, but as fast as commits come: after each
 *    200 commits, which are 17 minutes of the market's time. The next ten commits come while it
 *    runs, those behind them wait for its end.
 * 2. Both tables are counted by DuckDB, outside of K2, and must hold the same trades, each once.
 * 3. Queries are K2's own, planner and DuckDB, without HTTP; both tables are asked in turn.
 */
import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import * as Effect from 'effect/Effect'
import * as Latch from 'effect/Latch'
import { tradesSpec } from '../src/actors/data-types.ts'
import type { CompactionEvent } from '../src/actors/repair/compaction.ts'
import { dataFolderAt, openTable } from '../src/actors/storage/data-folder.ts'
import { columnsOf, noRowsSql } from '../src/adapters/duckdb/columns.ts'
import { openQueryPool } from '../src/adapters/duckdb/query-pool.ts'
import { makeScanPlanner } from '../src/adapters/iceberg/planner.ts'
import { readManifestList, refresh } from '../src/adapters/iceberg/table.ts'
import type { RecordsFilter } from '../src/adapters/query/records-sql.ts'
import { nothingBeyond } from '../src/adapters/query/query-ports.ts'
import { makeTokenCodec } from '../src/adapters/query/read-token.ts'
import { makeRecordsQuery } from '../src/adapters/query/records-query.ts'
import { atMost } from './bars.ts'
import { compactNow, removeAll } from './compaction.ts'
import type { BenchContext } from './context.ts'
import { TradeCounts } from './event-log.ts'
import { GrowingLog } from './growing-log.ts'
import { defaults, landOver, topic } from './landing.ts'
import { openMarket, Packer } from './market.ts'
import { Measures, type Outcome } from './report.ts'
import { contentFaults } from './run-check.ts'
import { median, percentile } from './statistics.ts'
import { readTable } from './table-check.ts'

const commits = 10_000
const commitRows = 500
/** What compaction waits for. */
const pauseCommits = 200
/** So many commits follow each other while it runs: in K2 it meets a commit every five seconds. */
const besideMax = 10
const atOnceRows = 250_000
/** Of the market: a commit is five seconds, all of it fourteen hours. */
const rate = 100
const groupsMax = 64
const requests = 200
const warmUpRequests = 40
const hourUs = 3_600_000_000

const ratioBar = atMost(1.1)
const manifestBar = atMost(100)

export const measureMaintenance = async (context: BenchContext): Promise<Outcome> => {
  const { workspace, runs, settle, progress } = context
  const measures = new Measures()
  const [grown, atOnce] = [await workspace.folder('grown'), await workspace.folder('at-once')]
  const landed = await grow(grown, progress)
  const { commitMs, groups } = landed
  const byThousand = (from: number) => median(commitMs.slice(from, from + 1_000))
  measures.add('commit of 500 rows beside compaction, p50', 'ms', percentile(commitMs, 0.5))
  measures.add('commit of 500 rows beside compaction, p99', 'ms', percentile(commitMs, 0.99))
  const growth = byThousand(commits - 1_000) / byThousand(0)
  measures.add('last 1,000 commits over first 1,000', '×', growth)
  measures.add('rows rewritten per row', '×', landed.rewrittenRows / (commits * commitRows))
  progress(`maintenance: ${commits} commits, ${groups} groups compacted`)
  await landAtOnce(atOnce)
  for (const folder of [grown, atOnce]) {
    const faults = contentFaults(await readTable(folder), landed.sent)
    measures.failures.push(...faults.map((fault) => `${folder}: ${fault}`))
  }
  if (measures.failures.length > 0) return measures.outcome
  await Effect.runPromise(Effect.scoped(compare({ grown, atOnce }, { runs, settle, measures })))
  return measures.outcome
}

/** (1) */
const grow = async (folder: string, progress: BenchContext['progress']) => {
  const market = openMarket({ rate })
  const packer = new Packer()
  const sent = new TradeCounts()
  const log = new GrowingLog()
  let landed = 0
  let [rewrittenRows, groups] = [0, 0]
  const due = Latch.makeUnsafe(false)
  const next = () => {
    const trades = market.trades(commitRows)
    sent.add(trades)
    log.append(packer.pack(trades))
  }
  let [isCompacting, isWaiting] = [false, false]
  const onCommit = () => {
    landed += 1
    if (landed % pauseCommits === 0) {
      isCompacting = true
      due.openUnsafe()
    }
    if (landed % 1_000 === 0) progress(`maintenance: ${landed} commits`)
    isWaiting = isCompacting && landed % pauseCommits >= besideMax
    if (landed < commits && !isWaiting) next()
  }
  const goOn = () => {
    isCompacting = false
    if (isWaiting) next()
    isWaiting = false
  }
  const observe = (event: CompactionEvent) => {
    if (event.type !== 'compaction.committed') return
    rewrittenRows += event.rows
    groups += 1
  }
  const compaction = compactNow({ folder, groupsMax, observe })
  const maintain = Effect.forever(
    Effect.andThen(
      Effect.andThen(due.await, Effect.sync(() => due.closeUnsafe())),
      Effect.andThen(compaction, Effect.sync(goOn))
    )
  )
  next()
  const landing = landOver(
    { folder, commitRows },
    { topic, log, commits, onCommit, onRemoved: removeAll }
  )
  const { commitMs } = await Effect.runPromise(
    Effect.scoped(Effect.raceFirst(landing, maintain))
  )
  await Effect.runPromise(compaction)
  return { commitMs, sent: sent.bySymbol, rewrittenRows, groups }
}

const landAtOnce = async (folder: string): Promise<void> => {
  const market = openMarket({ rate })
  const packer = new Packer()
  const log = new GrowingLog()
  const rounds = (commits * commitRows) / atOnceRows
  let landed = 0
  const next = () => log.append(packer.pack(market.trades(atOnceRows)))
  const onCommit = () => {
    landed += 1
    if (landed < rounds) next()
  }
  next()
  const landing = landOver(
    { folder, commitRows: atOnceRows },
    { topic, log, commits: rounds, onCommit }
  )
  await Effect.runPromise(Effect.scoped(landing))
}

interface Comparison {
  readonly runs: number
  readonly settle: () => Promise<void>
  readonly measures: Measures
}

const compare = Effect.fnUntraced(function* (
  folders: Readonly<Record<'grown' | 'atOnce', string>>,
  { runs, settle, measures }: Comparison
) {
  const grown = yield* openQueries(folders.grown)
  const atOnce = yield* openQueries(folders.atOnce)
  measures.add('data files of the table that grew', '', grown.files)
  measures.add('manifests of the table that grew', '', grown.manifests, manifestBar)
  measures.add('data files of the table written at once', '', atOnce.files)
  const spanUs = ((commits * commitRows) / rate) * 1_000_000
  const oldUs = Math.floor((grown.newestUs - 0.75 * spanUs) / hourUs) * hourUs
  const kinds: readonly (readonly [string, RecordsFilter, number])[] = [
    ['newest 100 of BTCUSDT', { symbols: ['BTCUSDT'] }, 100],
    ['newest 100 of all symbols', {}, 100],
    [
      'an old hour of BTCUSDT, newest 200',
      { symbols: ['BTCUSDT'], fromUs: oldUs, toUs: oldUs + hourUs },
      200
    ],
    [
      'a second of BTCUSDT in an old hour',
      { symbols: ['BTCUSDT'], fromUs: oldUs, toUs: oldUs + 1_000_000 },
      200
    ]
  ]
  for (let run = 1; run <= runs; run += 1) {
    yield* Effect.promise(settle)
    for (const [name, filter, rowsMax] of kinds) {
      const ask = (queries: Queries) => askOnce(queries, filter, rowsMax)
      const took = { grown: [] as number[], atOnce: [] as number[] }
      for (let request = 0; request < warmUpRequests + requests; request += 1) {
        // In turn, so that what else the machine does meets both alike.
        const [first, second] = [yield* ask(grown), yield* ask(atOnce)]
        if (first.text !== second.text) measures.failures.push(`${name}: the answers differ`)
        if (first.text === '') measures.failures.push(`${name}: the answer is empty`)
        if (measures.failures.length > 0) return
        if (request < warmUpRequests) continue
        took.grown.push(first.ms)
        took.atOnce.push(second.ms)
      }
      const [p50, reference] = [percentile(took.grown, 0.5), percentile(took.atOnce, 0.5)]
      measures.add(`${name}, p50`, 'ms', p50)
      measures.add(`${name}, written at once, p50`, 'ms', reference)
      measures.add(`${name}: grown over written at once`, '×', p50 / reference, ratioBar)
    }
  }
})

type Queries = Effect.Success<ReturnType<typeof openQueries>>

const openQueries = Effect.fnUntraced(function* (root: string) {
  const folder = dataFolderAt(root)
  yield* Effect.promise(() => mkdir(folder.temporary, { recursive: true }))
  const table = yield* openTable(tradesSpec, {
    folder,
    storage: {},
    snapshotsMax: defaults.snapshotsMax,
    nowMs: Date.now,
    uuid: randomUUID,
    observe: () => undefined
  })
  const engine = yield* openQueryPool({
    connections: 1,
    queueMax: 1,
    deadlineMsMax: defaults.queryTimeoutMs,
    threads: 1,
    memoryBytesMax: defaults.duckdbBytesMax,
    directories: [folder.warehouse],
    tempDirectory: folder.temporary
  })
  const planner = makeScanPlanner(table)
  const { files } = yield* planner.plan({})
  const { metadata } = yield* refresh(table)
  const head = metadata.snapshots.at(-1)!
  const manifests = yield* readManifestList(table, head)
  const records = makeRecordsQuery({
    engine,
    fields: tradesSpec.schema.fields,
    planner: {
      acquire: (filter) =>
        Effect.map(planner.plan(filter), (plan) => ({
          snapshotId: plan.snapshotId?.toString() ?? null,
          files: plan.files,
          facts: plan,
          source: 'read_parquet($files)',
          read: (_, use) => use,
          beyond: nothingBeyond,
          point: () => Effect.succeed(undefined),
          release: () => {}
        }))
    },
    noRows: noRowsSql(columnsOf(tradesSpec.schema)),
    tokens: makeTokenCodec({ uuid: metadata['table-uuid'] })
  })
  return {
    records,
    files: files.length,
    manifests: manifests.length,
    newestUs: files[0]!.timestampUpperUs
  }
})

const askOnce = Effect.fnUntraced(function* (
  { records }: Queries,
  filter: RecordsFilter,
  rowsMax: number
) {
  const startedMs = performance.now()
  const { rows } = yield* records.newest({
    filter,
    rowsMax,
    text: { format: 'json', decimals: 'number' }
  })
  return { ms: performance.now() - startedMs, text: rows.join('\n') }
})
