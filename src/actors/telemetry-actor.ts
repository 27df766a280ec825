/** Program of the actor `telemetry`: samples the process once a second. */
import * as Effect from 'effect/Effect'
import { memoryBytesMax } from '../adapters/telemetry/memory-limit.ts'
import { openProcessSampler } from '../adapters/telemetry/process-sampler.ts'
import type { EffectActorArgs } from './effect-actor.ts'
import type { Pipeline } from './pipeline.ts'
import { tracked } from './resource-registry.ts'
import { drainRequested, type Shared } from './shared.ts'
import type { Tails } from './tail/tails.ts'

const sampleMs = 1_000

export const telemetryProgram =
  (shared: Shared, version: string) =>
  ({ commands, ready }: EffectActorArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const sampler = yield* tracked('event-loop monitor', 'timer')(openProcessSampler)
      const landed = new Map<string, Map<number, number>>(
        shared.captured.map(({ topic }) => [topic, new Map()])
      )
      const sampling = Effect.sync(() => {
        record(shared, sampler.sample())
        for (const pipeline of shared.captured) {
          recordLag(shared, pipeline, landed.get(pipeline.topic)!)
        }
      }).pipe(
        Effect.andThen(Effect.sleep(sampleMs)),
        Effect.forever
      )
      showSettings(shared, version)
      ready()
      yield* Effect.raceFirst(sampling, drainRequested(commands))
    })

const record = (
  { telemetry: { metrics }, log, spool, captured, claims, tails, watch }: Shared,
  sample: ReturnType<Effect.Success<typeof openProcessSampler>['sample']>
): void => {
  for (const quantile of ['p50', 'p99', 'max'] as const) {
    metrics.loopDelay.set({ quantile }, sample.loopDelay[quantile])
  }
  metrics.memoryBytes.set({ thread: 'main', kind: 'heap' }, sample.heapUsedBytes)
  metrics.memoryBytes.set({ thread: 'main', kind: 'array_buffers' }, sample.arrayBufferBytes)
  metrics.memoryBytes.set({ thread: 'process', kind: 'resident' }, sample.residentBytes)
  for (const { topic, publisher } of captured) {
    metrics.publishPendingBytes.set({ topic }, publisher.current?.pendingBytes ?? 0)
  }
  if (spool.current !== undefined) {
    const { bytes, records } = spool.current.usage()
    metrics.spoolBytes.set(bytes)
    metrics.spoolRecords.set(records)
  }
  if (log.current !== undefined) metrics.logDiskBytes.set(log.current.usage().diskBytes)
  metrics.claimsWaiting.set(claims.size)
  metrics.watchViewers.set(watch.viewers.count)
  metrics.watchJournalBytes.set(watch.journal.bytes)
  for (const [data_type, { store }] of tailsOf(tails.current)) {
    metrics.tailRows.set({ data_type }, store.rowCount())
    metrics.tailBytes.set({ data_type }, store.bytes())
  }
}

const tailsOf = (tails: Tails | undefined) =>
  tails === undefined
    ? []
    : ([
        ['trades', tails.trades],
        ['quotes', tails.quotes],
        ['reference_data', tails.referenceData]
      ] as const)

/** What does not change while there is the process. */
const showSettings = (
  { telemetry: { metrics }, config }: Shared,
  version: string
): void => {
  metrics.limitBytes.set({ of: 'publish_pending' }, config.publishBytesMax)
  metrics.limitBytes.set({ of: 'spool' }, config.spoolBytesMax)
  metrics.limitBytes.set({ of: 'tail' }, config.tailBytesMax)
  metrics.limitBytes.set({ of: 'memory' }, memoryBytesMax(config.memoryBytesMax))
  if (config.kafkaBootstrapServers === undefined)
    metrics.limitBytes.set({ of: 'log_disk' }, config.logDiskBytesMax)
  metrics.platformInfo.set(
    {
      version,
      node_version: process.version,
      roles: config.roles.join(','),
      log: config.kafkaBootstrapServers === undefined ? 'embedded' : 'kafka',
      catalog: config.icebergCatalogUri === undefined ? 'embedded' : 'rest',
      store: config.s3Endpoint === undefined ? 'local' : 's3'
    },
    1
  )
}

/**
 * @param landed where landing stood when it was last known: a lander that is being restarted knows
 *   nothing yet, and a partition of which nothing is known has no lag that could be told
 */
const recordLag = (
  { telemetry: { metrics }, log }: Shared,
  { landing, topic }: Pipeline,
  landed: Map<number, number>
): void => {
  for (const { partition, offset } of landing.current?.positions ?? []) {
    landed.set(partition, offset)
  }
  if (log.current === undefined || landed.size === 0) return
  let lag = 0
  for (const watermark of log.current.watermarks()) {
    const { partition, durableEnd } = watermark
    const known = watermark.topic === topic ? landed.get(partition) : undefined
    if (known !== undefined) lag += Math.max(0, durableEnd - known)
  }
  metrics.lagRecords.set({ topic }, lag)
}
