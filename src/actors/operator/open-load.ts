/**
 * What a batch load works with: a log, and a lander of its own behind it. Rows of a load go the way
 * of all records: into the log, and from there into the table by the fold, never past it.
 *
 * 1. A K2 that runs beside it is one more that commits to the table: who comes second commits again
 *    on what the first has made, and no file or folder is both's (R1, R19).
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
import type { Config } from '../../adapters/config/config.ts'
import type { Table } from '../../adapters/iceberg/table.ts'
import type { PackedRecords } from '../../adapters/log/record-batch.ts'
import type { PartitionCounters, SequencedRecord } from '../../machines/partition-fold.ts'
import { defaultSequenceLimits, type SymbolSequence } from '../../market/sequence.ts'
import type { DataTypeSpec } from '../data-types.ts'
import { readTradeStates } from '../gaps/trade-states.ts'
import { faultsOf } from '../lander/lander-actor.ts'
import type { LanderEvent } from '../lander/lander-ports.ts'
import { LandingProgress } from '../lander/landing-progress.ts'
import { openLander } from '../lander/open-lander.ts'
import { openTableIn } from '../storage/data-folder.ts'
import { openStores, type Stores } from '../storage/stores.ts'
import { openKafkaLoadLog } from './load-kafka.ts'
import { LoadRefused, openEmbeddedLoadLog } from './load-log.ts'
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

const roomPause = '100 millis'
/** For so long the lander may make no room. */
const roomPausesMax = 1_200

interface OpenLoadOptions {
  readonly config: Config
  readonly topic: string
  /** Upper case. */
  readonly exchange: string
}

export const openLoad = <A extends SequencedRecord>(
  spec: DataTypeSpec<A>,
  { config, topic, exchange }: OpenLoadOptions
): Effect.Effect<Load, { readonly message: string }, Scope.Scope> =>
  Effect.gen(function* () {
    const context = tableContextOf(config)
    const stores = yield* openStores(context.storage, context.folder, Date.now)
    const table = yield* openTableIn(stores, spec, context)
    const { writer, reader } = yield* openLog(spec, { config, topic, exchange, stores, table })
    const progress = new LandingProgress()
    const stopped = Deferred.makeUnsafe<never, LoadRefused>()
    const observe = (event: LanderEvent): void => {
      progress.observe(event, Date.now())
      if (event.type === 'partition.stopped') {
        Deferred.doneUnsafe(stopped, Effect.fail(new LoadRefused({ detail: event.detail })))
      }
      if (event.type !== 'commit.landed') return
      for (const { partition, offset } of event.positions) {
        writer.setConsumed(topic, partition, offset)
      }
    }
    const makeLander = yield* openLander(spec, {
      ...context,
      log: reader,
      writer: 'load',
      lander: {
        topic,
        commitRowsMax: config.commitRowsMax,
        commitBytesMax: config.commitBytesMax,
        commitAgeMs: config.commitAgeMs,
        limits: { ...defaultSequenceLimits, jumpMax: config.sequenceJumpMax },
        logFaults: faultsOf(topic, writer)
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
      partitions: writer.topics.get(topic)!,
      sequences,
      append: (partition, packed) =>
        writer.append(topic, partition, packed).pipe(
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

interface OpenLogOptions extends OpenLoadOptions {
  readonly stores: Stores
  readonly table: Table
}

const openLog = <A extends SequencedRecord>(
  spec: DataTypeSpec<A>,
  { config, topic, exchange, stores, table }: OpenLogOptions
): ReturnType<typeof openEmbeddedLoadLog> =>
  config.kafkaBootstrapServers === undefined
    ? openEmbeddedLoadLog({
        topic,
        exchange,
        spec,
        partitions: spec.partitions ?? config.logPartitions,
        diskBytesMax: config.logDiskBytesMax,
        stores,
        context: tableContextOf(config)
      })
    : openKafkaLoadLog({
        config,
        topic,
        spec,
        table,
        isCompacted: spec.rules.isCompacted ?? false
      })

const since = (before: PartitionCounters, now: PartitionCounters): Landed => ({
  landed: now.landed - before.landed,
  duplicates: now.duplicates - before.duplicates,
  deadLettered: now.deadLettered - before.deadLettered,
  held: now.held - before.held
})
