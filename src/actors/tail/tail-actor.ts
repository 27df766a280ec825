/**
 * Program of the actor `reading/tail`: reads the log on from where the tables are, for the queries.
 *
 * 1. It owns the readers of the log, and nothing of what they have brought: that is the query
 *    engine's, and is there while this is restarted (R35).
 * 2. It reads once somebody asks, and lets go when nobody has for a while.
 * 3. What it cannot read now is what the answers lack; it opens the log again.
 */
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import { partitionOf } from '../../adapters/log/partitioner.ts'
import type { Watermark } from '../../adapters/log/event-log.ts'
import type { SequencedRecord } from '../../machines/partition-fold.ts'
import { defaultSequenceLimits } from '../../market/sequence.ts'
import { isPassing, markDependency, servedTable } from '../dependency.ts'
import type { EffectActorArgs } from '../effect-actor.ts'
import { recordedPositionsOf } from '../lander/iceberg-landing-table.ts'
import { faultsOf, landerKafka } from '../lander/lander-actor.ts'
import { type LanderKafka, openLanderLog } from '../lander/lander-log.ts'
import type { LandedPipeline, LandedPipelineOf } from '../pipeline.ts'
import { drainRequested, type Shared } from '../shared.ts'
import type { Tail } from './tail.ts'
import { makeTailReader, type TailReader } from './tail-reader.ts'
import type { Tails } from './tails.ts'

const retryMs = 500

export const tailProgram =
  (shared: Shared) =>
  ({ commands, ready, reportStatus }: EffectActorArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      ready()
      reportStatus(() => {
        const { trades, quotes } = shared.tails.current ?? {}
        const rows = (tail: Tail | undefined) => tail?.store.rowCount() ?? 0
        return { counters: { trades: rows(trades), quotes: rows(quotes) } }
      })
      const following = Effect.forever(
        Effect.flatMap(shared.tails.get, (tails) =>
          Effect.raceFirst(followAll(shared, tails), tails.closed)
        )
      )
      yield* Effect.raceFirst(following, drainRequested(commands))
    }).pipe(markDependency)

const followAll = (shared: Shared, { trades, quotes, referenceData }: Tails) =>
  Effect.all(
    [
      follow(shared, shared.trades, trades),
      follow(shared, shared.quotes, quotes),
      follow(shared, shared.referenceData, referenceData)
    ],
    { concurrency: 'unbounded', discard: true }
  )

const follow = <A extends SequencedRecord, In>(
  shared: Shared,
  pipeline: LandedPipelineOf<A, In>,
  tail: Tail
) =>
  Effect.gen(function* () {
    yield* tail.followed
    for (;;) {
      yield* tail.wanted
      yield* Effect.scoped(readOn(shared, pipeline, tail))
      yield* Effect.sleep(retryMs)
    }
  }).pipe(Effect.scoped)

/** Until it fails: a reader that has met a broker that is away does not find its way back. */
const readOn = Effect.fnUntraced(function* <A extends SequencedRecord, In>(
  shared: Shared,
  pipeline: LandedPipelineOf<A, In>,
  tail: Tail
) {
  const { dataType } = pipeline
  const tellFailed = ({ message: detail }: { readonly message: string }) =>
    Effect.sync(() => {
      const { metrics, logSeldom } = shared.telemetry
      metrics.tailFailures.inc({ data_type: dataType })
      logSeldom('warn', 'tail.failed', dataType, { tail: dataType, detail })
    })
  const opened = yield* Effect.result(
    Effect.tapError(openReader(shared, pipeline, tail), tellFailed)
  )
  if (opened._tag === 'Success') {
    const reader = opened.success
    yield* bringUntilFailed(tail, { ...reader, bring: Effect.tapError(reader.bring, tellFailed) })
    return
  }
  if (!isPassing(opened.failure)) yield* Effect.fail(opened.failure)
  yield* tail.pass(Effect.fail(opened.failure))
})

const bringUntilFailed = Effect.fnUntraced(function* (tail: Tail, reader: TailReader) {
  do {
    if (!tail.isAwake) {
      reader.reset()
      yield* tail.store.clear
    }
    yield* tail.wanted
  } while ((yield* tail.pass(reader.bring)) === 'passed')
})

const openReader = Effect.fnUntraced(function* <A extends SequencedRecord, In>(
  shared: Shared,
  pipeline: LandedPipelineOf<A, In>,
  { store }: Tail
) {
  const { topic, spec } = pipeline
  const { config, nowMs } = shared
  const table = yield* servedTable(pipeline)
  const log = yield* openLog(shared, pipeline)
  const reader = makeTailReader(
    {
      topic,
      limits: { ...defaultSequenceLimits, jumpMax: config.sequenceJumpMax },
      logFaults: shared.log.current === undefined ? new Map() : faultsOf(topic, shared.log.current),
      bytesMax: config.tailBytesMax
    },
    {
      log,
      table: recordedPositionsOf({
        table,
        topic,
        logIdentity: log.identityOf(topic),
        partitionCount: log.topics.get(topic) ?? 0
      }),
      store,
      makeRows: spec.makeRows,
      codec: spec.makeCodec(),
      rules: spec.rules,
      learnCompact: spec.makeLearnCompact?.(),
      partitionOf,
      nowMs,
      monotonicMs: () => performance.now()
    }
  )
  yield* Effect.acquireRelease(
    Effect.sync(() => log.assignmentChanged(reader.reset)),
    (stop) => Effect.sync(stop)
  )
  return reader
})

const openLog = Effect.fnUntraced(function* (
  shared: Shared,
  pipeline: LandedPipeline
) {
  const { folder, telemetry, uuid } = shared
  const kafka = tailKafka(shared, pipeline)
  const watermarks: readonly Watermark[] =
    kafka === undefined ? (yield* shared.log.get).watermarks() : []
  const { reader, advance } = yield* openLanderLog({
    topic: pipeline.topic,
    folder,
    kafka: kafka && { ...kafka, groupId: `${kafka.groupId}-tail-${uuid()}` },
    watermarks,
    observe: (event) => telemetry.log('debug', event.type, { tail: pipeline.dataType, ...event })
  })
  if (kafka === undefined) {
    yield* shared.log.follow((served) => {
      for (const watermark of served.watermarks()) advance(watermark)
      return served.changed(advance)
    })
  }
  return reader
})

/** All partitions are for this process alone, and so is its file of schemas. */
const tailKafka = (
  shared: Shared,
  { dataType, isCompacted }: LandedPipeline
): LanderKafka | undefined => {
  const kafka = landerKafka(shared, dataType, isCompacted)
  return (
    kafka && {
      ...kafka,
      registry: kafka.registry && {
        ...kafka.registry,
        cacheFile: join(shared.folder.root, `schemas-tail-${dataType}.json`)
      }
    }
  )
}
