/**
 * Local copies of immutable files that a store holds, for who can read local files only.
 *
 * 1. A copy has its name only when it is whole: it is fetched under another one and renamed.
 * 2. A copy that is found, from an earlier run or put there by another thread, is used only if it
 *    has the digest that was noted beside it and the size that is asked for; else it is fetched
 *    again.
 * 3. A file is fetched by one at a time; who asks meanwhile waits for that, and an asker that
 *    leaves does not end it.
 * 4. Copies in use stay. Of the others the least recently used go, so that all of them, with what
 *    is being fetched, stay below `bytesMax`. Who needs more than that at once is refused.
 * 5. The folder is one cache's; another thread may only add to it (`addToCache`). Only `sweep`
 *    sees what was added, so that may exceed the limit until then.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import type * as Scope from 'effect/Scope'
import * as Semaphore from 'effect/Semaphore'

export interface CachedFile {
  /** In the store. */
  readonly location: string
  readonly bytes: number
}

export interface FileCacheOptions {
  /** Absolute; it exists. */
  readonly folder: string
  readonly bytesMax: number
  /** Content of a stored file into a local one, which is replaced. */
  readonly download: (
    location: string,
    path: string,
    bytes: number
  ) => Effect.Effect<void, { readonly message: string }>
}

export interface FileCache {
  /** Runs `use` with the paths of copies, in the order of the files, which stay while it runs. */
  readonly use: <A, E>(
    files: readonly CachedFile[],
    use: (paths: readonly string[]) => Effect.Effect<A, E>
  ) => Effect.Effect<A, E | FileNotCached | FilesExceedCache>
  /** Learns of copies that others added, and removes what is too much. */
  readonly sweep: Effect.Effect<void>
  /** Bytes of the copies that it knows. */
  readonly bytes: () => number
}

/** There is no copy of a file, and none can be had now. */
export class FileNotCached extends Schema.TaggedError<FileNotCached>()('FileNotCached', {
  location: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `no local copy of ${this.location}: ${this.detail}`
  }
}

/** More is to be read at once than the cache may hold. */
export class FilesExceedCache extends Schema.TaggedError<FilesExceedCache>()('FilesExceedCache', {
  bytesMax: Schema.Number
}) {
  override get message() {
    return (
      `what is read at once exceeds the cache of ${this.bytesMax} bytes: narrow the query, or ` +
      'raise K2_ICEBERG_S3_CACHE_LIMIT'
    )
  }
}

type CacheFault = FileNotCached | FilesExceedCache

/** Path that the copy of a file has, whether there is one or not. */
export const cachePath = (folder: string, location: string): string =>
  join(folder, `${createHash('sha256').update(location).digest('hex').slice(0, 40)}${copySuffix}`)

/**
 * Gives a local file to the cache of a folder on the same disk; by any thread, for a file that the
 * store has. The file is moved.
 */
export const addToCache = (
  folder: string,
  location: string,
  path: string
): Effect.Effect<void, FileNotCached> =>
  Effect.tryPromise({
    try: () => keep(cachePath(folder, location), path),
    catch: (error) => new FileNotCached({ location, detail: String(error) })
  })

/** Opens the cache of a folder; what is being fetched ends with the scope. */
export const openFileCache = (
  options: FileCacheOptions
): Effect.Effect<FileCache, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const cache: Cache = {
      options,
      copies: new Map(),
      fetching: new Map(),
      downloads: yield* Semaphore.make(downloadsMax),
      scope,
      uses: 0
    }
    yield* removeLeftovers(options.folder)
    yield* sweep(cache)
    return {
      use: (files, use) =>
        Effect.acquireUseRelease(
          Effect.sync(() => pin(cache, files)),
          () =>
            Effect.forEach(files, (file) => copyOf(cache, file), {
              concurrency: downloadsMax
            }).pipe(Effect.flatMap(use)),
          () => Effect.andThen(Effect.sync(() => unpin(cache, files)), trim(cache))
        ),
      sweep: sweep(cache),
      bytes: () => bytesOf(cache)
    }
  })

const copySuffix = '.parquet'
const sumSuffix = '.sum'
const fetchSuffix = '.part'
const downloadsMax = 4

interface Copy {
  bytes: number
  /** Verified by this process, or made by it. */
  isVerified: boolean
  pins: number
  /** Order of use; 0: not used by this process. */
  used: number
}

interface Cache {
  readonly options: FileCacheOptions
  /** By path, also of files in use that have no copy yet. */
  readonly copies: Map<string, Copy>
  readonly fetching: Map<string, Deferred.Deferred<void, CacheFault>>
  readonly downloads: Semaphore.Semaphore
  readonly scope: Scope.Scope
  /** Counts uses: the order in which copies were used last. */
  uses: number
}

const pathOf = ({ options }: Cache, { location }: CachedFile): string =>
  cachePath(options.folder, location)

const pin = (cache: Cache, files: readonly CachedFile[]): void => {
  for (const file of files) {
    const path = pathOf(cache, file)
    const copy = cache.copies.get(path) ?? { bytes: 0, isVerified: false, pins: 0, used: 0 }
    copy.pins += 1
    copy.used = cache.uses += 1
    cache.copies.set(path, copy)
  }
}

const unpin = (cache: Cache, files: readonly CachedFile[]): void => {
  for (const file of files) {
    const path = pathOf(cache, file)
    const copy = cache.copies.get(path)
    if (copy === undefined) continue
    copy.pins -= 1
    // It was only asked for.
    if (copy.pins === 0 && copy.bytes === 0) cache.copies.delete(path)
  }
}

const bytesOf = ({ copies }: Cache): number => {
  let total = 0
  for (const { bytes } of copies.values()) total += bytes
  return total
}

/** Path of a whole copy of a file that is pinned. */
const copyOf = (cache: Cache, file: CachedFile): Effect.Effect<string, CacheFault> =>
  Effect.suspend(() => {
    const path = pathOf(cache, file)
    const running = cache.fetching.get(path)
    if (running !== undefined) return Effect.as(Deferred.await(running), path)
    const done = Deferred.makeUnsafe<void, CacheFault>()
    cache.fetching.set(path, done)
    const fetch = cache.downloads.withPermits(1)(obtain(cache, file, path)).pipe(
      Effect.onExit((exit) => {
        cache.fetching.delete(path)
        return Deferred.done(done, exit)
      })
    )
    // Of nobody who asks (3).
    return Effect.forkIn(fetch, cache.scope).pipe(
      Effect.andThen(Deferred.await(done)),
      Effect.as(path)
    )
  })

const obtain = Effect.fnUntraced(function* (cache: Cache, file: CachedFile, path: string) {
  const { location, bytes } = file
  const failed = (error: unknown) =>
    error instanceof FilesExceedCache
      ? error
      : new FileNotCached({ location, detail: messageOf(error) })
  // Who asked for it may have left meanwhile.
  const copy = cache.copies.get(path) ?? { bytes: 0, isVerified: false, pins: 0, used: cache.uses }
  cache.copies.set(path, copy)
  const isThere = yield* Effect.tryPromise({
    try: () => isWhole(path, bytes, copy.isVerified),
    catch: failed
  })
  if (!isThere) {
    copy.isVerified = false
    const part = `${path}${fetchSuffix}`
    yield* makeRoom(cache, file, copy).pipe(
      Effect.andThen(cache.options.download(location, part, bytes)),
      Effect.mapError(failed),
      Effect.andThen(Effect.tryPromise({ try: () => keep(path, part), catch: failed })),
      Effect.tapError(() => Effect.promise(() => rm(part, { force: true }))),
      Effect.tapError(() =>
        Effect.sync(() => {
          copy.bytes = 0
          if (copy.pins === 0) cache.copies.delete(path)
        })
      )
    )
  }
  copy.bytes = bytes
  copy.isVerified = true
})

const messageOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'message' in error
    ? String(error.message)
    : String(error)

/** Makes a local file the copy (1); its digest is noted first (2). */
const keep = async (path: string, from: string): Promise<void> => {
  await writeFile(`${path}${sumSuffix}`, await digestOf(from))
  await rename(from, path)
}

const digestOf = async (path: string): Promise<string> => {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

/** (2) */
const isWhole = async (path: string, bytes: number, isVerified: boolean): Promise<boolean> => {
  try {
    if ((await stat(path)).size !== bytes) return false
    if (isVerified) return true
    const noted = await readFile(`${path}${sumSuffix}`, 'utf8')
    return noted === (await digestOf(path))
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT'

/** Room for one file more (4). */
const makeRoom = Effect.fnUntraced(function* (cache: Cache, file: CachedFile, copy: Copy) {
  const { bytesMax } = cache.options
  // Counted from now on, so that others do not take the same room.
  copy.bytes = file.bytes
  yield* trim(cache)
  if (bytesOf(cache) <= bytesMax) return
  yield* new FilesExceedCache({ bytesMax })
})

/** Removes the least recently used copies until the limit holds, as far as they are not in use. */
const trim = (cache: Cache): Effect.Effect<void> =>
  Effect.suspend(() => {
    let excess = bytesOf(cache) - cache.options.bytesMax
    if (excess <= 0) return Effect.void
    const idle = [...cache.copies]
      .filter(([path, { pins }]) => pins === 0 && !cache.fetching.has(path))
      .sort(([, left], [, right]) => left.used - right.used)
    const gone: string[] = []
    for (const [path, { bytes }] of idle) {
      if (excess <= 0) break
      cache.copies.delete(path)
      excess -= bytes
      gone.push(path)
    }
    return Effect.promise(() => removeCopies(gone))
  })

const removeCopies = async (paths: readonly string[]): Promise<void> => {
  for (const path of paths) {
    await rm(path, { force: true })
    await rm(`${path}${sumSuffix}`, { force: true })
  }
}

/** (5) Oldest first, so that those of earlier runs go before what is used now. */
const sweep = (cache: Cache): Effect.Effect<void> =>
  Effect.promise(async () => {
    const { folder } = cache.options
    const found: { readonly path: string; readonly bytes: number; readonly ageMs: number }[] = []
    for (const name of await readdir(folder)) {
      const path = join(folder, name)
      if (!name.endsWith(copySuffix) || cache.copies.has(path)) continue
      const known = await stat(path).catch(() => null)
      if (known !== null) found.push({ path, bytes: known.size, ageMs: known.mtimeMs })
    }
    for (const { path, bytes } of found.sort((left, right) => left.ageMs - right.ageMs)) {
      if (cache.copies.has(path)) continue
      cache.copies.set(path, { bytes, isVerified: false, pins: 0, used: (cache.uses += 1) })
    }
  }).pipe(Effect.andThen(trim(cache)))

/** What an earlier run was fetching. */
const removeLeftovers = (folder: string): Effect.Effect<void> =>
  Effect.promise(async () => {
    for (const name of await readdir(folder))
      if (name.endsWith(fetchSuffix)) await rm(join(folder, name), { force: true })
  })
