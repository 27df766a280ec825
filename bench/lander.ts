/**
 * The lander alone: its real worker thread, in a process that does nothing else, lands a backlog
 * that stands in a real embedded log on disk. Timed is from the moment at which it has read the
 * table to its last commit; the table is read back and compared with what the log was given.
 */
import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import type { LanderKafka } from '../src/actors/lander/lander-log.ts'
import type { LanderWorkerData } from '../src/actors/lander/lander-protocol.ts'
import { dataFolderAt } from '../src/actors/storage/data-folder.ts'
import { nodeFlags } from '../scripts/node-flags.mjs'
import type { Watermark } from '../src/adapters/log/event-log.ts'
import { atLeast, atMost } from './bars.ts'
import { type BenchContext, profileFlags } from './context.ts'
import { requireRoom } from './environment.ts'
import { appendTrades, openLog, TradeCounts } from './event-log.ts'
import { defaults, landerOptions, topic } from './landing.ts'
import { openMarket } from './market.ts'
import { Measures, type Outcome } from './report.ts'
import { contentFaults, type SentBySymbol } from './run-check.ts'
import { deadLetterLines, readTable } from './table-check.ts'
import { projectRoot } from './workspace.ts'

/** Records are made and appended in so many chunks, for the sake of memory. */
const chunks = 24
const chunkRows = 131_072
const rowsTotal = chunks * chunkRows
const landMsMax = 240_000
const endMsMax = 15_000
const roomBytes = 4 * 1_024 ** 3

const rateBar = atLeast(1_500_000, 500_000)
const peakBar = atMost(800)

export const measureLander = async (context: BenchContext): Promise<Outcome> => {
  const { workspace, runs, settle, progress } = context
  await requireRoom(workspace.root, roomBytes)
  const measures = new Measures()
  const source = await workspace.folder('backlog')
  const backlog = await Effect.runPromise(Effect.scoped(fillLog(dataFolderAt(source).log)))
  progress(`lander: ${rowsTotal.toLocaleString('en-US')} records stand in the log`)
  for (let run = 1; run <= runs; run += 1) {
    await settle()
    const folder = await workspace.folder('lander')
    await symlink(dataFolderAt(source).log, dataFolderAt(folder).log)
    const report = await landOnce(context, { folder, topic, watermarks: backlog.watermarks })
    const faults = await landingFaults(report, folder, backlog.appended)
    await workspace.discard(folder)
    measures.failures.push(...faults.map((fault) => `run ${run}: ${fault}`))
    if (faults.length > 0) break
    const seconds = (report.landedMs - report.startedMs) / 1_000
    measures.add('backlog landed', 'rows/s', report.rows / seconds, rateBar)
    measures.add('rows', 'rows', report.rows)
    measures.add('commits', 'commits', report.commits)
    measures.add('start of the thread', 's', (report.startedMs - report.openedMs) / 1_000)
    measures.add('CPU per row', 'µs', (report.cpuSeconds * 1e6) / report.rows)
    measures.add('RSS peak', 'MiB', report.peakBytes / 1_024 ** 2, peakBar)
    const rate = Math.round(measures.last('backlog landed'))
    progress(`lander run ${run}: ${rate.toLocaleString('en-US')} rows/s`)
  }
  await workspace.discard(source)
  return measures.outcome
}

interface Backlog {
  readonly watermarks: readonly Watermark[]
  readonly appended: SentBySymbol
}

const fillLog = Effect.fnUntraced(function* (directory: string) {
  const log = yield* openLog(directory, topic)
  const market = openMarket()
  const counts = new TradeCounts()
  for (let chunk = 0; chunk < chunks; chunk += 1) {
    const trades = market.trades(chunkRows)
    counts.add(trades)
    yield* appendTrades(log, topic, trades)
  }
  return { watermarks: log.watermarks(), appended: counts.bySymbol } satisfies Backlog
})

/** What `lander-host.mjs` answers. Times are of its own clock, ms. */
export interface LanderReport {
  readonly openedMs: number
  readonly startedMs: number
  readonly landedMs: number
  readonly commits: number
  readonly rows: number
  readonly cpuSeconds: number
  readonly peakBytes: number
  readonly faults: readonly string[]
}

export interface LandingTask {
  /** Data folder: of the table, and of the log where it is embedded. */
  readonly folder: string
  readonly topic: string
  readonly watermarks: readonly Watermark[]
  readonly kafka?: LanderKafka
}

/** Lands what a log holds, in a process of its own. */
export const landOnce = async (
  context: Pick<BenchContext, 'workspace' | 'profile'>,
  { folder, topic, watermarks, kafka }: LandingTask
): Promise<LanderReport> => {
  const host = context.workspace.start({
    name: 'lander',
    args: [
      ...nodeFlags,
      ...profileFlags(context),
      join(projectRoot, 'bench', 'lander-host.mjs')
    ],
    env: { UV_THREADPOOL_SIZE: '16' } // as `scripts/run.mjs` sets it
  })
  const data: LanderWorkerData = {
    dataType: 'trades',
    dataDir: folder,
    kafka,
    watermarks,
    lander: landerOptions(topic),
    storage: {},
    keepsCopies: true,
    snapshotsMax: defaults.snapshotsMax,
    duckdbBytesMax: defaults.duckdbBytesMax
  }
  try {
    return await host.ask<LanderReport>(data, landMsMax)
  } finally {
    await host.end(endMsMax)
  }
}

/** What is wrong with a landing of all that was appended. */
export const landingFaults = async (
  report: LanderReport,
  folder: string,
  appended: SentBySymbol
): Promise<readonly string[]> => {
  if (report.faults.length > 0) return report.faults
  const deadLetters = await deadLetterLines(folder)
  const rows = Object.values(appended).reduce((sum, { count }) => sum + count, 0)
  return [
    ...(report.rows === rows ? [] : [`${report.rows} of ${rows} rows landed`]),
    ...(deadLetters === 0 ? [] : [`${deadLetters} dead letters`]),
    ...contentFaults(await readTable(folder), appended)
  ]
}
