/**
 * Entry of the thread of one run of compaction: opens what it needs, runs, reports, ends. Asked to
 * stop, it interrupts what runs and releases DuckDB before the thread ends.
 */
import { randomUUID } from 'node:crypto'
import * as Cause from 'effect/Cause'
import * as Effect from 'effect/Effect'
import * as Exit from 'effect/Exit'
import * as Fiber from 'effect/Fiber'
import { workerLink } from '../../adapters/thread/worker-thread.ts'
import type { DataType } from '../../market/data-type.ts'
import { gapsTable, quotesSpec, referenceDataSpec, tradesSpec } from '../data-types.ts'
import { isPassing } from '../dependency.ts'
import { dataFolderAt } from '../storage/data-folder.ts'
import { openWorkerMemory, type WorkerMemory } from '../worker-memory.ts'
import type { CompactionRun } from './compaction.ts'
import type {
  CompactionAnswer,
  CompactionRequest,
  CompactionWorkerData
} from './compaction-protocol.ts'
import { compactTable } from './open-compaction.ts'

const specs = {
  trades: tradesSpec,
  quotes: quotesSpec,
  reference_data: referenceDataSpec,
  gaps: gapsTable
} satisfies Record<DataType, unknown>

const link = workerLink<CompactionWorkerData, CompactionRequest, CompactionAnswer>()

let memory: WorkerMemory | undefined

const program = Effect.gen(function* () {
  const { dataType, dataDir, ...settings } = link.data
  memory = yield* openWorkerMemory(link.post)
  yield* Effect.forkScoped(memory.sampling)
  return yield* compactTable(specs[dataType], {
    folder: dataFolderAt(dataDir),
    ...settings,
    nowMs: Date.now,
    uuid: randomUUID,
    observe: (event) => link.post({ type: 'compaction.observed', event }),
    onRemoved: (locations) => {
      if (locations.length > 0) link.post({ type: 'files.removed', locations })
    }
  })
}).pipe(Effect.scoped)

const answerOf = (
  exit: Exit.Exit<CompactionRun, { readonly message: string }>
): CompactionAnswer => {
  if (Exit.isSuccess(exit)) return { type: 'compaction.finished', run: exit.value }
  const error = Cause.squash(exit.cause)
  return {
    type: 'compaction.failed',
    detail: error instanceof Error ? error.message : Cause.pretty(exit.cause),
    isDependency: isPassing(error)
  }
}

const running = Effect.runFork(program)
link.listen(
  () => memory?.collect(),
  () => Effect.runFork(Fiber.interrupt(running))
)
running.addObserver((exit) => {
  link.post(answerOf(exit))
  link.close()
})
