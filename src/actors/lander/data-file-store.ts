/**
 * Where a lander or a compaction writes its data files, and how they become durable files of the
 * table: in place on this machine, or staged here and sent to the object store.
 *
 * 1. A file is durable, under the location that the table names, once `persist` has ended; asked
 *    again, as every attempt of a commit does, it does nothing twice.
 * 2. What was sent is kept as a local copy where queries are answered here: the newest rows are
 *    what is asked for most.
 * 3. What an earlier run had staged is removed: nothing names it.
 */
import { basename, join } from 'node:path'
import * as Effect from 'effect/Effect'
import { emptyFolder, makeFolder, removeFile } from '../../adapters/disk/folders.ts'
import { dataDirectory, type Table } from '../../adapters/iceberg/table.ts'
import { addToCache } from '../../adapters/object-store/file-cache.ts'
import { fileLocation, filePath } from '../../adapters/object-store/local-files.ts'
import type { S3Files } from '../../adapters/object-store/s3-files.ts'
import type { DataFolder } from '../storage/data-folder.ts'
import { isObject, type Stores } from '../storage/stores.ts'

interface Failure {
  readonly message: string
}

export interface DataFileStore {
  /** Local and absolute; it exists. */
  readonly folder: string
  /** Location of a file of that folder. */
  readonly locationOf: (path: string) => string
  readonly persist: (paths: readonly string[]) => Effect.Effect<void, Failure>
  /** Removes a file that nothing names, as far as that succeeds. */
  readonly discard: (location: string) => Effect.Effect<void>
}

export interface DataFileOptions {
  readonly table: Table
  readonly stores: Stores
  readonly folder: DataFolder
  /** Names the folder of what is staged: who writes data files has one of its own. */
  readonly writer: string
  /** Whether to keep copies of what was sent (2). */
  readonly keepsCopies: boolean
  /** Fsyncs local files. */
  readonly sync: (paths: readonly string[]) => Effect.Effect<void, Failure>
}

export const openDataFileStore = Effect.fnUntraced(function* (options: DataFileOptions) {
  const { table, stores, folder } = options
  const directory = dataDirectory(table, {})
  if (!isObject(directory) || stores.s3 === null) {
    const store = localDataFiles(table, options.sync)
    yield* makeFolder(store.folder)
    return store
  }
  const staging = join(folder.staging, `${options.writer}-${table.name}`)
  yield* emptyFolder(staging)
  yield* makeFolder(folder.copies)
  return stagedStore(options, stores.s3, { directory, staging })
})

/** Files in place. One folder per table: a partition's would only repeat what the manifest says. */
export const localDataFiles = (table: Table, sync: DataFileOptions['sync']): DataFileStore => ({
  folder: dataFolder(table),
  locationOf: fileLocation,
  persist: sync,
  discard: (location) => Effect.ignore(table.ports.files.remove(location))
})

/** Of a table whose files are on this machine. */
export const dataFolder = (table: Table): string => filePath(dataDirectory(table, {}))

const uploadsMax = 4

const stagedStore = (
  { stores, folder, keepsCopies }: DataFileOptions,
  s3: S3Files,
  { directory, staging }: { readonly directory: string; readonly staging: string }
): DataFileStore => {
  /** Staged and not sent. */
  const staged = new Set<string>()
  const locationOf = (path: string) => `${directory}/${basename(path)}`
  const send = (path: string) =>
    Effect.suspend(() => {
      if (!staged.has(path)) return Effect.void
      const location = locationOf(path)
      return s3.upload(path, location).pipe(
        Effect.tap(() => Effect.sync(() => staged.delete(path))),
        // A copy that cannot be kept is fetched by who needs it.
        Effect.andThen(
          Effect.ignore(keepsCopies ? addToCache(folder.copies, location, path) : removeFile(path))
        )
      )
    })
  return {
    folder: staging,
    locationOf: (path) => {
      staged.add(path)
      return locationOf(path)
    },
    persist: (paths) =>
      Effect.forEach(paths, send, { concurrency: uploadsMax, discard: true }),
    discard: (location) => {
      const path = join(staging, basename(location))
      staged.delete(path)
      return Effect.ignore(
        Effect.andThen(Effect.ignore(removeFile(path)), stores.files.remove(location))
      )
    }
  }
}
