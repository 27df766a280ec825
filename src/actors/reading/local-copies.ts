/**
 * Local paths of data files, for DuckDB, which reads the local disk only: the files themselves, or
 * copies of those that are in the object store.
 */
import { fileURLToPath } from 'node:url'
import * as Effect from 'effect/Effect'
import type * as Scope from 'effect/Scope'
import { type FolderFailed, makeFolder } from '../../adapters/disk/folders.ts'
import {
  type CachedFile,
  cachePath,
  type FileNotCached,
  type FilesExceedCache,
  openFileCache
} from '../../adapters/object-store/file-cache.ts'
import type { DataFolder } from '../storage/data-folder.ts'
import { isObject, type Stores } from '../storage/stores.ts'

interface PathOnly {
  readonly path: string
}

interface DataFileRef extends PathOnly {
  readonly location: string
  readonly fileSizeBytes: number
}

export type CopyFault = FileNotCached | FilesExceedCache

/** Runs `use` while some files can be read at their paths. */
export type ReadCopies = <A, E>(
  some: readonly PathOnly[],
  use: Effect.Effect<A, E>
) => Effect.Effect<A, E | CopyFault>

export interface LocalCopies {
  /** Where the file, or its copy, is or would be. */
  readonly pathOf: (location: string) => string
  /** For some of these files, the same objects. */
  readonly readerOf: (files: readonly DataFileRef[]) => ReadCopies
  /** Bytes of the copies. */
  readonly bytes: () => number
}

const sweepMs = 10_000

/** Copies go with the scope only as far as they are being fetched: they outlive the process. */
export const openLocalCopies = (
  { s3 }: Stores,
  folder: DataFolder,
  bytesMax: number
): Effect.Effect<LocalCopies, FolderFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const pathOf = (location: string) =>
      isObject(location) ? cachePath(folder.copies, location) : fileURLToPath(location)
    if (s3 === null) return { pathOf, bytes: () => 0, readerOf: () => (_, use) => use }
    yield* makeFolder(folder.copies)
    const cache = yield* openFileCache({
      folder: folder.copies,
      bytesMax,
      download: s3.download
    })
    yield* Effect.forkScoped(
      Effect.forever(Effect.andThen(Effect.sleep(sweepMs), cache.sweep))
    )
    return {
      pathOf,
      bytes: cache.bytes,
      readerOf: (files) => (some, use) => {
        const wanted = new Set(some)
        const objects = files.filter((file) => wanted.has(file) && isObject(file.location))
        return cache.use(objects.map(cachedFile), () => use)
      }
    }
  })

const cachedFile = ({ location, fileSizeBytes: bytes }: DataFileRef): CachedFile => ({
  location,
  bytes
})
