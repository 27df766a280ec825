/**
 * What an embedded log holds, read from its folder alone: for operators, while its writer runs and
 * while it does not.
 *
 * 1. Nothing is written. While a writer runs, the end may count a group whose fsync is under way.
 * 2. Only the newest segment of a partition is read, as its writer would at the next start.
 */
import * as Effect from 'effect/Effect'
import { type LogUnavailable, unavailable } from './event-log.ts'
import { LogDescriptionUnreadable, readDescription, topicPartitionName } from './log-directory.ts'
import { FileAbsent, type LogFiles } from './log-files.ts'
import { segmentOffsets } from './segment-reader.ts'
import { surveyNewest } from './segment-recovery.ts'

export interface PartitionSurvey {
  readonly topic: string
  readonly partition: number
  readonly startOffset: number
  /** Behind the last whole batch. */
  readonly endOffset: number
  /** Why the newest segment cannot be opened for writing: durable bytes of it are damaged. */
  readonly damage: string | null
  /** First offsets of its segments, ascending. */
  readonly segmentOffsets: readonly number[]
}

export interface LogSurvey {
  readonly identity: string
  readonly topics: ReadonlyMap<string, number>
  readonly partitions: readonly PartitionSurvey[]
}

/** Null where the folder holds no log. */
export const surveyLog = (
  files: LogFiles,
  directory: string
): Effect.Effect<LogSurvey | null, LogDescriptionUnreadable | LogUnavailable> =>
  Effect.tryPromise({
    try: () => survey(files, directory),
    catch: (error) =>
      error instanceof LogDescriptionUnreadable ? error : unavailable('embedded log', error)
  })

const survey = async (files: LogFiles, directory: string): Promise<LogSurvey | null> => {
  const description = await readDescription(files, directory)
  if (description === undefined) return null
  const partitions: PartitionSurvey[] = []
  for (const [topic, count] of description.topics) {
    for (let partition = 0; partition < count; partition++) {
      partitions.push(await surveyPartition(files, directory, { topic, partition }))
    }
  }
  return { ...description, partitions }
}

const surveyPartition = async (
  files: LogFiles,
  directory: string,
  at: { readonly topic: string; readonly partition: number }
): Promise<PartitionSurvey> => {
  const topicPartition = topicPartitionName(at.topic, at.partition)
  const source = { files, directory: `${directory}/${topicPartition}`, topicPartition }
  const offsets = segmentOffsets(await namesIn(files, source.directory))
  const newest = offsets.at(-1)
  if (newest === undefined)
    return { ...at, startOffset: 0, endOffset: 0, damage: null, segmentOffsets: [] }
  const { endOffset, damage } = await surveyNewest(source, newest)
  return {
    ...at,
    startOffset: offsets[0]!,
    endOffset,
    damage: damage?.message ?? null,
    segmentOffsets: offsets
  }
}

/** A partition whose folder is not there yet, or no more, is empty. */
const namesIn = async (files: LogFiles, directory: string): Promise<readonly string[]> => {
  try {
    return await files.list(directory)
  } catch (error) {
    const isAbsent =
      error instanceof FileAbsent || (error as NodeJS.ErrnoException).code === 'ENOENT'
    if (isAbsent) return []
    throw error
  }
}
