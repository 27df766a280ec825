/** This process, and whether another one of this machine (of this pid namespace) still runs. */
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { LogProcess } from './writer-lock.ts'

export const nodeProcess = async (): Promise<LogProcess> => ({
  self: { pid: process.pid, incarnation: await incarnationOf(process.pid) },
  async isAlive(mark) {
    if (!exists(mark.pid)) return false
    return (await incarnationOf(mark.pid)) === mark.incarnation
  },
  uniqueId: randomUUID
})

/** Signal 0 only asks; EPERM says that it exists and belongs to another user. */
const exists = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/**
 * Boot id and start time where Linux tells them, else empty: then a process id alone has to do.
 * Source: proc(5), field 22 of `stat`, counted behind the name, which may hold spaces.
 */
const incarnationOf = async (pid: number): Promise<string> => {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8')
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
    return `${boot.trim()}/${started}`
  } catch {
    return ''
  }
}
