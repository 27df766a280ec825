/**
 * The data folder of a demonstration: which one it is, whether it may be emptied, emptying it.
 *
 * 1. Only what K2 makes in a data folder is ever removed: a folder with anything else is refused.
 * 2. While it is emptied no K2 can open it: its lock is held meanwhile.
 * 3. The folder that `npm start` uses unless told is emptied only where that is said.
 */
import { existsSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { dataFolderAt } from '../../actors/storage/data-folder.ts'
import { settings } from '../../adapters/config/settings.ts'
import { nodeFiles } from '../../adapters/log/node-files.ts'
import { nodeProcess } from '../../adapters/log/node-process.ts'
import { acquireWriterLock } from '../../adapters/log/writer-lock.ts'
import { type Flag, type Given } from '../command-line.ts'

export const demoFolderFlag: Flag = {
  name: '--data-dir',
  value: '.k2-demo',
  about: 'Data folder of the demonstration (preset .k2-demo).'
}

export const yesFlag: Flag = {
  name: '--yes',
  about: 'Empty the folder also where it is the one that npm start uses unless told.'
}

const everydayFolder = settings.dataDir.preset ?? '.k2'

export const demoFolderOf = ({ config, values }: Given): string =>
  values.get(demoFolderFlag.name) ??
  (config.dataDir === everydayFolder ? demoFolderFlag.value! : config.dataDir)

/** It may not be emptied. */
export class FolderRefused extends Error {}

/** What lies in a data folder of K2 beside what `dataFolderAt` names. */
const otherNames = ['expired.ndjson']
const isOurs = (folder: string) => {
  const { root: _, ...parts } = dataFolderAt(folder)
  const names = new Set([...Object.values(parts).map((it) => basename(it)), ...otherNames])
  return (name: string) => names.has(name)
}

/**
 * What is in the way of emptying it, before anything is touched (1, 3).
 * @throws FolderRefused
 */
export const judgeFolder = (
  folder: string,
  names: readonly string[],
  isSaidTwice: boolean
): void => {
  if (resolve(folder) === resolve(everydayFolder) && !isSaidTwice)
    throw new FolderRefused(
      `--data-dir is ${folder}, which npm start uses unless told: leave it out for ` +
        `${demoFolderFlag.value}, or say ${yesFlag.name} as well`
    )
  const foreign = names.filter((name) => !isOurs(folder)(name))
  if (foreign.length > 0)
    throw new FolderRefused(
      `--data-dir is ${folder}, which has ${foreign.slice(0, 3).join(', ')} in it that K2 did ` +
        'not make: name a data folder of K2, or one that is empty'
    )
  if (names.length > 0 && !names.includes('log') && !names.includes('warehouse'))
    throw new FolderRefused(
      `--data-dir is ${folder}, which has neither a log nor a warehouse: ` +
        'name a data folder of K2, or one that is empty'
    )
}

/**
 * Removes what is in it; how many entries that were.
 * @throws FolderRefused, or LogInUse while a K2 has it open
 */
export const emptyDemoFolder = async (folder: string, isSaidTwice: boolean): Promise<number> => {
  if (!existsSync(folder)) return 0
  const names = await readdir(folder)
  judgeFolder(folder, names, isSaidTwice)
  if (names.length === 0) return 0
  const { log } = dataFolderAt(folder)
  const isLogged = names.includes('log')
  // (2) Who lands without an embedded log locks nothing.
  const lock = isLogged
    ? await acquireWriterLock(nodeFiles, await nodeProcess(), log)
    : undefined
  try {
    for (const name of names.filter((it) => it !== 'log'))
      await rm(join(folder, name), { recursive: true, force: true })
  } finally {
    await lock?.release()
  }
  if (isLogged) await rm(log, { recursive: true, force: true })
  return names.length
}
