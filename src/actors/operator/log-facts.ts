/** What the doctor and `adopt-log` must know of the log, whichever it is (R8). */
import * as Effect from 'effect/Effect'
import type { ReadFailure } from '../../adapters/log/event-log.ts'
import { openLogReader } from '../../adapters/log/log-reader.ts'
import { type PartitionSurvey, surveyLog } from '../../adapters/log/log-survey.ts'
import { nodeFiles } from '../../adapters/log/node-files.ts'

export interface KnownLog {
  /** Of a topic that it has. */
  readonly identityOf: (topic: string) => string | undefined
  /** Of a topic of an embedded log. */
  readonly directoryOf: (topic: string) => string | undefined
  readonly topics: ReadonlyMap<string, number>
  readonly partitions: readonly PartitionSurvey[]
  /** Whether a partition can be made to go on at an offset that it does not have. */
  readonly canGoOnAt: boolean
  /** Why nothing can be read at an offset; null: something can, or the log ends there. */
  readonly faultAt: (
    topic: string,
    partition: number,
    offset: number
  ) => Effect.Effect<ReadFailure | null>
}

export type LogFacts = KnownLog | { readonly missing: string }

const probeBytesMax = 1

/** Of the embedded logs in these folders, whether or not their writers run. */
export const embeddedLogFacts = (directories: readonly [string, ...string[]]) =>
  Effect.gen(function* () {
    const known: KnownLog[] = []
    for (const directory of directories) {
      const facts = yield* factsAt(directory)
      if (facts !== null) known.push(facts)
    }
    if (known.length === 0) return { missing: `${directories[0]} holds no log` } satisfies LogFacts
    return joined(known)
  })

/** A topic is in one of them. */
const joined = (logs: readonly KnownLog[]): KnownLog => {
  const of = (topic: string) => logs.find(({ topics }) => topics.has(topic))
  return {
    topics: new Map(logs.flatMap(({ topics }) => [...topics])),
    partitions: logs.flatMap(({ partitions }) => partitions),
    identityOf: (topic) => of(topic)?.identityOf(topic),
    directoryOf: (topic) => of(topic)?.directoryOf(topic),
    canGoOnAt: true,
    faultAt: (topic, partition, offset) =>
      of(topic)?.faultAt(topic, partition, offset) ?? Effect.succeed(null)
  }
}

const factsAt = (directory: string) =>
  Effect.gen(function* () {
    const survey = yield* surveyLog(nodeFiles, directory)
    if (survey === null) return null
    const reader = yield* openLogReader({
      directory,
      files: nodeFiles,
      watermarks: survey.partitions.map(({ topic, partition, endOffset: durableEnd }) => ({
        topic,
        partition,
        durableEnd
      }))
    })
    return {
      ...survey,
      identityOf: () => survey.identity,
      directoryOf: () => directory,
      canGoOnAt: true,
      faultAt: (topic, partition, offset) =>
        Effect.match(
          reader.read(topic, partition, { fromOffset: offset, bytesMax: probeBytesMax }),
          { onSuccess: () => null, onFailure: (failure): ReadFailure | null => failure }
        )
    } satisfies KnownLog
  })
