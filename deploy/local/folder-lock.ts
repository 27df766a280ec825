/** One starter at a time in a folder: two would format the same storage and take the same ports. */
import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { conditionOf, identityOf, type ProcessIdentity } from './process-identity.ts'
import { StackProblem } from './stack-problem.ts'

export const withFolderLock = async <A>(folder: string, work: () => Promise<A>): Promise<A> => {
  await mkdir(folder, { recursive: true })
  const file = join(folder, 'starting.lock')
  if (!(await take(file))) {
    const holder = await holderOf(file)
    if (holder !== undefined && conditionOf(holder) !== 'ended') {
      throw new StackProblem(
        `process ${holder.pid} is starting services in ${folder}: wait for it, or end it`
      )
    }
    // Its owner died before it could remove it.
    await rm(file, { force: true })
    if (!(await take(file))) {
      throw new StackProblem(`another process has just begun to start services in ${folder}: wait`)
    }
  }
  try {
    return await work()
  } finally {
    await rm(file, { force: true })
  }
}

const take = async (file: string): Promise<boolean> => {
  try {
    const handle = await open(file, 'wx')
    await handle.writeFile(JSON.stringify(identityOf(process.pid)))
    await handle.close()
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** Undefined when it is gone, or was left behind by one that died while writing it. */
const holderOf = async (file: string): Promise<ProcessIdentity | undefined> => {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as ProcessIdentity
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
