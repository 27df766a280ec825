/**
 * Program of the actor `log/event-log`. Without Kafka it opens the embedded log behind the tables'
 * offsets and serves it. A log that ends below them is reported and its partitions
 * are left alone by the lander (R8, R11).
 *
 * Until a catalog that is away says what has landed, a log that was written to before is not
 * opened, and publishers have the spool; a new one is, since no table can name its offsets (R14).
 *
 * A partition takes nothing more after a write that failed, so this program fails
 * with the first one: its successor opens the log anew. A disk that refuses is a
 * dependency, which passes (R14).
 */
import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import { readRecordedState } from '../../adapters/iceberg/table.ts'
import {
  type ConsumedOffset,
  type EmbeddedLog,
  type EmbeddedLogEvent,
  openEmbeddedLog
} from '../../adapters/log/embedded-log.ts'
import { type LogUnavailable, unavailable } from '../../adapters/log/event-log.ts'
import {
  type LogDescription,
  LogDescriptionUnreadable,
  readDescription
} from '../../adapters/log/log-directory.ts'
import type { RecordedState } from '../../adapters/iceberg/k2-summary.ts'
import type { Telemetry } from '../../adapters/telemetry/telemetry.ts'
import { markDependency, servedTable } from '../dependency.ts'
import type { EffectActorArgs } from '../effect-actor.ts'
import type { Pipeline } from '../pipeline.ts'
import { tracked } from '../resource-registry.ts'
import { drainRequested, type Shared } from '../shared.ts'
import { kafkaLogProgram } from './kafka-log-actor.ts'
import { keepSchemas } from './keep-schemas.ts'
import { noteDrained } from './log-drain.ts'
import { embeddedLagOf, lagSampleMs, lagSampling, logLag, overdueMsOf } from './log-lag.ts'

const expireMs = 5_000
const segmentBytesMax = 64 * 1_024 ** 2
/** Segments that the disk limit leaves room for in each partition: the newest is never deleted. */
const segmentsMin = 4

export const logProgram =
  (shared: Shared) =>
  (
    args: EffectActorArgs<unknown, { readonly type: string }, never>
  ): Effect.Effect<void, LogProgramFailure, LogProgramServices> =>
    shared.config.kafkaBootstrapServers === undefined
      ? embeddedLogProgram(shared)(args)
      : kafkaLogProgram(shared)(args)

type Embedded = ReturnType<ReturnType<typeof embeddedLogProgram>>
type OnKafka = ReturnType<ReturnType<typeof kafkaLogProgram>>
type LogProgramFailure = Effect.Error<Embedded> | Effect.Error<OnKafka>
type LogProgramServices = Effect.Services<Embedded>

const embeddedLogProgram =
  (shared: Shared) =>
  ({ commands, ready, reportStatus }: EffectActorArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const { telemetry } = shared
      const failed = Deferred.makeUnsafe<never, LogUnavailable>()
      yield* keepSchemas(shared)
      const known = yield* knownLog(shared)
      // Before the tables are asked: what the log cannot take now goes to the spool.
      const described = known.description?.topics ?? []
      yield* shared.logTopics.serve(new Map([...described, ...known.topics]))
      const log = yield* tracked('event log', 'file')(openLog(shared, known, failed))
      for (const fault of log.faults)
        telemetry.log('error', 'log.truncated', { detail: fault.message })
      const times = { overdueMs: overdueMsOf(shared), monotonicMs: shared.host.monotonicMs }
      const lag = logLag(shared, log, embeddedLagOf(log, times))
      reportStatus(() => {
        const { diskBytes, pendingBytes } = log.usage()
        return { queueBytes: pendingBytes, counters: { diskBytes, ...lag.counters() } }
      })
      yield* shared.log.serve(log)
      // It deletes nothing that has not landed (R31).
      yield* shared.lag.serve({ ...lag, retentionOf: () => undefined })
      ready()
      const drained = Effect.map(drainRequested(commands), () => noteDrained(shared, log))
      yield* Effect.raceAllFirst([
        drained,
        Deferred.await(failed),
        expireByTime(shared, log),
        lagSampling(lag, lagSampleMs(shared))
      ])
    }).pipe(markDependency)

interface KnownLog {
  /** Undefined: the log is new. */
  readonly description: LogDescription | undefined
  /** Partition counts of what is captured. */
  readonly topics: ReadonlyMap<string, number>
}

const knownLog = ({ config, folder, captured, host }: Shared) =>
  Effect.tryPromise({
    try: () => readDescription(host.files, folder.log),
    catch: (error) =>
      error instanceof LogDescriptionUnreadable ? error : unavailable(folder.log, error)
  }).pipe(
    Effect.map((description): KnownLog => {
      const countOf = ({ topic, partitions }: Pipeline) =>
        description?.topics.get(topic) ?? partitions ?? config.logPartitions
      const topics = new Map(captured.map((pipeline) => [pipeline.topic, countOf(pipeline)]))
      return { description, topics }
    })
  )

/** Never below what the tables have, which are read before (R11). */
const openLog = (
  shared: Shared,
  { description, topics }: KnownLog,
  failed: Deferred.Deferred<never, LogUnavailable>
) =>
  Effect.gen(function* () {
    const { config, folder, telemetry, pipelines, host } = shared
    const recorded =
      description === undefined
        ? []
        : yield* Effect.forEach(pipelines, recordedOf, { concurrency: 'unbounded' })
    const partitions = [...topics.values()].reduce((sum, count) => sum + count, 0)
    return yield* openEmbeddedLog({
      directory: folder.log,
      files: host.files,
      clock: host.clock,
      process: yield* Effect.promise(host.process),
      topics: Object.fromEntries(topics),
      neverBelow: recorded.flatMap((state) => consumedOffsets(state, description)),
      limits: limitsOf(config, partitions),
      observe: (event) => {
        observeLog(telemetry, event)
        if (event.type === 'append.failed') Deferred.doneUnsafe(failed, Effect.fail(event.cause))
      }
    })
  })

const recordedOf = (pipeline: Pipeline) =>
  Effect.flatMap(servedTable(pipeline), readRecordedState).pipe(
    // Nothing is known to have landed: the lander stops by name, the log only takes records.
    Effect.catchTag(['OffsetsMissing', 'SummaryAltered'], () => Effect.succeed(null))
  )

const limitsOf = (
  { logFlushMs: flushDelayMs, logDiskBytesMax: diskBytesMax }: Shared['config'],
  partitions: number
) => {
  const share = Math.floor(diskBytesMax / (segmentsMin * partitions))
  return { flushDelayMs, diskBytesMax, segmentBytes: Math.min(segmentBytesMax, share) }
}

/**
 * Time passes also when nothing lands: with the disk's limit reached there is no commit that would
 * let the log look for segments that are old enough to go, and no room until it does (R53).
 */
const expireByTime = ({ captured }: Shared, log: EmbeddedLog): Effect.Effect<never> =>
  Effect.sync(() => {
    for (const { landing, topic } of captured) {
      for (const { partition, offset } of landing.current?.positions ?? []) {
        log.setConsumed(topic, partition, offset)
      }
    }
  }).pipe(Effect.andThen(Effect.sleep(expireMs)), Effect.forever)

/** Offsets of this log that the table has, of all topics. */
const consumedOffsets = (
  recorded: RecordedState | null,
  description: LogDescription | undefined
): readonly ConsumedOffset[] => {
  const topics = description === undefined ? {} : (recorded?.offsets[description.identity] ?? {})
  return Object.entries(topics).flatMap(([topic, partitions]) =>
    Object.entries(partitions).map(([partition, offset]) => ({
      topic,
      partition: Number(partition),
      offset
    }))
  )
}

export const observeLog = ({ metrics, log }: Telemetry, event: EmbeddedLogEvent): void => {
  switch (event.type) {
    case 'group.committed':
      metrics.logSyncSeconds.observe(event.durationMs / 1_000)
      return
    case 'tail.truncated':
      metrics.logTruncated.inc(event.bytes)
      log('warn', 'log.tail_truncated', { ...event })
      return
    case 'append.refused':
      log('warn', 'log.append_refused', { ...event })
      return
    case 'append.failed':
    case 'retention.failed':
      log('error', `log.${event.type}`, { ...event })
      return
    case 'lock.recovered':
    case 'segment.removed':
    case 'segment.started':
      log('debug', `log.${event.type}`, { ...event })
      return
    default:
      event satisfies never
  }
}
