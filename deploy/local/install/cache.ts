/**
 * What is fetched and built is kept outside the clone, in a folder for each content: a clone may
 * go, and several stacks share it.
 *
 * A folder appears under its name only when it is complete, so that what was interrupted is never
 * taken for what was wanted. Who comes while it is being built waits for it.
 */
import { existsSync } from 'node:fs'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { withInstallLock } from './install-lock.ts'

export const cacheRoot = (): string =>
  resolve(process.env['K2_CACHE_DIR'] ?? join(homedir(), '.cache', 'k2'), 'stack')

/** The folder of that name, made by `build` when it is not there yet. */
export const cached = async (
  name: string,
  build: (folder: string) => Promise<void>
): Promise<string> => {
  const folder = join(cacheRoot(), name)
  if (existsSync(folder)) return folder
  return withInstallLock(`${folder}.lock`, async () => {
    if (existsSync(folder)) return folder
    const unfinished = await mkdtemp(`${folder}.unfinished-`)
    try {
      await build(unfinished)
      await rename(unfinished, folder)
    } finally {
      await rm(unfinished, { recursive: true, force: true })
    }
    return folder
  })
}
