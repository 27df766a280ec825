/**
 * One installer at a time on this machine: apt and Maven's repository are shared, and what another
 * process is installing is not to be used half done.
 *
 * The lock is the kernel's, held by a child: it goes when this process does, however it ends.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StackProblem } from '../stack-problem.ts'

const flock = '/usr/bin/flock'

/**
 * Waits until nobody holds the lock of that file, and holds it while `work` runs. Where there is no
 * flock, which every Debian has, installers are not kept apart.
 */
export const withInstallLock = async <A>(file: string, work: () => Promise<A>): Promise<A> => {
  if (!existsSync(flock)) return work()
  await mkdir(dirname(file), { recursive: true })
  const holder = spawn(flock, [file, 'sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit']
  })
  const ended = once(holder, 'close')
  try {
    const held = await Promise.race([once(holder.stdout, 'data').then(() => true), ended])
    if (held !== true) throw new StackProblem(`${file} cannot be locked by flock`)
    return await work()
  } finally {
    holder.stdin.end()
    await ended
  }
}
