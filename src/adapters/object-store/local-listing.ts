/** Lists a local folder with all that lies below it, for those who look for what nobody names. */
import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import { faultOf, fileLocation, type LocalFileError, pathOf } from './local-files.ts'

interface ListedFile {
  readonly location: string
  readonly modifiedMs: number
  readonly bytes: number
}

/** Files below a directory, at any depth; what vanishes meanwhile is left out. */
export const listBelow = (
  directory: string
): Effect.Effect<readonly ListedFile[], LocalFileError> =>
  Effect.tryPromise({
    try: async () => {
      const found: ListedFile[] = []
      await collect(pathOf(directory), found)
      return found
    },
    catch: (error) => faultOf('list', directory, error)
  })

const collect = async (folder: string, found: ListedFile[]): Promise<void> => {
  const entries = await present<readonly Dirent[]>(readdir(folder, { withFileTypes: true }), [])
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await collect(path, found)
    else if (entry.isFile()) {
      const stats = await present(stat(path), null)
      if (stats !== null) {
        found.push({ location: fileLocation(path), modifiedMs: stats.mtimeMs, bytes: stats.size })
      }
    }
  }
}

const present = <A>(running: Promise<A>, absent: A): Promise<A> =>
  running.catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return absent
    throw error
  })
