/**
 * Where landing starts: the table's recorded offset of each
 * partition that is assigned, held against what the log has.
 *
 * A partition whose recorded offset the log does not hold, whose state cannot be
 * read, or that was landed from another log before, is stopped by name with the
 * remedy; it is never guessed (R8, R10).
 */
import * as Effect from 'effect/Effect'
import type { EventLogReader, LogBounds, LogUnavailable } from '../../adapters/log/event-log.ts'
import type {
  FoldContext,
  PartitionState,
  SequencedRecord
} from '../../machines/partition-fold.ts'
import {
  type LanderOptions,
  type LanderPorts,
  LandingFailed,
  type LandingTable,
  type RecordedPosition,
  type RecordedPositions
} from './lander-ports.ts'
import {
  LandingPartition,
  type LandingPartitionOptions,
  parsePartitionState
} from './landing-partition.ts'

/** What it takes to read a topic from where its table is. */
export interface PositionPorts<A extends SequencedRecord> extends Pick<
  LanderPorts<A, unknown>,
  'log' | 'codec' | 'rules' | 'learnCompact' | 'partitionOf' | 'nowMs'
> {
  readonly table: Pick<LandingTable<A, unknown>, 'positions' | 'readState'>
  readonly onReleased?: LandingPartitionOptions<A>['onReleased']
}

type PositionOptions = Pick<LanderOptions, 'topic' | 'limits' | 'logFaults' | 'losesBatch'>

export const openPartitions = <A extends SequencedRecord>(
  options: PositionOptions,
  ports: PositionPorts<A>
): Effect.Effect<readonly LandingPartition<A>[], LandingFailed> =>
  Effect.gen(function* () {
    const { log, table } = ports
    const { partitions } = yield* Effect.mapError(
      log.assignment(options.topic),
      failedAt('assignment')
    )
    const recorded = yield* table.positions
    const losesBatch = lossOf(options)
    const tableFault = recorded.fault ?? foreignFault(recorded, log.identityOf(options.topic))
    return yield* Effect.forEach(partitions, (partition) =>
      Effect.gen(function* () {
        const opened = yield* openPartition(partition, recorded.byPartition.get(partition), {
          options,
          ports,
          losesBatch
        })
        opened.fault = tableFault ?? opened.fault ?? options.logFaults.get(partition)
        return opened
      })
    )
  })

/** What the log has of a partition; where it cannot say so now, landing waits for it (R14). */
export const boundsOf = (
  log: EventLogReader,
  topic: string,
  partition: number
): Effect.Effect<LogBounds, LandingFailed> =>
  Effect.mapError(log.bounds(topic, partition), failedAt('log bounds'))

const failedAt =
  (step: string) =>
  ({ message }: LogUnavailable): LandingFailed =>
    new LandingFailed({ step, detail: message, isDependency: true })

/** The topic was landed from another log: its offsets mean nothing here (R8). */
const foreignFault = (
  { byPartition, otherLogs }: RecordedPositions,
  identity: string
): string | undefined =>
  byPartition.size === 0 && otherLogs.length > 0
    ? `the table holds this topic from log ${otherLogs.join(', ')}, not from ${identity}; ` +
      "start K2 with that log's data folder, or go over to this one: npm run k2 -- adopt-log"
    : undefined

interface OpenContext<A extends SequencedRecord> {
  readonly options: PositionOptions
  readonly ports: PositionPorts<A>
  readonly losesBatch: (() => boolean) | undefined
}

/** Of one session: the next one reads what was not committed again. */
const lossOf = ({ losesBatch }: PositionOptions): (() => boolean) | undefined => {
  if (losesBatch === undefined) return undefined
  let read = 0
  return () => ++read === losesBatch
}

const openPartition = <A extends SequencedRecord>(
  partition: number,
  recorded: RecordedPosition | undefined,
  { options, ports, losesBatch }: OpenContext<A>
): Effect.Effect<LandingPartition<A>, LandingFailed> =>
  Effect.gen(function* () {
    const { log, table, codec, nowMs } = ports
    const partitionCount = log.topics.get(options.topic)!
    const fold: FoldContext<A> = {
      rules: ports.rules,
      limits: options.limits,
      ownsKey: remembered((key) => ports.partitionOf(key, partitionCount) === partition)
    }
    const shared = {
      topic: options.topic,
      partition,
      label: `${log.identityOf(options.topic)}/${options.topic}/${partition}`,
      codec,
      fold,
      learnCompact: ports.learnCompact,
      onReleased: ports.onReleased,
      losesBatch,
      nowMs
    }
    const { startOffset, durableEnd } = yield* boundsOf(log, options.topic, partition)
    if (recorded === undefined) return new LandingPartition(shared, { startOffset })
    const state = yield* readState(table, recorded.statePath)
    if (typeof state === 'string') {
      const stopped = new LandingPartition(shared, { startOffset: recorded.offset })
      stopped.fault =
        `its sequence state cannot be read (${state}); ` +
        'restore the file, or make it anew from the table: npm run k2 -- rebuild-state'
      return stopped
    }
    const opened = new LandingPartition(shared, { offset: recorded.offset, state })
    if (recorded.offset < startOffset) {
      opened.fault =
        `the table is at offset ${recorded.offset}, but the log begins at ${startOffset}: ` +
        'records were deleted before they landed; restore the log, or go on behind them: ' +
        'npm run k2 -- adopt-log'
    } else if (recorded.offset > durableEnd) {
      opened.fault =
        `the table is at offset ${recorded.offset}, but the log ends at ${durableEnd}: ` +
        'it was truncated or is another one; restore the log, or go on with it: ' +
        'npm run k2 -- adopt-log'
    }
    return opened
  })

/**
 * The state, or why there is none. A store that is only unavailable fails instead: it comes back.
 */
const readState = <A extends SequencedRecord>(
  table: PositionPorts<A>['table'],
  path: string
): Effect.Effect<PartitionState | string, LandingFailed> =>
  table.readState(path).pipe(
    Effect.map((bytes) => {
      try {
        return parsePartitionState(bytes)
      } catch (error) {
        return `${path}: ${String(error)}`
      }
    }),
    Effect.catch((error) =>
      error.isDependency ? Effect.fail(error) : Effect.succeed(error.message)
    )
  )

/** Keys are few and come again and again; beyond this many the memory starts anew. */
const keysMax = 10_000

const remembered = (ask: (key: string) => boolean): ((key: string) => boolean) => {
  const known = new Map<string, boolean>()
  return (key) => {
    let answer = known.get(key)
    if (answer === undefined) {
      answer = ask(key)
      if (known.size >= keysMax) known.clear()
      known.set(key, answer)
    }
    return answer
  }
}
