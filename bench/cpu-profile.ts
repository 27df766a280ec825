/**
 * Self time in a V8 CPU profile (`.cpuprofile`), by function, by file and by group of files. Pure.
 *
 * A sample's time goes to the function at the top of its stack. Time in which the thread waited
 * (`(idle)`) is told apart, so that shares are of the time in which it worked.
 */
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The parts of a `.cpuprofile` that are read. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: {
      readonly functionName: string
      readonly url: string
      readonly lineNumber: number
    }
  }[]
  readonly samples: readonly number[]
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[]
}

export interface SelfTime {
  readonly name: string
  readonly ms: number
  /** Of the time in which the thread worked. */
  readonly share: number
}

export interface ProfileSummary {
  readonly totalMs: number
  readonly idleMs: number
  /** Largest first. */
  readonly functions: readonly SelfTime[]
  readonly files: readonly SelfTime[]
}

const idleName = '(idle)'

/** @param root paths are told from here */
export const summariseProfile = (profile: CpuProfile, root: string): ProfileSummary => {
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]))
  const byFunction = new Map<string, number>()
  const byFile = new Map<string, number>()
  let totalUs = 0
  let idleUs = 0
  profile.samples.forEach((nodeId, index) => {
    const us = Math.max(0, profile.timeDeltas[index] ?? 0)
    const frame = frames.get(nodeId)
    totalUs += us
    if (frame === undefined || frame.functionName === idleName) {
      idleUs += us
      return
    }
    const file = fileOf(frame.url, root)
    const name = frame.functionName === '' ? '(anonymous)' : frame.functionName
    const where = file === '' ? name : `${name}  ${file}:${frame.lineNumber + 1}`
    add(byFunction, where, us)
    add(byFile, file === '' ? name : file, us)
  })
  const busyUs = totalUs - idleUs
  return {
    totalMs: totalUs / 1e3,
    idleMs: idleUs / 1e3,
    functions: ranked(byFunction, busyUs),
    files: ranked(byFile, busyUs)
  }
}

const add = (sums: Map<string, number>, name: string, us: number): void => {
  sums.set(name, (sums.get(name) ?? 0) + us)
}

/** A file of the project, the package of another one, or nothing for the engine itself. */
const fileOf = (url: string, root: string): string => {
  const inPackage = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)
  if (inPackage !== null) return inPackage[1]!
  return url.startsWith('file:') ? relative(root, fileURLToPath(url)) : url
}

const ranked = (sums: ReadonlyMap<string, number>, busyUs: number): readonly SelfTime[] =>
  [...sums]
    .map(([name, us]) => ({ name, ms: us / 1e3, share: busyUs === 0 ? 0 : us / busyUs }))
    .sort((left, right) => right.ms - left.ms)
