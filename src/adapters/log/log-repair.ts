/**
 * What an operator may do to an embedded log whose writer is stopped.
 *
 * 1. Nobody else writes meanwhile: the writer's own lock is held.
 * 2. Nothing is removed or changed: a partition is only made to go on at a later offset.
 */
import * as Effect from 'effect/Effect'
import { type LogUnavailable, unavailable } from './event-log.ts'
import { topicPartitionName } from './log-directory.ts'
import { FileExists, type LogFiles } from './log-files.ts'
import { segmentName } from './segment-reader.ts'
import { acquireWriterLock, LogInUse, type LogProcess } from './writer-lock.ts'

export interface RepairedLog {
  readonly directory: string
  readonly files: LogFiles
  readonly process: LogProcess
}

/** Keeps writers away while `use` runs; fails with `LogInUse` where there is one. */
export const withoutWriter = <A, E>(
  { directory, files, process }: RepairedLog,
  use: Effect.Effect<A, E>
): Effect.Effect<A, E | LogInUse | LogUnavailable> =>
  Effect.acquireUseRelease(
    Effect.tryPromise({
      try: () => acquireWriterLock(files, process, directory),
      catch: (error) => (error instanceof LogInUse ? error : unavailable(directory, error))
    }),
    () => use,
    (lock) => Effect.promise(() => lock.release())
  )

/**
 * Has a partition go on at an offset: its newest segment's name says where it ends (2). What the
 * segments before hold stays readable up to their damage.
 */
export const goOnAt = (
  { directory, files }: RepairedLog,
  at: { readonly topic: string; readonly partition: number; readonly offset: number }
): Effect.Effect<void, LogUnavailable> => {
  const topicPartition = topicPartitionName(at.topic, at.partition)
  const folder = `${directory}/${topicPartition}`
  return Effect.tryPromise({
    try: async () => {
      await files.makeDirectory(folder)
      await createEmpty(files, `${folder}/${segmentName(at.offset)}`)
      await files.syncDirectory(folder)
    },
    catch: (error) => unavailable(topicPartition, error)
  })
}

/** One that is there already is the newest segment, made by an earlier attempt. */
const createEmpty = async (files: LogFiles, path: string): Promise<void> => {
  try {
    const file = await files.open(path, 'create')
    await file.sync().finally(() => file.close())
  } catch (error) {
    if (!(error instanceof FileExists)) throw error
  }
}
