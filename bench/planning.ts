/**
 * What planning saves and what it costs: a point query over a table of 1,000 files, planned, beside
 * DuckDB that is given all of them; and plans over 10,000 files whose manifests have been read.
 *
 * 1. Both answers are the same row, which is there.
 * 2. Plans are of different times each: none is answered from those that are kept.
 * 3. The 10,000 files are entries that K2's own commits wrote; nobody opens one.
 */
import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import * as Effect from 'effect/Effect'
import { tradesSpec } from '../src/actors/data-types.ts'
import { dataFolderAt, openTable } from '../src/actors/storage/data-folder.ts'
import { openQueryPool } from '../src/adapters/duckdb/query-pool.ts'
import { commitAppend } from '../src/adapters/iceberg/append.ts'
import type { DataFile } from '../src/adapters/iceberg/data-file.ts'
import { currentSchema } from '../src/adapters/iceberg/metadata.ts'
import { makeScanPlanner } from '../src/adapters/iceberg/planner.ts'
import { fieldNamed } from '../src/adapters/iceberg/schema.ts'
import { writeState } from '../src/adapters/iceberg/table.ts'
import { atMost } from './bars.ts'
import type { BenchContext } from './context.ts'
import { GrowingLog } from './growing-log.ts'
import { defaults, landOver, logIdentity, topic } from './landing.ts'
import { openMarket, Packer } from './market.ts'
import { Measures, type Outcome } from './report.ts'
import { median, percentile } from './statistics.ts'

const files = 1_000
const fileRows = 1_000
const queries = 100
const plannedFiles = 10_000
const plans = 200
/** Of the market: a commit is twenty seconds. */
const rate = 50
const dayUs = 86_400_000_000

const pointBar = atMost(0.1)
const planBar = atMost(5)

export const measurePlanning = async (context: BenchContext): Promise<Outcome> => {
  const { workspace, runs, settle, progress } = context
  const measures = new Measures()
  const [landed, planned] = [await workspace.folder('files'), await workspace.folder('planned')]
  await landFiles(landed)
  progress(`planning: ${files} files have landed`)
  await Effect.runPromise(Effect.scoped(commitEntries(planned)))
  for (let run = 1; run <= runs && measures.failures.length === 0; run += 1) {
    await settle()
    await Effect.runPromise(Effect.scoped(measurePoint(landed, measures)))
    await Effect.runPromise(Effect.scoped(measurePlans(planned, measures)))
  }
  return measures.outcome
}

const landFiles = async (folder: string): Promise<void> => {
  const market = openMarket({ rate })
  const [packer, log] = [new Packer(), new GrowingLog()]
  let landed = 0
  const next = () => log.append(packer.pack(market.trades(fileRows)))
  const onCommit = () => {
    landed += 1
    if (landed < files) next()
  }
  next()
  const landing = landOver(
    { folder, commitRows: fileRows },
    { topic, log, commits: files, onCommit }
  )
  await Effect.runPromise(Effect.scoped(landing))
}

const tableOf = (root: string) =>
  openTable(tradesSpec, {
    folder: dataFolderAt(root),
    storage: {},
    snapshotsMax: defaults.snapshotsMax,
    nowMs: Date.now,
    uuid: randomUUID,
    observe: () => undefined
  })

const measurePoint = Effect.fnUntraced(function* (root: string, measures: Measures) {
  const folder = dataFolderAt(root)
  yield* Effect.promise(() => mkdir(folder.temporary, { recursive: true }))
  const planner = makeScanPlanner(yield* tableOf(root))
  const engine = yield* openQueryPool({
    connections: 1,
    queueMax: 1,
    deadlineMsMax: defaults.queryTimeoutMs,
    threads: 1,
    memoryBytesMax: defaults.duckdbBytesMax,
    directories: [folder.warehouse],
    tempDirectory: folder.temporary
  })
  const all = (yield* planner.plan({})).files
  measures.add('data files of the point query', '', all.length)
  const read = (paths: readonly string[], atUs: number) =>
    engine.run({
      sql: `SELECT message_id, price::VARCHAR FROM read_parquet($files)
        WHERE symbol = $symbol AND "timestamp" >= $from AND "timestamp" < $to
        ORDER BY "timestamp", message_id`,
      parameters: {
        files: { type: 'texts', value: paths },
        symbol: { type: 'text', value: 'BTCUSDT' },
        from: { type: 'timestamp', value: atUs },
        to: { type: 'timestamp', value: atUs + 1_000_000 }
      }
    })
  const took = { planned: [] as number[], all: [] as number[] }
  let answers = 0
  for (let index = 0; index < queries; index += 1) {
    const atUs = all[(index * 7 + 3) % all.length]!.timestampLowerUs
    let startedMs = performance.now()
    const filter = { symbols: ['BTCUSDT'], fromUs: atUs, toUs: atUs + 1_000_000 }
    const plan = yield* planner.plan(filter)
    const found = yield* read(plan.files.map(({ path }) => path), atUs)
    took.planned.push(performance.now() - startedMs)
    startedMs = performance.now()
    const expected = yield* read(all.map(({ path }) => path), atUs)
    took.all.push(performance.now() - startedMs)
    if (JSON.stringify(found) !== JSON.stringify(expected))
      measures.failures.push('point query: the answers differ') // (1)
    if (found.length > 0) answers += 1
  }
  if (answers < queries / 2) measures.failures.push(`point query: ${answers} had an answer`)
  const [ours, theirs] = [median(took.planned), median(took.all)]
  measures.add('point query, planned, p50', 'ms', ours)
  measures.add('point query, DuckDB given all files, p50', 'ms', theirs)
  measures.add('planned over all files', '×', ours / theirs, pointBar)
})

/** (3) An hour has about 140 files; ten commits of 1,000 entries each. */
const commitEntries = Effect.fnUntraced(function* (root: string) {
  yield* Effect.promise(() => mkdir(dataFolderAt(root).warehouse, { recursive: true }))
  const table = yield* tableOf(root)
  const schema = currentSchema(table.loaded.metadata)
  const ids = {
    timestamp: fieldNamed(schema, 'timestamp').id,
    symbol: fieldNamed(schema, 'symbol').id
  }
  const statePath = yield* writeState(table, `${topic}-0`, Buffer.alloc(1))
  const commits = 10
  for (let commit = 0; commit < commits; commit += 1) {
    const first = (commit * plannedFiles) / commits
    const length = plannedFiles / commits
    const entries = Array.from({ length }, (_, n) => entryOf(first + n, ids))
    yield* commitAppend(table, {
      commitId: randomUUID(),
      dataFiles: entries,
      advances: [
        {
          logIdentity,
          topic,
          partition: 0,
          fromOffset: commit === 0 ? null : commit,
          nextOffset: commit + 1,
          statePath
        }
      ]
    })
  }
})

const spanUs = 3 * dayUs
const originUs = Date.UTC(2026, 10, 23) * 1_000
const stepUs = spanUs / plannedFiles

const entryOf = (
  index: number,
  ids: Readonly<Record<'timestamp' | 'symbol', number>>
): DataFile => {
  const fromUs = originUs + index * stepUs
  const bounds = { sizeBytes: 1_000, valueCount: 1_000, nullCount: 0 }
  return {
    location: `file:///nowhere/${index}.parquet`,
    recordCount: 1_000,
    fileSizeBytes: 20_000,
    partition: { exchange: 'BINANCE', timestamp_day: Math.floor(fromUs / dayUs) },
    columns: [
      {
        ...bounds,
        fieldId: ids.timestamp,
        min: BigInt(fromUs),
        max: BigInt(fromUs + stepUs - 1)
      },
      { ...bounds, fieldId: ids.symbol, min: 'ADAUSDT', max: 'XRPUSDT' }
    ],
    sorted: true
  }
}

/** (2) */
const measurePlans = Effect.fnUntraced(function* (root: string, measures: Measures) {
  const planner = makeScanPlanner(yield* tableOf(root))
  const startedMs = performance.now()
  const { files: all } = yield* planner.plan({})
  measures.add(`plan over ${plannedFiles} files, cold`, 'ms', performance.now() - startedMs)
  if (all.length !== plannedFiles) measures.failures.push(`${all.length} files were planned`)
  const tookMs: number[] = []
  for (let plan = 1; plan <= plans; plan += 1) {
    const fromUs = originUs + Math.floor((spanUs * plan) / (2 * plans))
    const began = performance.now()
    const { files: some } = yield* planner.plan({ symbols: ['BTCUSDT'], fromUs })
    tookMs.push(performance.now() - began)
    if (some.length < plannedFiles / 2 || some.length >= plannedFiles)
      measures.failures.push(`${some.length} files were planned`)
  }
  measures.add(`plan over ${plannedFiles} files, warm, p50`, 'ms', percentile(tookMs, 0.5), planBar)
  measures.add(`plan over ${plannedFiles} files, warm, p99`, 'ms', percentile(tookMs, 0.99))
})
