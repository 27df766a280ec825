/**
 * Program of an actor such as `repair/compaction:trades`: keeps a table in the layout that queries
 * need (R22), every `K2_COMPACTION_INTERVAL`.
 *
 * 1. Whether there is anything to do is planned here, on what the queries have decoded anyway; only
 *    then a thread is started, and it ends with the run: nothing is held in between.
 * 2. One data type at a time, so that `K2_COMPACTION_MEMORY_LIMIT` is the limit of all.
 * 3. While the disk's limit is used up nothing is rewritten: old files are deleted only later.
 * 4. Landing does not depend on it: it has a thread, a DuckDB and a table of its own.
 * 5. Under pressure it gives way (`pace.ts`).
 */
import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import { planCompaction } from '../../adapters/iceberg/compaction-plan.ts'
import { makeScanPlanner } from '../../adapters/iceberg/planner.ts'
import { openWorkerThread } from '../../adapters/thread/worker-thread.ts'
import { markDependency, servedTable } from '../dependency.ts'
import type { ThreadReporter } from '../degradation/memory-board.ts'
import type { ProgramArgs } from '../effect-actor.ts'
import { removeLater } from '../lander/lander-actor.ts'
import type { Pipeline } from '../pipeline.ts'
import { tracked } from '../resource-registry.ts'
import { drainRequested, type Shared } from '../shared.ts'
import { storageSettingsOf } from '../storage/stores.ts'
import type { MemorySampled } from '../worker-memory.ts'
import type { CompactionEvent, CompactionRun } from './compaction.ts'
import {
  type CompactionAnswer,
  CompactionFailed,
  type CompactionRequest,
  type CompactionWorkerData
} from './compaction-protocol.ts'
import { leaveToBegin, restBetween } from './pace.ts'

/** Each is a second or so of one core; the next run goes on where this one ends. */
const groupsMax = 64
const heapBytesMax = 512 * 1_024 ** 2
/** How long the thread may take to release DuckDB once it is asked to end. */
export const compactionStopMsMax = 3_000

const operation = 'compact'

interface Totals {
  runs: number
  groups: number
  abandoned: number
  rows: number
  files: number
  newFiles: number
  memoryBytes: number
}

export const compactionProgram =
  (shared: Shared, pipeline: Pipeline) =>
  (args: ProgramArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const { commands, ready, reportStatus } = args
      const table = yield* servedTable(pipeline)
      const planner = makeScanPlanner(table, { plansMax: 1 })
      const totals: Totals = {
        runs: 0,
        groups: 0,
        abandoned: 0,
        rows: 0,
        files: 0,
        newFiles: 0,
        memoryBytes: 0
      }
      reportStatus(() => ({ counters: { ...totals } }))
      ready()
      const { compactionMs } = shared.config
      const isDue = planner.plan({}).pipe(
        Effect.map(({ files }) => planCompaction(files, shared.nowMs() * 1_000) !== null),
        // The queries report such a table; here nothing is rewritten meanwhile.
        Effect.catchTag('DeletesUnsupported', () => Effect.succeed(false))
      )
      const run = Effect.gen(function* () {
        // A long past is laid out run by run, without a pause.
        while (!isDiskFull(shared) && (yield* isDue)) {
          yield* leaveToBegin(shared.policy) // (5)
          const { isLaidOut } = yield* shared.compacting.withPermits(1)(
            Effect.scoped(runInThread({ shared, pipeline, args, totals }))
          )
          totals.runs += 1
          if (isLaidOut) return
        }
      })
      yield* Effect.raceFirst(
        compactionMs === null
          ? Effect.never
          : Effect.forever(Effect.andThen(restBetween(shared.policy, compactionMs), run)),
        drainRequested(commands)
      )
    }).pipe(markDependency)

/** (3) */
const isDiskFull = ({ disk }: Shared): boolean => {
  const usage = disk.current
  return usage !== undefined && usage.bytes >= usage.bytesMax
}

interface Running {
  readonly shared: Shared
  readonly pipeline: Pipeline
  readonly args: ProgramArgs<unknown, { readonly type: string }, never>
  readonly totals: Totals
}

interface Thread {
  readonly name: string
  readonly memory: ThreadReporter
  readonly finished: Deferred.Deferred<CompactionRun, CompactionFailed>
}

const noMemory = { heapUsedBytes: 0, arrayBufferBytes: 0, duckdbBytes: 0 }

const runInThread = Effect.fnUntraced(function* (running: Running) {
  const { shared, pipeline, args, totals } = running
  const { config, folder } = shared
  const finished = Deferred.makeUnsafe<CompactionRun, CompactionFailed>()
  const name = `compaction:${pipeline.dataType}`
  const memory = yield* shared.memory.reporter(name)
  const thread = yield* tracked('compaction worker', 'worker')(
    openWorkerThread<CompactionWorkerData, CompactionRequest, CompactionAnswer>({
      name,
      entry: new URL('./compaction-worker.ts', import.meta.url),
      data: {
        dataType: pipeline.dataType,
        dataDir: folder.root,
        storage: storageSettingsOf(config),
        copiesBytesMax: config.s3CacheBytesMax,
        snapshotsMax: config.snapshotsMax,
        duckdbBytesMax: config.compactionBytesMax,
        groupsMax
      },
      heapBytesMax,
      stopMsMax: compactionStopMsMax,
      onMessage: args.contain((answer: CompactionAnswer) =>
        handleAnswer(answer, running, { name, memory, finished })
      )
    })
  )
  memory.collectBy(() => thread.post({ type: 'memory.collect_requested' }))
  yield* Effect.addFinalizer(() => Effect.sync(() => setMemory(running, name, noMemory)))
  const run = yield* Effect.raceFirst(Deferred.await(finished), thread.exited)
  totals.groups += run.groups
  return run
})

const handleAnswer = (
  answer: CompactionAnswer,
  running: Running,
  { name, memory, finished }: Thread
): void => {
  const { shared, pipeline } = running
  switch (answer.type) {
    case 'compaction.observed':
      observe(running, answer.event)
      return
    case 'files.removed':
      removeLater(shared, answer.locations)
      return
    case 'memory.sampled':
      memory.report(answer)
      setMemory(running, name, answer)
      return
    case 'compaction.finished':
      Deferred.doneUnsafe(finished, Effect.succeed(answer.run))
      return
    case 'compaction.failed': {
      const { detail, isDependency } = answer
      const { metrics } = shared.telemetry
      const table = pipeline.tableName
      metrics.compactions.inc({ table, outcome: 'failed' })
      metrics.commitFailures.inc({ table, operation, reason: 'failed' })
      const failure = new CompactionFailed({ table, detail, isDependency })
      Deferred.doneUnsafe(finished, Effect.fail(failure))
      return
    }
    default:
      answer satisfies never
  }
}

const setMemory = (
  { shared, totals }: Running,
  thread: string,
  used: Omit<MemorySampled, 'type'>
): void => {
  const { memoryBytes } = shared.telemetry.metrics
  totals.memoryBytes = used.heapUsedBytes + used.arrayBufferBytes + (used.duckdbBytes ?? 0)
  memoryBytes.set({ thread, kind: 'heap' }, used.heapUsedBytes)
  memoryBytes.set({ thread, kind: 'array_buffers' }, used.arrayBufferBytes)
  if (used.duckdbBytes !== null) memoryBytes.set({ thread, kind: 'duckdb' }, used.duckdbBytes)
}

const observe = ({ shared, pipeline, totals }: Running, event: CompactionEvent): void => {
  const { metrics, log } = shared.telemetry
  const { tableName: table } = pipeline
  if (event.type === 'compaction.abandoned') {
    totals.abandoned += 1
    metrics.compactions.inc({ table, outcome: 'abandoned' })
    metrics.commitFailures.inc({ table, operation, reason: 'abandoned' })
    log('info', event.type, { table, rows: event.rows, reason: event.reason })
    return
  }
  const { rows, files, newFiles, bytes, newBytes, tookMs, attempts } = event
  totals.rows += rows
  totals.files += files
  totals.newFiles += newFiles
  metrics.compactions.inc({ table, outcome: 'committed' })
  metrics.compactedRows.inc({ table }, rows)
  metrics.compactedFiles.inc({ table, kind: 'replaced' }, files)
  metrics.compactedFiles.inc({ table, kind: 'written' }, newFiles)
  metrics.transactions.inc({ table, operation })
  metrics.writeSeconds.observe({ table, operation }, tookMs / 1_000)
  metrics.rowsWritten.inc({ table, operation }, rows)
  log('info', event.type, {
    table,
    rows,
    files,
    new_files: newFiles,
    bytes,
    new_bytes: newBytes,
    took_ms: tookMs,
    attempts
  })
}
