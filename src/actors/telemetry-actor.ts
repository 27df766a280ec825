/** Program of the actor `telemetry`: samples the process once a second. */
import * as Effect from 'effect/Effect'
import { openProcessSampler } from '../adapters/telemetry/process-sampler.ts'
import type { EffectActorArgs } from './effect-actor.ts'
import { tracked } from './resource-registry.ts'
import { drainRequested, type Shared } from './shared.ts'

const sampleMs = 1_000

export const telemetryProgram =
  (shared: Shared) =>
  ({ commands, ready }: EffectActorArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const sampler = yield* tracked('event-loop monitor', 'timer')(openProcessSampler)
      const sampling = Effect.sync(() => record(shared, sampler.sample())).pipe(
        Effect.andThen(Effect.sleep(sampleMs)),
        Effect.forever
      )
      ready()
      yield* Effect.raceFirst(sampling, drainRequested(commands))
    })

const record = (
  { telemetry: { metrics }, log, publisher, landing, topic }: Shared,
  sample: ReturnType<Effect.Success<typeof openProcessSampler>['sample']>
): void => {
  for (const quantile of ['p50', 'p99', 'max'] as const) {
    metrics.loopDelay.set({ quantile }, sample.loopDelay[quantile])
  }
  metrics.memoryBytes.set({ thread: 'main', kind: 'heap' }, sample.heapUsedBytes)
  metrics.memoryBytes.set({ thread: 'main', kind: 'array_buffers' }, sample.arrayBufferBytes)
  metrics.memoryBytes.set({ thread: 'process', kind: 'resident' }, sample.residentBytes)
  metrics.publishPendingBytes.set({ topic }, publisher.current?.pendingBytes ?? 0)
  const served = log.current
  if (served === undefined) return
  metrics.logDiskBytes.set(served.usage().diskBytes)
  const landed = new Map(
    landing.current?.positions.map(({ partition, offset }) => [partition, offset])
  )
  const lag = served
    .watermarks()
    .filter((watermark) => watermark.topic === topic)
    .reduce(
      (sum, { partition, durableEnd }) =>
        sum + Math.max(0, durableEnd - (landed.get(partition) ?? 0)),
      0
    )
  metrics.lagRecords.set({ topic }, lag)
}
