/**
 * Program of the actor `log/event-log` where the log is in Kafka: makes the topics, registers the
 * schemas, opens the log and serves it.
 *
 * 1. Brokers or a registry that do not answer are a dependency, which passes (R14). A registry that
 *    refuses a schema is not: then the program ends by name (R52).
 * 2. With the registry down it starts all the same: what needs no new id goes on, the rest waits
 *    (R42).
 * 3. A topic that was made anew has other offsets: the program fails, its successor opens the log
 *    with the new identities (R8).
 * 4. Partition counts are the declared ones, known also while no broker answers; a topic that has
 *    another count is a fault of the log.
 * 5. Who only answers writes nothing: it opens the log to see how far the tables are behind (R39).
 * 6. Tables that are away keep the log no longer than for a moment: what they have landed is then
 *    known later, and landers look for themselves where they begin.
 */
import { join } from 'node:path'
import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import { readRecordedState } from '../../adapters/iceberg/table.ts'
import { type LogUnavailable, unavailable } from '../../adapters/log/event-log.ts'
import {
  type KafkaLogEvent,
  type KafkaLogOptions,
  openKafkaLog
} from '../../adapters/log/kafka/kafka-log.ts'
import type { KeptSchemas } from '../../adapters/schema/kept-schemas.ts'
import { makeRecordCodec } from '../../adapters/schema/record-codec.ts'
import {
  openSchemaRegistry,
  type SchemaRegistry,
  type SchemaRegistryEvent,
  type WrittenSchema
} from '../../adapters/schema/schema-registry.ts'
import type { Telemetry } from '../../adapters/telemetry/telemetry.ts'
import { markDependency, servedTable } from '../dependency.ts'
import type { EffectActorArgs } from '../effect-actor.ts'
import type { Pipeline } from '../pipeline.ts'
import { tracked } from '../resource-registry.ts'
import { drainRequested, type Shared } from '../shared.ts'
import { connectionOf, declaredTopics, registryOf } from './kafka-settings.ts'
import { keepSchemas } from './keep-schemas.ts'
import { noteDrained } from './log-drain.ts'
import { lagSampleMs, lagSampling, logLag, overdueMsOf } from './log-lag.ts'

const sampleMs = 1_000
const answerMsMax = 10_000

export const kafkaLogProgram =
  (shared: Shared) =>
  ({ commands, ready, reportStatus }: EffectActorArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const failed = Deferred.makeUnsafe<never, LogUnavailable>()
      const { config, captured } = shared
      const topics = yield* declaredTopics(
        config,
        captured.map(({ topic }) => topic)
      )
      const kept = yield* keepSchemas(shared)
      // Before the brokers are asked: what they cannot take now goes to the spool (4).
      yield* shared.logTopics.serve(
        new Map([...topics].map(([topic, { partitions }]) => [topic, partitions]))
      )
      const options = yield* logOptions(shared, { topics, kept }, failed)
      const log = yield* tracked('event log', 'client')(openKafkaLog(options))
      for (const { message } of log.faults)
        shared.telemetry.log('error', 'log.fault', { detail: message })
      const lag = logLag(shared, log, ({ topic, partition }, landedOffset) =>
        Effect.sync(() => {
          if (landedOffset !== undefined) log.setConsumed(topic, partition, landedOffset)
          return log.lag(topic, partition)
        })
      )
      reportStatus(() => ({ queueBytes: log.usage().pendingBytes, counters: lag.counters() }))
      yield* shared.log.serve(log)
      yield* shared.lag.serve({ ...lag, retentionOf: log.retention })
      ready()
      const drained = Effect.map(drainRequested(commands), () => noteDrained(shared, log))
      const sampling = lagSampling(lag, lagSampleMs(shared))
      yield* Effect.raceAllFirst([drained, Deferred.await(failed), sampling])
    }).pipe(markDependency)

const logOptions = (
  shared: Shared,
  { topics, kept }: { readonly topics: KafkaLogOptions['topics']; readonly kept: KeptSchemas },
  failed: Deferred.Deferred<never, LogUnavailable>
) =>
  Effect.gen(function* () {
    const { config, telemetry, nowMs, host } = shared
    // Who only captures has no tables open, and no lander to be measured.
    const landed = shared.hasRole('land') ? shared.pipelines : []
    const recorded = yield* Effect.forEach(landed, (pipeline) => recordedOf(shared, pipeline), {
      concurrency: 'unbounded'
    })
    return {
      connection: connectionOf(config),
      topics,
      schemaIdOf: yield* schemaIds(shared, kept),
      landedOffset: (identity, topic, partition) =>
        recorded
          .map((state) => state?.offsets[identity]?.[topic]?.[partition])
          .find((offset) => offset !== undefined),
      sendMsMax: config.kafkaSendMs,
      answerMsMax,
      sampleMs,
      overdueMs: overdueMsOf(shared),
      nowMs,
      monotonicMs: host.monotonicMs,
      observe: (event) => {
        observeKafkaLog(telemetry, event)
        if (event.type === 'topic.replaced') Deferred.doneUnsafe(failed, Effect.fail(event.cause))
      }
    } satisfies KafkaLogOptions
  })

/** (6); null where nothing is known to have landed. */
const recordedOf = ({ telemetry }: Shared, pipeline: Pipeline) =>
  Effect.flatMap(servedTable(pipeline), readRecordedState).pipe(
    Effect.catch(({ message: detail }) =>
      Effect.sync(() => {
        telemetry.log('warn', 'log.table_unread', { table: pipeline.tableName, detail })
        return null
      })
    )
  )

const schemaIds = ({ config, folder, captured, telemetry, hasRole }: Shared, kept: KeptSchemas) =>
  Effect.gen(function* () {
    const connection = registryOf(config)
    const writes = hasRole('ingest') || hasRole('land') // (5)
    if (connection === undefined || !writes) return undefined
    const registry = yield* openSchemaRegistry({
      connection,
      cacheFile: join(folder.root, 'schema-ids.json'),
      observe: (event) => observeRegistry(telemetry, event)
    })
    const written = new Map(captured.map(({ topic, spec }) => [topic, writtenSchema(spec)]))
    for (const [topic, schema] of written) {
      yield* registry.register(topic, schema).pipe(
        Effect.catchTag('RegistryUnavailable', ({ message }) =>
          Effect.sync(() => telemetry.log('warn', 'registry.unavailable', { detail: message }))
        )
      )
    }
    return idsOf(registry, written, kept)
  })

const writtenSchema = ({ schema }: Pipeline['spec']): WrittenSchema => ({
  text: JSON.stringify(schema),
  fingerprint: makeRecordCodec(schema).fingerprint
})

const idsOf =
  (
    registry: SchemaRegistry,
    written: ReadonlyMap<string, WrittenSchema>,
    kept: KeptSchemas
  ): NonNullable<KafkaLogOptions['schemaIdOf']> =>
  (topic, fingerprint) => {
    const schema = written.get(topic)
    if (schema?.fingerprint === fingerprint) return registry.idOf(topic, schema)
    // The spool holds what an earlier version of K2 has written, too (R52).
    return Effect.tryPromise({
      try: () => kept.textOf(fingerprint),
      catch: (error) => unavailable(topic, error)
    }).pipe(
      Effect.flatMap((text): Effect.Effect<number, { readonly message: string }> =>
        text === undefined
          ? Effect.fail(unavailable(topic, `no schema is known with fingerprint ${fingerprint}`))
          : registry.idOf(topic, { text, fingerprint })
      )
    )
  }

export const observeKafkaLog = (
  { log, logSeldom, metrics }: Telemetry,
  event: KafkaLogEvent
): void => {
  switch (event.type) {
    case 'client.reported': {
      const { level, message, kind } = event.line
      logSeldom(level, 'kafka.reported', kind, { detail: message })
      return
    }
    case 'append.settled': {
      const { topic, records, tookMs, failure } = event
      metrics.kafkaProduceSeconds.observe({ topic }, tookMs / 1_000)
      if (failure === null) metrics.kafkaProduced.inc({ topic }, records)
      else metrics.kafkaProduceErrors.inc({ topic, error_type: failure })
      return
    }
    case 'topic.created':
      log('info', event.type, { ...event })
      return
    case 'topic.replaced':
      log('error', event.type, { topic: event.topic, detail: event.cause.detail })
      return
    case 'topic.differs':
    case 'topic.unchecked':
    case 'producer.discarded':
      log('warn', event.type, { ...event })
      return
    case 'sample.failed':
      logSeldom('warn', event.type, '', { ...event })
      return
    case 'producer.opened':
      log('debug', event.type, { ...event })
      return
    default:
      event satisfies never
  }
}

const observeRegistry = ({ log }: Telemetry, event: SchemaRegistryEvent): void =>
  log(event.type === 'schema.registered' ? 'info' : 'warn', event.type, { ...event })
