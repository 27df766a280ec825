/**
 * Who a process is. A process id alone is used again by the system, after a restart of the machine
 * even soon; together with when it started, and in which run of the machine, it is not.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { StackProblem } from './stack-problem.ts'

export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks from the machine's start to the process's. */
  readonly startTicks: string
  readonly bootId: string
}

export type ProcessCondition = 'running' | 'paused' | 'ended'

/** The process that has this id now; undefined when none has, or when it only awaits its burial. */
export const identityOf = (pid: number): ProcessIdentity | undefined => {
  const stat = statOf(pid)
  if (stat === undefined || isOver(pid, stat.state)) return undefined
  return { pid, startTicks: stat.startTicks, bootId: bootId() }
}

/** Of this very process: one that got its id later says nothing about it. */
export const conditionOf = (identity: ProcessIdentity): ProcessCondition => {
  const now = identityOf(identity.pid)
  if (now === undefined || !isSame(now, identity)) return 'ended'
  return statOf(identity.pid)?.state === 'T' ? 'paused' : 'running'
}

/**
 * Signals the process and what it has started, which is its process group. False when it has ended.
 * Between the look and the signal nothing else can get the id as long as its parent has not buried
 * it; for a process of an earlier command that gap is microseconds, and ids are handed out in turn.
 */
export const signalGroup = (identity: ProcessIdentity, signal: NodeJS.Signals): boolean => {
  if (conditionOf(identity) === 'ended') return false
  try {
    process.kill(-identity.pid, signal)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}

const isSame = (a: ProcessIdentity, b: ProcessIdentity): boolean =>
  a.pid === b.pid && a.startTicks === b.startTicks && a.bootId === b.bootId

/** Fields of `/proc/<pid>/stat`; the name before them may contain anything, even `) S`. */
export const parseStat = (
  text: string
): { readonly state: string; readonly startTicks: string } => {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { state: fields[0] ?? '', startTicks: fields[19] ?? '' }
}

const statOf = (pid: number) => {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // ESRCH: it ended between opening and reading.
    if (code === 'ENOENT' || code === 'ESRCH') return undefined
    throw error
  }
}

/** A killed process looks dead while threads of it still hold its ports. */
const isOver = (pid: number, state: string): boolean => {
  if (state !== 'Z' && state !== 'X') return false
  try {
    return readdirSync(`/proc/${pid}/task`).length <= 1
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true
    throw error
  }
}

let knownBootId: string | undefined

const bootId = (): string => {
  if (process.platform !== 'linux') {
    throw new StackProblem(
      `the native stack runs on Linux, this is ${process.platform}: use a machine with Linux`
    )
  }
  knownBootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  return knownBootId
}
