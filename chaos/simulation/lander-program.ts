/**
 * Program of a simulated lander: what actor and worker thread do for each other, in one process;
 * what they tell each other takes time, as between threads.
 *
 * No thread, no DuckDB: table, commits, log reader, fold and lander are the real ones.
 */
import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import type * as Scope from 'effect/Scope'
import { tradesSpec } from '../../src/actors/data-types.ts'
import { markDependency, served } from '../../src/actors/dependency.ts'
import type { EffectActorArgs } from '../../src/actors/effect-actor.ts'
import { localDataFiles } from '../../src/actors/lander/data-file-store.ts'
import {
  type IcebergLandingOptions,
  makeIcebergLandingTable
} from '../../src/actors/lander/iceberg-landing-table.ts'
import { faultsOf, handleAnswer } from '../../src/actors/lander/lander-actor.ts'
import { makeLander } from '../../src/actors/lander/lander.ts'
import type { LanderEvent, LandingFailed } from '../../src/actors/lander/lander-ports.ts'
import type { LanderAnswer } from '../../src/actors/lander/lander-protocol.ts'
import { LandingProgress } from '../../src/actors/lander/landing-progress.ts'
import { drainRequested, type Shared } from '../../src/actors/shared.ts'
import { openTableIn } from '../../src/actors/storage/data-folder.ts'
import { storageSettingsOf } from '../../src/actors/storage/stores.ts'
import type { DeadLetterEntry } from '../../src/adapters/dead-letters/dead-letter-log.ts'
import {
  type EventLog,
  type EventLogReader,
  type LogUnavailable,
  unavailable,
  type Watermark
} from '../../src/adapters/log/event-log.ts'
import { openLogReader } from '../../src/adapters/log/log-reader.ts'
import { partitionOf } from '../../src/adapters/log/partitioner.ts'
import { defaultSequenceLimits } from '../../src/market/sequence.ts'
import type { Environment } from './environment.ts'
import type { SimulatedProcess } from './process.ts'
import { rowWriter, TradeRows } from './rows.ts'

export interface LanderContext {
  readonly environment: Environment
  readonly process: SimulatedProcess
  readonly shared: Shared
  /** A reader of the broker's log; undefined: the log is embedded. */
  readonly openReader: (() => Effect.Effect<EventLogReader, never, Scope.Scope>) | undefined
  /** A record was set aside: none should be. */
  readonly onLetter: (letter: DeadLetterEntry) => void
  readonly onCommit: (event: LanderEvent & { readonly type: 'commit.landed' }) => void
}

/** There is one thread: nobody asks for its memory. */
const memory = { report: () => undefined, collectBy: () => undefined }

/** How long a message between threads takes at most, ms. */
const messageMsMax = 20

export const landerProgram =
  (context: LanderContext) =>
  ({ commands, ready, reportStatus }: EffectActorArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const { shared } = context
      const pipeline = shared.trades
      const log = yield* served(shared.log, 'the event log')
      const progress = new LandingProgress()
      const finished = Deferred.makeUnsafe<void, LandingFailed>()
      const answer = toActor(context, (message) => {
        const event = message.type === 'lander.observed' ? message.event.type : undefined
        if (event === 'lander.started') ready()
        const name = 'lander:trades'
        handleAnswer(message, { shared, pipeline, name, memory, progress, finished })
      })
      const { reader, advance } = yield* openLog(context, log)
      const table = yield* openLandingTable(context)
      const lander = makeLander(optionsOf(shared, log), {
        log: reader,
        table: makeIcebergLandingTable(yield* landingOptions(context, { table, reader, answer })),
        rows: [new TradeRows(), new TradeRows()],
        codec: tradesSpec.makeCodec(),
        rules: tradesSpec.rules,
        learnCompact: tradesSpec.makeLearnCompact?.(),
        deadLetters: { write: (letters) => Effect.sync(() => letters.forEach(context.onLetter)) },
        partitionOf,
        nowMs: shared.nowMs,
        uuid: shared.uuid,
        observe: (event) => {
          noteLanding(context, event)
          answer({ type: 'lander.observed', event })
        }
      })
      reportStatus(() => ({ counters: { ...progress.totals } }))
      yield* pipeline.landing.serve(progress)
      yield* shared.log.follow((current) => {
        const tell = (watermark: Watermark) => later(context, () => advance(watermark))
        for (const watermark of current.watermarks()) tell(watermark)
        return current.changed(tell)
      })
      yield* Effect.forkScoped(Effect.andThen(drainRequested(commands), lander.finish))
      yield* lander.run
      shared.drained.landedOffsets.set(
        pipeline.topic,
        new Map(progress.positions.map(({ partition, offset }) => [partition, offset]))
      )
    }).pipe(markDependency)

const later = ({ environment, process }: LanderContext, run: () => void): void =>
  void process.after(environment.between(0, messageMsMax), run)

/** In order, as messages between threads are. */
const toActor = (context: LanderContext, hear: (answer: LanderAnswer) => void) => {
  const waiting: LanderAnswer[] = []
  return (answer: LanderAnswer): void => {
    waiting.push(answer)
    later(context, () => hear(waiting.shift()!))
  }
}

const openLog = ({ process, shared, openReader }: LanderContext, log: EventLog) =>
  openReader === undefined
    ? Effect.map(
        openLogReader({
          directory: shared.folder.log,
          files: process.files,
          watermarks: log.watermarks()
        }),
        (reader) => ({ reader, advance: reader.advance })
      )
    : Effect.map(openReader(), (reader) => ({ reader, advance: () => undefined }))

const openLandingTable = ({ shared }: LanderContext) =>
  Effect.gen(function* () {
    const { host, config, folder, nowMs, uuid } = shared
    const stores = yield* host.openStores(storageSettingsOf(config), folder, nowMs)
    const { snapshotsMax } = config
    return yield* openTableIn(stores, tradesSpec, {
      folder,
      snapshotsMax,
      nowMs,
      uuid,
      observe: (event) => shared.telemetry.log('debug', event.type, { ...event })
    })
  })

const optionsOf = ({ config, trades: { topic } }: Shared, log: EventLog) => ({
  topic,
  commitRowsMax: config.commitRowsMax,
  commitBytesMax: config.commitBytesMax,
  commitAgeMs: config.commitAgeMs,
  limits: { ...defaultSequenceLimits, jumpMax: config.sequenceJumpMax },
  logFaults: faultsOf(topic, log)
})

const landingOptions = (
  { process, shared }: LanderContext,
  {
    table,
    reader,
    answer
  }: Pick<IcebergLandingOptions, 'table'> & {
    readonly reader: EventLogReader
    readonly answer: (answer: LanderAnswer) => void
  }
): Effect.Effect<IcebergLandingOptions, LogUnavailable> => {
  const { topic } = shared.trades
  const writer = rowWriter(process.files)
  const dataFiles = localDataFiles(table, writer.sync)
  const made = Effect.tryPromise({
    try: () => process.files.makeDirectory(dataFiles.folder),
    catch: (error) => unavailable(dataFiles.folder, error)
  })
  return Effect.as(made, {
    table,
    writer,
    dataFiles,
    logIdentity: reader.identityOf(topic),
    topic,
    partitionCount: reader.topics.get(topic) ?? 0,
    onRemoved: (files) =>
      answer({ type: 'files.removed', locations: files.map(({ location }) => location) })
  })
}

const noteLanding = ({ environment, process, onCommit }: LanderContext, event: LanderEvent) => {
  switch (event.type) {
    case 'commit.landed': {
      const { rows, snapshotId } = event
      process.trace(`landed ${rows} rows as ${snapshotId}`)
      environment.note('commit: landed')
      if (rows === 0) environment.note('commit: without rows')
      onCommit(event)
      return
    }
    case 'commit.fenced':
      process.trace(`is fenced: ${event.detail}`)
      environment.note('commit: fenced')
      return
    case 'partition.stopped':
      process.trace(`does not land partition ${event.partition}: ${event.detail}`)
      return
    case 'commit.failed':
      process.trace(`could not commit: ${event.detail}`)
      return
    case 'lander.started':
    case 'record.dead_lettered':
    case 'ids.rejected':
    case 'records.followed':
      return
    default:
      event satisfies never
  }
}

