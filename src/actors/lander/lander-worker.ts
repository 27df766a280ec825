/**
 * Entry of the lander's worker thread: opens its own readers and writers, lands, reports.
 *
 * 1. It ends by itself only after `lander.finished` or `lander.failed`; its actor decides
 *    what follows.
 * 2. Asked to stop, it interrupts what runs and releases DuckDB before the thread ends.
 * 3. It reports and listens from the beginning: a catalog or a log that takes its time to be opened
 *    is no silence, and what is asked for meanwhile is done once they are.
 */
import { randomUUID } from 'node:crypto'
import * as Cause from 'effect/Cause'
import * as Effect from 'effect/Effect'
import * as Exit from 'effect/Exit'
import * as Fiber from 'effect/Fiber'
import { workerLink } from '../../adapters/thread/worker-thread.ts'
import type { LandedDataType } from '../../market/data-type.ts'
import { quotesSpec, referenceDataSpec, tradesSpec } from '../data-types.ts'
import { isPassing } from '../dependency.ts'
import { dataFolderAt } from '../storage/data-folder.ts'
import { type CollectRequested, openWorkerMemory } from '../worker-memory.ts'
import { openLanderLog } from './lander-log.ts'
import { LandingFailed } from './lander-ports.ts'
import type { LanderAnswer, LanderRequest, LanderWorkerData } from './lander-protocol.ts'
import { type LanderSetup, openLander } from './open-lander.ts'

const openers = {
  trades: (setup: LanderSetup) => openLander(tradesSpec, setup),
  quotes: (setup: LanderSetup) => openLander(quotesSpec, setup),
  reference_data: (setup: LanderSetup) => openLander(referenceDataSpec, setup)
} satisfies Record<LandedDataType, unknown>

type LanderWork = Exclude<LanderRequest, CollectRequested>

const link = workerLink<LanderWorkerData, LanderRequest, LanderAnswer>()

const program = Effect.gen(function* () {
  // (3)
  const memory = yield* openWorkerMemory(link.post)
  yield* Effect.forkScoped(memory.sampling)
  const early: LanderWork[] = []
  let obey = (request: LanderWork): void => void early.push(request)
  link.listen(
    (request) => (request.type === 'memory.collect_requested' ? memory.collect() : obey(request)),
    () => Effect.runFork(Fiber.interrupt(running))
  )
  const { dataType, dataDir, watermarks, kafka, lander: options, ...settings } = link.data
  const folder = dataFolderAt(dataDir)
  const log = yield* openLanderLog({
    topic: options.topic,
    folder,
    kafka,
    watermarks,
    observe: (event) => link.post({ type: 'log.observed', event })
  })
  const makeLander = yield* openers[dataType]({
    folder,
    log: log.reader,
    lander: options,
    ...settings,
    nowMs: Date.now,
    uuid: randomUUID,
    observe: (event) => link.post({ type: 'lander.observed', event }),
    onRemoved: (locations) => {
      if (locations.length > 0) link.post({ type: 'files.removed', locations })
    }
  })
  const lander = makeLander()
  obey = (request) => {
    switch (request.type) {
      case 'log.advanced':
        return log.advance(request.watermark)
      case 'drain.requested':
        return void Effect.runFork(lander.finish)
      default:
        request satisfies never
    }
  }
  early.splice(0).forEach(obey)
  yield* lander.run
}).pipe(Effect.scoped)

const answerOf = (exit: Exit.Exit<void, { readonly message: string }>): LanderAnswer => {
  if (Exit.isSuccess(exit)) return { type: 'lander.finished' }
  const error = Cause.squash(exit.cause)
  return {
    type: 'lander.failed',
    detail: error instanceof Error ? error.message : Cause.pretty(exit.cause),
    isDependency: error instanceof LandingFailed ? error.isDependency : isPassing(error)
  }
}

const running = Effect.runFork(program)
running.addObserver((exit) => {
  link.post(answerOf(exit))
  link.close()
})
