/** Folders on the local disk: made durable, measured. */
import { closeSync, fsync, openSync } from 'node:fs'
import { access, mkdir, mkdtemp, readdir, rm, stat, writeFile as write } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'

/** The disk refused: no permission, full, not a folder. */
export class FolderFailed extends Schema.TaggedError<FolderFailed>()('FolderFailed', {
  path: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `folder ${this.path}: ${this.detail}`
  }
}

/** Makes a folder and those above it; their directory entries survive a power cut. */
export const makeFolder = (path: string): Effect.Effect<void, FolderFailed> =>
  attempt(path, async () => {
    const first = await mkdir(path, { recursive: true })
    if (first === undefined) return
    const top = dirname(resolve(first))
    for (let folder = dirname(resolve(path)); ; folder = dirname(folder)) {
      await syncPath(folder)
      if (folder === top || folder === dirname(folder)) return
    }
  })

/** Fsyncs a file or a folder. */
export const syncToDisk = (path: string): Effect.Effect<void, FolderFailed> =>
  attempt(path, () => syncPath(path))

/** Not durable: for what is thrown away again. */
export const writeFile = (path: string, bytes: Uint8Array): Effect.Effect<void, FolderFailed> =>
  attempt(path, () => write(path, bytes))

/** Removing what is absent is success. */
export const removeFile = (path: string): Effect.Effect<void, FolderFailed> =>
  attempt(path, () => rm(path, { force: true }))

/** Makes a folder, or removes what is in it. */
export const emptyFolder = (path: string): Effect.Effect<void, FolderFailed> =>
  attempt(path, async () => {
    await rm(path, { recursive: true, force: true })
    await mkdir(path, { recursive: true })
  })

export const doesExist = (path: string): Effect.Effect<boolean> =>
  Effect.promise(() =>
    access(path).then(
      () => true,
      () => false
    )
  )

/** A new folder where the system keeps what goes again; who asks for it removes it. */
export const makeTemporaryFolder = (prefix: string): Effect.Effect<string, FolderFailed> =>
  attempt(tmpdir(), () => mkdtemp(join(tmpdir(), prefix)))

/** With what is in it. */
export const removeFolder = (path: string): Effect.Effect<void, FolderFailed> =>
  attempt(path, () => rm(path, { recursive: true, force: true }))

/** Bytes that the files below a folder take on disk; files that vanish meanwhile count nothing. */
export const folderBytes = (path: string): Effect.Effect<number, FolderFailed> =>
  attempt(path, () => bytesBelow(path))

const attempt = <A>(path: string, run: () => Promise<A>): Effect.Effect<A, FolderFailed> =>
  Effect.tryPromise({
    try: run,
    catch: (error) => new FolderFailed({ path, detail: String(error) })
  })

/** Opened and closed at once: to have another thread do that costs this one more. */
const syncPath = async (path: string): Promise<void> => {
  const opened = openSync(path, 'r')
  await promisify(fsync)(opened).finally(() => closeSync(opened))
}

const blockBytes = 512

const bytesBelow = async (path: string): Promise<number> => {
  let total = 0
  for (const entry of await present(readdir(path, { withFileTypes: true }), [])) {
    const below = join(path, entry.name)
    if (entry.isDirectory()) total += await bytesBelow(below)
    else total += await present(stat(below).then(({ blocks }) => blocks * blockBytes), 0)
  }
  return total
}

/** The measured folder is alive: what is deleted between two steps is absent, not an error. */
const present = <A>(running: Promise<A>, absent: A): Promise<A> =>
  running.catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return absent
    throw error
  })
