/**
 * Immutable files on a local disk, addressed by `file://` URIs or absolute paths.
 *
 * 1. A name, once written, never changes: writing to a taken name fails and leaves it as it is.
 * 2. A write is durable when it returns: the file is synced, and so is each directory that gained
 *    an entry.
 * 3. `publish` is atomic: a synced file is linked to its name; before that, the name does not
 *    exist.
 * 4. Naming, filling and closing a file is done at once, only waiting for the disk is left to
 *    another thread: handing a call over costs this thread several times what such a call does.
 * 5. An operation that has begun runs to its end, also when its fiber is interrupted: nothing
 *    writes behind our back.
 */
import { closeSync, fsync, linkSync, openSync, unlinkSync, writeFileSync } from 'node:fs'
import { mkdir, readdir, readFile, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import * as Effect from 'effect/Effect'
import { FileExists, FileFailed, FileMissing } from './file-errors.ts'

export type LocalFileError = FileMissing | FileExists | FileFailed

export interface LocalFiles {
  readonly read: (location: string) => Effect.Effect<Uint8Array, LocalFileError>
  readonly writeNew: (location: string, bytes: Uint8Array) => Effect.Effect<void, LocalFileError>
  readonly publish: (staged: string, location: string) => Effect.Effect<void, LocalFileError>
  readonly remove: (location: string) => Effect.Effect<void, LocalFileError>
  readonly list: (directory: string) => Effect.Effect<readonly string[], LocalFileError>
  readonly size: (location: string) => Effect.Effect<number | null, LocalFileError>
  /**
   * Syncs a file that somebody else wrote, for example DuckDB; its directory needs a sync as well.
   */
  readonly syncFile: (location: string) => Effect.Effect<void, LocalFileError>
  readonly syncDirectory: (location: string) => Effect.Effect<void, LocalFileError>
}

/** URI of a local path, as metadata names it. */
export const fileLocation = (path: string): string => pathToFileURL(path).href

/** Local path of a `file://` URI. */
export const filePath = (location: string): string => fileURLToPath(location)

export const makeLocalFiles = (): LocalFiles => {
  const directories = new Map<string, Promise<void>>()
  const ensureDirectory = (path: string): Promise<void> => {
    const ready =
      directories.get(path) ??
      makeDirectory(path).catch((error: unknown) => {
        directories.delete(path)
        throw error
      })
    directories.set(path, ready)
    return ready
  }
  return { ...writes(ensureDirectory), ...reads }
}

const writes = (ensureDirectory: (path: string) => Promise<void>) => ({
  writeNew: (location: string, bytes: Uint8Array) =>
    run('write', location, async (path) => {
      await ensureDirectory(dirname(path))
      await writeSynced(path, bytes)
      await syncPath(dirname(path))
    }),
  publish: (staged: string, location: string) =>
    run('publish', location, async (path) => {
      linkSync(pathOf(staged), path)
      unlinkSync(pathOf(staged))
      await syncPath(dirname(path))
    })
})

const reads: Omit<LocalFiles, keyof ReturnType<typeof writes>> = {
  read: (location) => run('read', location, (path) => readFile(path)),
  remove: (location) => run('remove', location, (path) => unlink(path).catch(ignoreMissing)),
  list: (directory) =>
    run('list', directory, async (path) => {
      const names = await readdir(path).catch((error: unknown) => (ignoreMissing(error), []))
      return names
    }),
  size: (location) =>
    run('stat', location, async (path) => {
      const found = await stat(path).catch((error: unknown) => (ignoreMissing(error), null))
      return found === null ? null : found.size
    }),
  syncFile: (location) => run('sync', location, syncPath),
  syncDirectory: (location) => run('sync', location, syncPath)
}

const run = <A>(
  operation: string,
  location: string,
  body: (path: string) => Promise<A>
): Effect.Effect<A, LocalFileError> =>
  Effect.uninterruptible(
    Effect.tryPromise({
      try: () => body(pathOf(location)),
      catch: (error) => faultOf(operation, location, error)
    })
  )

export const pathOf = (location: string): string =>
  location.startsWith('file:') ? filePath(location) : location

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : String(error)

export const faultOf = (operation: string, location: string, error: unknown): LocalFileError => {
  const code = codeOf(error)
  if (code === 'ENOENT') return new FileMissing({ location })
  return code === 'EEXIST'
    ? new FileExists({ location })
    : new FileFailed({ location, operation, code })
}

const ignoreMissing = (error: unknown): void => {
  if (codeOf(error) !== 'ENOENT') throw error
}

const writeSynced = async (path: string, bytes: Uint8Array): Promise<void> => {
  const file = openSync(path, 'wx')
  try {
    writeFileSync(file, bytes)
    await synced(file)
  } catch (error) {
    unlinkSync(path)
    throw error
  } finally {
    closeSync(file)
  }
}

const synced: (descriptor: number) => Promise<void> = promisify(fsync)

const syncPath = async (path: string): Promise<void> => {
  const opened = openSync(path, 'r')
  await synced(opened).finally(() => closeSync(opened))
}

/** Creates missing directories and syncs the parents that gained one (2); once per directory. */
const makeDirectory = async (path: string): Promise<void> => {
  const first = await mkdir(path, { recursive: true }).catch((error: unknown) => {
    // A file where a directory should be: not to be taken for a name that exists.
    throw codeOf(error) === 'EEXIST' ? Object.assign(new Error(path), { code: 'ENOTDIR' }) : error
  })
  // Who made it before us may not have synced it yet.
  const topmost = first ?? path
  for (let created = path; created.length >= topmost.length; created = dirname(created)) {
    await syncPath(dirname(created))
  }
}
