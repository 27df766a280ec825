/**
 * Program of an actor such as `landing/lander:trades`: owns the worker thread that lands one data
 * type.
 *
 * 1. The thread lives as long as this program; what it reports moves the log's retention, the
 *    progress that others read, and the files that may be deleted.
 * 2. A thread that is silent for `silentMsMax` is taken for
 *    dead: it samples its memory every second.
 * 3. Drained, it has landed and committed all that was durable in the log.
 */
import { join } from 'node:path'
import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import { topicPartitionName } from '../../adapters/log/log-directory.ts'
import type { EventLog, Watermark } from '../../adapters/log/event-log.ts'
import { openWorkerThread } from '../../adapters/thread/worker-thread.ts'
import type { DataType } from '../../market/data-type.ts'
import { defaultSequenceLimits } from '../../market/sequence.ts'
import { served, servedTable } from '../dependency.ts'
import type { ThreadReporter } from '../degradation/memory-board.ts'
import type { ProgramArgs } from '../effect-actor.ts'
import { claimRejected } from '../gaps/rejected-claims.ts'
import { connectionOf, groupIdOf, registryOf } from '../log/kafka-settings.ts'
import type { LandedPipeline } from '../pipeline.ts'
import { tracked } from '../resource-registry.ts'
import { drainRequested, type Shared } from '../shared.ts'
import { storageSettingsOf } from '../storage/stores.ts'
import type { MemorySampled } from '../worker-memory.ts'
import { LandingFailed } from './lander-ports.ts'
import type { LanderKafka } from './lander-log.ts'
import type { LanderAnswer, LanderRequest, LanderWorkerData } from './lander-protocol.ts'
import { LandingProgress } from './landing-progress.ts'
import { makeSilence } from './silence.ts'
import { observeConsumed, observeLanderLog, observeLanding } from './lander-telemetry.ts'

const silentMsMax = 30_000
/** How long the landers behind the first one wait for the API to be up. */
const patienceMsMax = 5_000
/** Names of files that wait for the expiry; what is beyond stays as orphans. */
const unexpiredMax = 10_000
const heapBytesMax = 1_024 ** 3
/** Of the landers behind the first: a second worker is to cost little memory. */
const youngHeapBytesMax = 8 * 1_024 ** 2
/** How long the thread may take to release DuckDB once it is asked to end. */
export const landerStopMsMax = 3_000

export const landerProgram =
  (shared: Shared, pipeline: LandedPipeline) =>
  (args: ProgramArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const { commands, contain, ready, reportStatus } = args
      const isFirst = pipeline === shared.captured[0]
      if (!isFirst && (yield* drainsBeforeItsTurn(shared, commands))) return
      // A thread would find its table away as well, after it has loaded all it needs.
      yield* servedTable(pipeline)
      const log = yield* served(shared.log, 'the event log')
      const progress = new LandingProgress()
      const finished = Deferred.makeUnsafe<void, LandingFailed>()
      const silence = makeSilence(silentMsMax)
      let memoryBytes = 0
      const name = `lander:${pipeline.dataType}`
      const memory = yield* shared.memory.reporter(name)
      const thread = yield* tracked('lander worker', 'worker')(
        openWorkerThread<LanderWorkerData, LanderRequest, LanderAnswer>({
          name,
          entry: new URL('./lander-worker.ts', import.meta.url),
          data: workerData(shared, pipeline, log),
          heapBytesMax,
          youngHeapBytesMax: isFirst ? undefined : youngHeapBytesMax,
          stopMsMax: landerStopMsMax,
          onMessage: contain((answer: LanderAnswer) => {
            silence.broken()
            if (answer.type === 'memory.sampled') memoryBytes = bytesOf(answer)
            if (answer.type === 'lander.observed' && answer.event.type === 'lander.started') ready()
            handleAnswer(answer, { shared, pipeline, name, memory, progress, finished })
          })
        })
      )
      memory.collectBy(() => thread.post({ type: 'memory.collect_requested' }))
      reportStatus(() => ({ counters: { memoryBytes, ...progress.totals } }))
      yield* pipeline.landing.serve(progress)
      const advance = (watermark: Watermark) => thread.post({ type: 'log.advanced', watermark })
      yield* shared.log.follow((served) => {
        for (const watermark of served.watermarks()) advance(watermark)
        return served.changed(advance)
      })
      yield* Effect.forkScoped(
        Effect.andThen(
          drainRequested(commands),
          Effect.sync(() => thread.post({ type: 'drain.requested' }))
        )
      )
      yield* Effect.raceAllFirst([Deferred.await(finished), thread.exited, silence.watching])
      shared.drained.landedOffsets.set(
        pipeline.topic,
        new Map(progress.positions.map(({ partition, offset }) => [partition, offset]))
      )
    })

/**
 * Two workers that load at once, beside the API, would keep the first trade waiting: who is not the
 * first waits for the API. Whether a drain came before.
 */
const drainsBeforeItsTurn = (
  { http }: Shared,
  commands: Parameters<typeof drainRequested>[0]
): Effect.Effect<boolean> =>
  Effect.raceAllFirst([
    Effect.as(http.get, false),
    Effect.as(Effect.sleep(patienceMsMax), false),
    Effect.as(drainRequested(commands), true)
  ])

/** Of a lander that sees a few records an hour: it must not halve what the others have. */
const rareDuckdbBytes = 64 * 1_024 ** 2

const workerData = (
  shared: Shared,
  { dataType, topic, isCompacted }: LandedPipeline,
  log: EventLog
): LanderWorkerData => ({
  dataType,
  dataDir: shared.folder.root,
  kafka: landerKafka(shared, dataType, isCompacted),
  storage: storageSettingsOf(shared.config),
  keepsCopies: shared.config.roles.includes('serve'),
  watermarks: log.watermarks(),
  lander: {
    topic,
    commitRowsMax: shared.config.commitRowsMax,
    commitBytesMax: shared.config.commitBytesMax,
    commitAgeMs: shared.config.commitAgeMs,
    limits: { ...defaultSequenceLimits, jumpMax: shared.config.sequenceJumpMax },
    logFaults: faultsOf(topic, log),
    traceRecords: shared.traces && shared.config.traceRecords,
    ...lossOf(shared, dataType)
  },
  snapshotsMax: shared.config.snapshotsMax,
  duckdbBytesMax: isCompacted
    ? rareDuckdbBytes
    : duckdbShare(shared)
})

/** Of tests only. */
const lossOf = ({ faults: { landerLoses } }: Shared, dataType: DataType) =>
  landerLoses?.dataType === dataType ? { losesBatch: landerLoses.batch } : {}

const duckdbShare = ({ config, landed }: Shared): number =>
  Math.floor(config.duckdbBytesMax / landed.filter(({ isCompacted }) => !isCompacted).length)

export const landerKafka = (
  { config, folder }: Shared,
  dataType: DataType,
  isCompacted: boolean
): LanderKafka | undefined => {
  if (config.kafkaBootstrapServers === undefined) return undefined
  const registry = registryOf(config)
  return {
    connection: connectionOf(config),
    groupId: groupIdOf(config, dataType),
    isCompacted,
    registry: registry && {
      ...registry,
      // A file of one's own: the process that publishes keeps one as well.
      cacheFile: join(folder.root, `schemas-${dataType}.json`)
    }
  }
}

/** By partition of the topic; the log may hold other topics, landed by other runs. */
export const faultsOf = (
  topic: string,
  { faults, topics }: Pick<EventLog, 'faults' | 'topics'>
): ReadonlyMap<number, string> => {
  const messages = new Map(faults.map(({ topicPartition, message }) => [topicPartition, message]))
  const found = new Map<number, string>()
  for (let partition = 0; partition < (topics.get(topic) ?? 0); partition++) {
    const message = messages.get(topicPartitionName(topic, partition))
    if (message !== undefined) found.set(partition, message)
  }
  return found
}

export interface AnswerContext {
  readonly shared: Shared
  readonly pipeline: LandedPipeline
  /** Of the thread. */
  readonly name: string
  readonly memory: ThreadReporter
  readonly progress: LandingProgress
  readonly finished: Deferred.Deferred<void, LandingFailed>
}

export const handleAnswer = (
  answer: LanderAnswer,
  { shared, pipeline, name, memory, progress, finished }: AnswerContext
): void => {
  switch (answer.type) {
    case 'lander.observed': {
      const { event } = answer
      const before = progress.positions
      progress.observe(event, shared.nowMs())
      observeConsumed(shared, pipeline, { before, event })
      observeLanding(shared, pipeline, event)
      if (event.type === 'ids.rejected' && pipeline.dataType !== 'reference_data') {
        claimRejected(shared, pipeline.dataType, event.rejected)
      }
      if (event.type !== 'commit.landed') return
      for (const { partition, offset } of event.positions) {
        shared.log.current?.setConsumed(pipeline.topic, partition, offset)
      }
      return
    }
    case 'log.observed':
      observeLanderLog(shared, pipeline, answer.event)
      return
    case 'files.removed':
      removeLater(shared, answer.locations)
      return
    case 'memory.sampled': {
      const { memoryBytes } = shared.telemetry.metrics
      memory.report(answer)
      memoryBytes.set({ thread: name, kind: 'heap' }, answer.heapUsedBytes)
      memoryBytes.set({ thread: name, kind: 'array_buffers' }, answer.arrayBufferBytes)
      if (answer.duckdbBytes !== null)
        memoryBytes.set({ thread: name, kind: 'duckdb' }, answer.duckdbBytes)
      return
    }
    case 'lander.finished':
      Deferred.doneUnsafe(finished, Effect.void)
      return
    case 'lander.failed': {
      const { detail, isDependency } = answer
      Deferred.doneUnsafe(
        finished,
        Effect.fail(new LandingFailed({ step: 'worker', detail, isDependency }))
      )
      return
    }
    default:
      answer satisfies never
  }
}

const bytesOf = ({ heapUsedBytes, arrayBufferBytes, duckdbBytes }: MemorySampled): number =>
  heapUsedBytes + arrayBufferBytes + (duckdbBytes ?? 0)

/** While the expiry is away they wait for it: a file whose name is dropped is never deleted. */
export const removeLater = ({ expired, unexpired }: Shared, locations: readonly string[]): void => {
  if (expired.current !== undefined) expired.current.add(locations)
  else unexpired.push(...locations.slice(0, unexpiredMax - unexpired.length))
}
