/**
 * The actor `log/publisher:trades` and its like: a publisher of one data type on the event log that
 * is served, behind a circuit breaker, with the spool at its side.
 *
 * What it was given and the log has not acknowledged outlives the log's actor and, in the spool,
 * the process: a batch whose append failed leaves again, unchanged, before anything newer of its
 * lane. Whether the failed append is in the log is unknown; if it is, the lander finds the repeats
 * (R4, R14).
 */
import * as Effect from 'effect/Effect'
import * as Queue from 'effect/Queue'
import type { AvroRecord } from '../../adapters/duckdb/columns.ts'
import type { BinanceSocket } from '../../adapters/exchange/binance-socket.ts'
import {
  type CircuitChange,
  circuitBreakerMachine,
  type CircuitCommand,
  type CircuitInput,
  type CircuitNotice
} from '../../machines/circuit-breaker-machine.ts'
import { backoffDefault, seedFor } from '../../machines/restart-policy.ts'
import { defaultCryptoTiers } from '../../market/tier.ts'
import type { EffectActorArgs, FromEffect } from '../effect-actor.ts'
import type { Kernel } from '../kernel.ts'
import type { Pipeline, PipelineOf } from '../pipeline.ts'
import type { Shared } from '../shared.ts'
import type { LargeRecord } from './batch-sender.ts'
import { Circuit } from './circuit.ts'
import { drainLagOf } from './drain-lag.ts'
import { DrainPace } from './drain-pace.ts'
import type { LaneTimes } from './lane-context.ts'
import {
  type PublisherEvent,
  RecordPublisher,
  type RecordPublisherOptions
} from './record-publisher.ts'

const batchBytesMax = 1_024 * 1_024
/** The log keeps deadlines of its own; this one is for a log that does not. */
const appendMsSlack = 2_000
const laneTimes: Omit<LaneTimes, 'appendMsMax'> = {
  lingerMs: 5,
  grownLingerMs: 100,
  refusedPauseMs: 1_000,
  handoverMsMax: 250,
  finishMsMax: 1_000
}
const failuresMax = 3
/** A spool that does not answer must not keep the process. */
const rescueMsMax = 2_000

export const publisherInput = (
  { config }: Shared,
  { seed }: Kernel,
  topic: string
): CircuitInput => {
  const appendMsMax = config.kafkaSendMs + appendMsSlack
  return {
    failuresMax,
    backoff: backoffDefault,
    probeMsMax: appendMsMax + appendMsSlack,
    jitterSeed: seedFor(seed, topic)
  }
}

export const makePublisherActor = <In>(
  fromEffect: FromEffect<BinanceSocket>,
  shared: Shared,
  pipeline: PipelineOf<In>
) => {
  showCircuit(shared, pipeline, 'closed')
  return circuitBreakerMachine.provide({
    actors: { program: fromEffect(publisherProgram(shared, pipeline)) },
    actions: { report: (_, change) => reportCircuit(shared, pipeline, change) }
  })
}

const publisherProgram =
  <In>(shared: Shared, pipeline: PipelineOf<In>) =>
  (args: EffectActorArgs<void, CircuitCommand, CircuitNotice>) =>
    Effect.gen(function* () {
      const { commands, reportStatus, notifyParent } = args
      const circuit = new Circuit((notice) => {
        noteFailure(shared, pipeline, notice)
        notifyParent(notice)
      })
      pipeline.circuit.openedMs = null
      const pace: DrainPace = new DrainPace({
        isSpilling: isSpilling(shared),
        hasSpooled: () => publisher.counts.spooled > 0,
        lag: drainLagOf(shared, pipeline)
      })
      const publisher = yield* makePublisher(shared, pipeline, { circuit, pace })
      reportStatus(() => ({
        queueBytes: publisher.pendingBytes,
        queueBytesMax: shared.config.publishBytesMax,
        counters: {
          ...publisher.counts,
          ...(pace.perSecond === null ? {} : { drainPerSecond: Math.round(pace.perSecond) })
        }
      }))
      yield* Effect.forkScoped(pace.run)
      yield* Effect.addFinalizer(() => rescued(shared, pipeline.topic, publisher))
      yield* shared.spool.follow((spool) => {
        publisher.useSpool(spool)
        return () => {}
      })
      yield* pipeline.publisher.serve(publisher)
      yield* Effect.forkScoped(
        Effect.forever(
          Effect.flatMap(Queue.take(commands), (command) =>
            command.type === 'drain.requested'
              ? publisher.finish
              : Effect.sync(() => circuit.heard(command))
          )
        )
      )
      yield* publisher.run
    })

const makePublisher = <In>(
  shared: Shared,
  { topic, spec, dataType, ledger }: PipelineOf<In>,
  { circuit, pace }: { readonly circuit: Circuit; readonly pace: DrainPace }
): Effect.Effect<RecordPublisher<In>> =>
  Effect.gen(function* () {
    const { config } = shared
    const topics = yield* shared.logTopics.get
    return new RecordPublisher<In>({
      log: () => shared.log.current,
      topic,
      partitionCount: topics.get(topic)!,
      spool: yield* shared.spool.get,
      circuit,
      packer: spec.makePacker(),
      tiers: defaultCryptoTiers,
      ...(spec.tierDefault === undefined ? {} : { tierDefault: spec.tierDefault }),
      bytesMax: config.publishBytesMax,
      batchBytesMax,
      isGrown: () => shared.policy.current?.areBatchesGrown === true,
      isSpilling: isSpilling(shared),
      pace,
      times: { ...laneTimes, appendMsMax: config.kafkaSendMs + appendMsSlack },
      isSheddable: spec.isSheddable,
      deadLetter: (record) => deadLetter(shared, dataType, record),
      refusal: () =>
        diskRefusal(shared) ?? (spec.isSheddable ? logRefusal(shared, topic) : undefined),
      nowMs: shared.host.monotonicMs,
      ledger,
      losesBatch: () => shared.faults.losesBatch(`publisher:${dataType}`),
      ...tracing(shared, { topic, schema: spec.schema }),
      observe: (event) => observePublisher(shared, topic, event)
    })
  })

/** The one place where a record is taken out of the way of what it would hold up for ever. */
const deadLetter = (
  { deadLetters, telemetry, nowMs }: Shared,
  dataType: Pipeline['dataType'],
  { key: symbol, value: raw, detail }: LargeRecord
) =>
  Effect.gen(function* () {
    const reason = 'record_too_large'
    const log = yield* deadLetters.get
    const atMs = nowMs()
    yield* log.write([{ atMs, reason, detail, symbol, nativeId: null, position: null, raw }])
    const source = `publisher:${dataType}` as const
    telemetry.metrics.deadLetterLines.inc({ source, reason })
    telemetry.logSeldom('warn', 'record.dead_lettered', source, {
      source,
      reason,
      symbol,
      bytes: raw.length,
      detail
    })
  })

/** Nothing where nothing is traced; no spans where the log has gone in the same moment. */
const tracing = (
  { traces, log }: Shared,
  source: { readonly topic: string; readonly schema: AvroRecord }
): Pick<RecordPublisherOptions<never>, 'traced'> =>
  traces === undefined
    ? {}
    : {
        traced: (appended) => {
          const { current } = log
          if (current === undefined) return
          traces.records.published(source, current.identityOf(source.topic), appended)
        }
      }

const isSpilling =
  ({ policy }: Shared) =>
  (): boolean =>
    policy.current?.isSpilling === true

/** Room that is used up comes back by retention, or by a larger `K2_DISK_LIMIT` (R53). */
const diskRefusal = ({ disk }: Shared): string | undefined => {
  const usage = disk.current
  return usage !== undefined && usage.bytes >= usage.bytesMax
    ? `the data folder has ${usage.bytes} bytes, K2_DISK_LIMIT is ${usage.bytesMax}`
    : undefined
}

/**
 * Half of the log is always left to what may not be dropped: a lander of quotes that has stopped
 * must not fill it (R31, R34).
 */
const logRefusal = ({ log, config }: Shared, topic: string): string | undefined => {
  const bytes = log.current?.unconsumedBytes(topic) ?? 0
  const bytesMax = config.logDiskBytesMax / 2
  return bytes >= bytesMax
    ? `${topic} has ${bytes} bytes that have not landed, half of K2_LOG_DISK_LIMIT is ${bytesMax}`
    : undefined
}

/**
 * What is still in memory goes to the spool. What that has no room for goes with its publisher: the
 * one place where accepted records are dropped.
 */
const rescued = <In>(
  { drained, telemetry }: Shared,
  topic: string,
  publisher: RecordPublisher<In>
): Effect.Effect<void> =>
  Effect.map(
    Effect.timeoutOrElse(Effect.interruptible(publisher.rescue), {
      duration: rescueMsMax,
      orElse: () => Effect.sync(() => publisher.pendingBytes)
    }),
    (bytes) => {
      publisher.abandon()
      if (bytes === 0) return
      drained.unpublishedBytes += bytes
      telemetry.log('error', 'batches.abandoned', { topic, bytes })
    }
  )

const circuitStates = { closed: 0, halfOpen: 1, open: 2 } as const

const showCircuit = (
  { telemetry }: Shared,
  { dataType }: Pick<Pipeline, 'dataType'>,
  to: CircuitChange['to']
): void =>
  telemetry.metrics.circuitState.set({ breaker_name: breakerOf(dataType) }, circuitStates[to])

const noteFailure = (
  { telemetry }: Shared,
  { dataType }: Pick<Pipeline, 'dataType'>,
  { type }: CircuitNotice
): void => {
  if (type === 'send.failed' || type === 'probe.failed')
    telemetry.metrics.circuitFailures.inc({ breaker_name: breakerOf(dataType) })
}

const breakerOf = (dataType: string): string => `publisher:${dataType}`

const reportCircuit = (
  shared: Shared,
  { topic, dataType, circuit }: Pick<Pipeline, 'topic' | 'dataType' | 'circuit'>,
  change: CircuitChange
): void => {
  showCircuit(shared, { dataType }, change.to)
  const nowMs = shared.host.steadyMs()
  circuit.openedMs = change.to === 'closed' ? null : (circuit.openedMs ?? nowMs)
  const { to, openedCount, detail } = change
  shared.telemetry.log(to === 'open' ? 'warn' : 'info', `circuit.${to}`, {
    topic,
    opened: openedCount,
    ...(detail === null ? {} : { detail })
  })
}

/** Of a publisher on a topic. */
export const observePublisher = (
  { telemetry }: Shared,
  topic: string,
  event: PublisherEvent
): void => {
  const { metrics } = telemetry
  switch (event.type) {
    case 'batch.published':
      metrics.published.inc({ topic }, event.records)
      metrics.publishedBytes.inc({ topic }, event.bytes)
      if (event.tookMs !== null) metrics.publishSeconds.observe({ topic }, event.tookMs / 1_000)
      return
    case 'batch.spooled':
      metrics.spooled.inc({ topic }, event.records)
      metrics.publishSeconds.observe({ topic }, event.tookMs / 1_000)
      return
    case 'batch.refused':
      metrics.publishRefused.inc({ topic })
      telemetry.log('warn', event.type, { topic, detail: event.detail })
      return
    case 'records.refused':
      metrics.spoolRefused.inc({ topic, reason: event.reason }, event.records)
      return
    default:
      event satisfies never
  }
}
