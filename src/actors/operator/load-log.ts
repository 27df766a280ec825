/**
 * The log that the rows of a load go through: Kafka, or one of two embedded logs of the folder.
 *
 * 1. A topic's rows come through one log for ever: what the log repeats, and what a second load
 *    brings again, is known by sequence states, and those are of one log (R8, R26).
 * 2. Of the embedded ones that is the log that has the topic already. A new topic of an exchange
 *    that feeds capture is K2's own log's, which will capture it; every other one is the load
 *    log's, which no running K2 holds.
 * 3. What has landed leaves the load log at once: nobody reads it there, and between two loads no
 *    process has it open that would let it go later.
 * 4. The log is opened behind the offsets that all tables of the folder name (R11).
 */
import * as Effect from 'effect/Effect'
import type * as Scope from 'effect/Scope'
import * as Schema from 'effect/Schema'
import { readRecordedState } from '../../adapters/iceberg/table.ts'
import { type ConsumedOffset, openEmbeddedLog } from '../../adapters/log/embedded-log.ts'
import {
  type EventLog,
  type EventLogReader,
  unavailable
} from '../../adapters/log/event-log.ts'
import { type LogDescription, readDescription } from '../../adapters/log/log-directory.ts'
import { nodeFiles, systemClock } from '../../adapters/log/node-files.ts'
import { nodeProcess } from '../../adapters/log/node-process.ts'
import type { LogInUse } from '../../adapters/log/writer-lock.ts'
import { keptSchemas } from '../../adapters/schema/kept-schemas.ts'
import { capturedExchanges } from '../../market/instrument.ts'
import {
  gapsTable,
  type LogSpec,
  quotesSpec,
  referenceDataSpec,
  tradesSpec
} from '../data-types.ts'
import { openTableIn, type TableContext } from '../storage/data-folder.ts'
import type { Stores } from '../storage/stores.ts'

export interface LoadLog {
  readonly writer: Pick<EventLog, 'append' | 'topics' | 'setConsumed' | 'faults'>
  readonly reader: EventLogReader
}

/** The load cannot be carried through the log. */
export class LoadRefused extends Schema.TaggedError<LoadRefused>()('LoadRefused', {
  detail: Schema.String
}) {
  override get message() {
    return this.detail
  }
}

export interface LoadLogOptions {
  readonly topic: string
  /** Upper case. */
  readonly exchange: string
  readonly spec: Pick<LogSpec<never>, 'schema' | 'name'>
  /** Of a topic that the log does not have yet. */
  readonly partitions: number
  readonly diskBytesMax: number
  readonly stores: Stores
  readonly context: TableContext
}

const segmentBytes = 4 * 1_024 ** 2

export const openEmbeddedLoadLog = (
  options: LoadLogOptions
): Effect.Effect<LoadLog, { readonly message: string }, Scope.Scope> =>
  Effect.gen(function* () {
    const { topic, partitions, diskBytesMax, spec, context } = options
    const { log: ownLog, loadLog, schemas } = context.folder
    yield* Effect.tryPromise({
      try: () => keptSchemas(schemas).keep(spec.schema),
      catch: (error) => unavailable(schemas, error)
    })
    const [own, loads] = [yield* describe(ownLog), yield* describe(loadLog)]
    const isOwn = isOfOwnLog(options, own, loads)
    const [directory, description] = isOwn ? [ownLog, own] : [loadLog, loads]
    const log = yield* openEmbeddedLog({
      directory,
      files: nodeFiles,
      clock: systemClock,
      process: yield* Effect.promise(nodeProcess),
      topics: { [topic]: description?.topics.get(topic) ?? partitions },
      neverBelow: yield* landedOffsets(options, description),
      limits: { segmentBytes, diskBytesMax, flushDelayMs: 0, ...(isOwn ? {} : { retentionMs: 0 }) },
      observe: () => undefined
    }).pipe(Effect.catchTag('LogInUse', (held) => inUse(held, topic, isOwn)))
    return { writer: log, reader: log }
  })

/** (2) */
export const isOfOwnLog = (
  { topic, exchange }: Pick<LoadLogOptions, 'topic' | 'exchange'>,
  own: LogDescription | undefined,
  loads: LogDescription | undefined
): boolean => {
  if (loads?.topics.has(topic) === true) return false
  if (own?.topics.has(topic) === true) return true
  return capturedExchanges.some((captured) => captured === exchange)
}

const inUse = ({ pid }: LogInUse, topic: string, isOwn: boolean) =>
  new LoadRefused({
    detail: isOwn
      ? `${topic} comes through the log that process ${pid} has open, and through one log only: ` +
        'repeats would not be known otherwise. Stop K2 (npm run k2 -- drain), load, and start it ' +
        'again; on Kafka it could go on'
      : `process ${pid} loads into this folder: wait until it has ended`
  })

const describe = (directory: string) =>
  Effect.tryPromise({
    try: () => readDescription(nodeFiles, directory),
    catch: (error) => unavailable(directory, error)
  })

/** (4) */
const landedOffsets = (
  { stores, context }: LoadLogOptions,
  description: LogDescription | undefined
) =>
  Effect.map(
    Effect.forEach([tradesSpec, quotesSpec, referenceDataSpec, gapsTable], (spec) =>
      openTableIn(stores, spec, { ...context, mustExist: true }).pipe(
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
