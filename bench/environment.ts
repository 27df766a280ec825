/** The machine: what it is, how busy it is with other work, what a process of it uses. */
import { execFile } from 'node:child_process'
import { readFile, statfs } from 'node:fs/promises'
import {
  availableParallelism,
  cpus,
  getPriority,
  loadavg,
  platform,
  release,
  totalmem
} from 'node:os'
import { promisify } from 'node:util'
import type { OutsideLoad } from './report.ts'
import { projectRoot } from './workspace.ts'

const busyShareMax = 0.1
const lookMs = 2_000
/** As Linux' `statfs` tells it: there an fsync costs nothing. */
const memoryFileSystem = 0x01021994

export const describeEnvironment = async (folder: string) => ({
  date: new Date().toISOString(),
  commit: await commitId(),
  node: process.version,
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  memoryGiB: Math.round(totalmem() / 1_024 ** 3),
  platform: `${platform()} ${release()}`,
  disk: (await statfs(folder)).type === memoryFileSystem ? 'memory: fsync is free' : 'disk',
  // Whoever is put before others is not held up by them as others would be.
  ...(getPriority() !== 0 && { nice: getPriority() })
})

/** @throws if the disk of a folder has less room than a run may need */
export const requireRoom = async (folder: string, bytes: number): Promise<void> => {
  const { bavail, bsize } = await statfs(folder)
  if (bavail * bsize >= bytes) return
  const gib = (count: number) => `${(count / 1_024 ** 3).toFixed(1)} GiB`
  throw new Error(
    `${folder} has ${gib(bavail * bsize)} free, a run may need ${gib(bytes)}: ` +
      'make room, or name another disk with --folder'
  )
}

/** Waits, at most `secondsMax`, until other work takes less than a tenth of the machine. */
export const awaitQuiet = async (secondsMax: number): Promise<OutsideLoad> => {
  const startedMs = performance.now()
  const waited = () => (performance.now() - startedMs) / 1_000
  for (;;) {
    const busyShare = await busyShareOver(lookMs)
    const isQuiet = busyShare <= busyShareMax
    if (!isQuiet && waited() < secondsMax) continue
    return {
      loadAverage: loadavg().map((load) => Number(load.toFixed(2))),
      busyShare: Number(busyShare.toFixed(3)),
      waitedSeconds: Math.round(waited()),
      isQuiet
    }
  }
}

/** Core-seconds that the whole machine has been busy, since it started. */
export const busyCoreSeconds = (): number =>
  cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) /
  1_000

export interface ProcessUse {
  /** User and system time since its start, seconds, over all threads. */
  readonly cpuSeconds: number
  readonly residentBytes: number
  /** Largest resident set since its start. */
  readonly peakBytes: number
}

/** Of `sysconf(_SC_CLK_TCK)`; Linux has had this value on every machine that runs Node. */
const ticksPerSecond = 100

/** What a process used so far. Source: proc(5), `stat` fields 14 and 15, `status`. */
export const processUse = async (pid: number): Promise<ProcessUse> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const bytes = (line: string) =>
    Number(new RegExp(`${line}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1_024
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
    residentBytes: bytes('VmRSS'),
    peakBytes: bytes('VmHWM')
  }
}

export const pause = (ms: number): Promise<void> =>
  new Promise((resume) => {
    setTimeout(resume, ms)
  })

const busyShareOver = async (ms: number): Promise<number> => {
  const [busy, at] = [busyCoreSeconds(), performance.now()]
  await pause(ms)
  const seconds = (performance.now() - at) / 1_000
  return (busyCoreSeconds() - busy) / (seconds * cpus().length)
}

/** Commit of the sources, marked where they were changed since. */
const commitId = async (): Promise<string> => {
  const git = async (...args: string[]) =>
    (await promisify(execFile)('git', args, { cwd: projectRoot })).stdout.trim()
  try {
    const changed = await git('status', '--porcelain', '--', 'src', 'bench', 'package-lock.json')
    return `${await git('rev-parse', 'HEAD')}${changed === '' ? '' : '-changed'}`
  } catch {
    return 'unknown'
  }
}
