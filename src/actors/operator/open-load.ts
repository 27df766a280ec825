/**
 * What a batch load works with: the embedded log of a data folder that no K2 has open, and a lander
 * of its own behind it. Rows of a load go the way of all records: into the log, and from there into
 * the table by the fold, never past it.
 *
 * 1. The log is opened behind the offsets that all tables of the folder name (R11).
 * 2. Before anything is appended, what the log holds of the topic lands: what a load that was
 *    killed has left there is in the table then, and is known by its sequences (R26).
 * 3. `append` waits while the log has no room; the lander makes it.
 * 4. A partition that may not be landed fails the load by name (R8, R10).
 */
import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import * as Fiber from 'effect/Fiber'
import * as Schedule from 'effect/Schedule'
import type * as Scope from 'effect/Scope'
import * as Schema from 'effect/Schema'
import type { Config } from '../../adapters/config/config.ts'
import { readRecordedState } from '../../adapters/iceberg/table.ts'
import { type ConsumedOffset, openEmbeddedLog } from '../../adapters/log/embedded-log.ts'
import { unavailable } from '../../adapters/log/event-log.ts'
import { type LogDescription, readDescription } from '../../adapters/log/log-directory.ts'
import { nodeFiles, systemClock } from '../../adapters/log/node-files.ts'
import { nodeProcess } from '../../adapters/log/node-process.ts'
import type { PackedRecords } from '../../adapters/log/record-batch.ts'
import { keptSchemas } from '../../adapters/schema/kept-schemas.ts'
import type { PartitionCounters, SequencedRecord } from '../../machines/partition-fold.ts'
import { defaultSequenceLimits, type SymbolSequence } from '../../market/sequence.ts'
import { gapsTable, quotesSpec, referenceDataSpec, tradesSpec } from '../data-types.ts'
import type { DataTypeSpec } from '../data-types.ts'
import { readTradeStates } from '../gaps/trade-states.ts'
import { faultsOf } from '../lander/lander-actor.ts'
import type { LanderEvent } from '../lander/lander-ports.ts'
import { LandingProgress } from '../lander/landing-progress.ts'
import { openLander } from '../lander/open-lander.ts'
import { openTableIn } from '../storage/data-folder.ts'
import { openStores, type Stores } from '../storage/stores.ts'
import { tableContextOf } from './table-context.ts'

export interface Load {
  readonly partitions: number
  /** Of the table, by the key of the state, when the load began. */
  readonly sequences: Readonly<Record<string, SymbolSequence>>
  readonly append: (
    partition: number,
    packed: PackedRecords
  ) => Effect.Effect<void, { readonly message: string }>
  /** Lands all that was appended; what became of it, since the load began. */
  readonly finish: Effect.Effect<Landed, { readonly message: string }>
}

export type Landed = Pick<PartitionCounters, 'landed' | 'duplicates' | 'deadLettered' | 'held'>

/** The load cannot be carried through the log. */
export class LoadRefused extends Schema.TaggedError<LoadRefused>()('LoadRefused', {
  detail: Schema.String
}) {
  override get message() {
    return this.detail
  }
}

const segmentBytes = 4 * 1_024 ** 2
const roomPause = '100 millis'
/** For so long the lander may make no room. */
const roomPausesMax = 1_200

export const openLoad = <A extends SequencedRecord>(
  spec: DataTypeSpec<A>,
  { config, topic }: { readonly config: Config; readonly topic: string }
): Effect.Effect<Load, { readonly message: string }, Scope.Scope> =>
  Effect.gen(function* () {
    if (config.kafkaBootstrapServers !== undefined) {
      const detail = 'k2 load goes through the embedded log: unset K2_KAFKA_BOOTSTRAP_SERVERS'
      return yield* new LoadRefused({ detail })
    }
    const context = tableContextOf(config)
    const stores = yield* openStores(context.storage, context.folder, Date.now)
    const table = yield* openTableIn(stores, spec, context)
    const log = yield* openLog(stores, config, {
      topic,
      partitions: spec.partitions ?? config.logPartitions
    })
    const progress = new LandingProgress()
    const stopped = Deferred.makeUnsafe<never, LoadRefused>()
    const observe = (event: LanderEvent): void => {
      progress.observe(event, Date.now())
      if (event.type === 'partition.stopped') {
        Deferred.doneUnsafe(stopped, Effect.fail(new LoadRefused({ detail: event.detail })))
      }
      if (event.type !== 'commit.landed') return
      for (const { partition, offset } of event.positions) log.setConsumed(topic, partition, offset)
    }
    const makeLander = yield* openLander(spec, {
      ...context,
      log,
      lander: {
        topic,
        commitRowsMax: config.commitRowsMax,
        commitBytesMax: config.commitBytesMax,
        commitAgeMs: config.commitAgeMs,
        limits: { ...defaultSequenceLimits, jumpMax: config.sequenceJumpMax },
        logFaults: faultsOf(topic, log)
      },
      duckdbBytesMax: config.duckdbBytesMax,
      observe,
      // What no snapshot names any more is found by the removal of orphans of the next K2.
      onRemoved: () => undefined
    })
    const lander = (): Effect.Effect<ReturnType<typeof makeLander>> => Effect.sync(makeLander)
    const left = yield* lander()
    yield* left.finish
    yield* Effect.raceFirst(left.run, Deferred.await(stopped)) // (2)
    const { sequences } = yield* readTradeStates(table)
    const before = progress.totals
    const { finish, run } = yield* lander()
    const landing = yield* Effect.forkScoped(Effect.raceFirst(run, Deferred.await(stopped)))
    return {
      partitions: log.topics.get(topic)!,
      sequences,
      append: (partition, packed) =>
        log.append(topic, partition, packed).pipe(
          Effect.retry({
            schedule: Schedule.spaced(roomPause),
            times: roomPausesMax,
            while: ({ _tag }) => _tag === 'LogFull' // (3)
          }),
          // A lander that has failed makes no room and lands nothing: it fails the load at once.
          Effect.raceFirst(Effect.andThen(Fiber.join(landing), Effect.never)),
          Effect.asVoid
        ),
      finish: finish.pipe(
        Effect.andThen(Fiber.join(landing)),
        Effect.map(() => since(before, progress.totals))
      )
    } satisfies Load
  })

const since = (before: PartitionCounters, now: PartitionCounters): Landed => ({
  landed: now.landed - before.landed,
  duplicates: now.duplicates - before.duplicates,
  deadLettered: now.deadLettered - before.deadLettered,
  held: now.held - before.held
})

/** A log that was made for other topics takes this one in. */
const openLog = (
  stores: Stores,
  config: Config,
  { topic, partitions }: { readonly topic: string; readonly partitions: number }
) =>
  Effect.gen(function* () {
    const { folder } = tableContextOf(config)
    const description = yield* Effect.tryPromise({
      try: async () => {
        for (const { schema } of [tradesSpec, quotesSpec, referenceDataSpec]) {
          await keptSchemas(folder.schemas).keep(schema)
        }
        return readDescription(nodeFiles, folder.log)
      },
      catch: (error) => unavailable(folder.log, error)
    })
    return yield* openEmbeddedLog({
      directory: folder.log,
      files: nodeFiles,
      clock: systemClock,
      process: yield* Effect.promise(nodeProcess),
      topics: { [topic]: description?.topics.get(topic) ?? partitions },
      neverBelow: yield* landedOffsets(stores, config, description),
      limits: { segmentBytes, diskBytesMax: config.logDiskBytesMax, flushDelayMs: 0 },
      observe: () => undefined
    })
  })

/** (1) */
const landedOffsets = (stores: Stores, config: Config, description: LogDescription | undefined) =>
  Effect.map(
    Effect.forEach([tradesSpec, quotesSpec, referenceDataSpec, gapsTable], (spec) =>
      openTableIn(stores, spec, { ...tableContextOf(config), mustExist: true }).pipe(
        Effect.flatMap(readRecordedState),
        Effect.map(({ offsets }) => Object.entries(offsets[description?.identity ?? ''] ?? {})),
        Effect.catchTag('TableMissing', () => Effect.succeed([]))
      )
    ),
    (tables) =>
      tables.flat().flatMap(([topic, partitions]) =>
        Object.entries(partitions).map(
          ([partition, offset]): ConsumedOffset => ({ topic, partition: Number(partition), offset })
        )
      )
  )
