/** What the doctor and `adopt-log` must know of the log, whichever it is (R8). */
import * as Effect from 'effect/Effect'
import type { ReadFailure } from '../../adapters/log/event-log.ts'
import { openLogReader } from '../../adapters/log/log-reader.ts'
import { type PartitionSurvey, surveyLog } from '../../adapters/log/log-survey.ts'
import { nodeFiles } from '../../adapters/log/node-files.ts'

export interface KnownLog {
  /** Of a topic that it has. */
  readonly identityOf: (topic: string) => string | undefined
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

/** Of the embedded log in a folder, whether or not its writer runs. */
export const embeddedLogFacts = (directory: string) =>
  Effect.gen(function* () {
    const survey = yield* surveyLog(nodeFiles, directory)
    if (survey === null) return { missing: `${directory} holds no log` } satisfies LogFacts
    const reader = yield* openLogReader({
      directory,
      files: nodeFiles,
      watermarks: survey.partitions.map(({ topic, partition, endOffset: durableEnd }) => ({
        topic,
        partition,
        durableEnd
      }))
    })
    const facts: LogFacts = {
      ...survey,
      identityOf: () => survey.identity,
      canGoOnAt: true,
      faultAt: (topic, partition, offset) =>
        Effect.match(
          reader.read(topic, partition, { fromOffset: offset, bytesMax: probeBytesMax }),
          { onSuccess: () => null, onFailure: (failure): ReadFailure | null => failure }
        )
    }
    return facts
  })
