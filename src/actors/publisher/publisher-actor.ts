/**
 * Program of an actor such as `log/publisher:trades`: a publisher of one data type on the event
 * log that is served.
 *
 * What it was given and the log has not acknowledged outlives the log's actor: a batch whose append
 * failed goes to the next log that is served, unchanged. Whether the failed append is in the log is
 * unknown; if it is, the lander finds the repeats (R4, R14).
 */
import * as Effect from 'effect/Effect'
import type { EventLogWriter } from '../../adapters/log/event-log.ts'
import type { SequencedRecord } from '../../machines/partition-fold.ts'
import type { EffectActorArgs } from '../effect-actor.ts'
import type { PipelineOf } from '../pipeline.ts'
import { drainRequested, type Shared } from '../shared.ts'
import { type PublisherEvent, RecordPublisher } from './record-publisher.ts'

const batchBytesMax = 1_024 * 1_024
const lingerMs = 5
const refusedPauseMs = 1_000
/** Pause before a batch that the log could not take is offered to the log that is served then. */
const unavailablePauseMs = 100

export const publisherProgram =
  <A extends SequencedRecord, In>(
    shared: Shared,
    { topic, spec, publisher: gate }: PipelineOf<A, In>
  ) =>
  ({ commands, ready, reportStatus }: EffectActorArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const { config } = shared
      const publisher = new RecordPublisher<In>({
        log: yield* enduringLog(shared),
        topic,
        packer: spec.makePacker(),
        bytesMax: config.publishBytesMax,
        batchBytesMax,
        lingerMs,
        refusedPauseMs,
        isSheddable: spec.isSheddable,
        refusal: () =>
          diskRefusal(shared) ?? (spec.isSheddable ? logRefusal(shared, topic) : undefined),
        nowMs: () => performance.now(),
        observe: (event) => observePublisher(shared, topic, event)
      })
      reportStatus(() => ({ queueBytes: publisher.pendingBytes }))
      yield* Effect.addFinalizer(() =>
        Effect.andThen(
          publisher.abandon,
          Effect.sync(() => noteAbandoned(shared, topic, publisher.pendingBytes))
        )
      )
      yield* gate.serve(publisher)
      yield* Effect.forkScoped(Effect.andThen(drainRequested(commands), publisher.finish))
      ready()
      yield* publisher.run
    })

type PublishedLog = Pick<EventLogWriter, 'append' | 'topics'>

/** The log at its address, whoever serves it; the partition count of a topic never changes. */
const enduringLog = ({ log: gate, telemetry }: Shared): Effect.Effect<PublishedLog> =>
  Effect.map(gate.get, ({ topics }) => {
    const append: PublishedLog['append'] = (topic, partition, packed) =>
      Effect.flatMap(gate.get, (log) => log.append(topic, partition, packed)).pipe(
        Effect.catchTag('LogUnavailable', ({ message }) => {
          telemetry.log('warn', 'batch.held', { topic, partition, detail: message })
          return Effect.andThen(
            Effect.sleep(unavailablePauseMs),
            Effect.suspend(() => append(topic, partition, packed))
          )
        })
      )
    return { topics, append }
  })

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

/** What the log has not acknowledged goes with its publisher: the one place where it is dropped. */
const noteAbandoned = ({ drained, telemetry }: Shared, topic: string, bytes: number): void => {
  if (bytes === 0) return
  drained.unpublishedBytes += bytes
  telemetry.log('error', 'batches.abandoned', { topic, bytes })
}

const observePublisher = (
  { telemetry }: Shared,
  topic: string,
  event: PublisherEvent
): void => {
  const { metrics } = telemetry
  if (event.type === 'batch.refused') {
    metrics.publishRefused.inc({ topic })
    telemetry.log('warn', event.type, { topic, detail: event.detail })
    return
  }
  metrics.published.inc({ topic }, event.records)
  metrics.publishedBytes.inc({ topic }, event.bytes)
  metrics.publishSeconds.observe({ topic }, event.tookMs / 1_000)
}
