/**
 * Many runs, and what they have reached together; on several cores, each of which has its share of
 * the seeds. A run knows nothing of the others.
 */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Coverage } from './coverage.ts'
import type { SimulationFlags } from './flags.ts'
import { World } from './world.ts'

const shownMax = 10

export type Seeds = Pick<SimulationFlags, 'seeds' | 'from' | 'untilBroken'>

/** JSON. */
export interface Totals {
  readonly runs: number
  readonly trades: number
  readonly steps: number
  readonly broken: number
  /** What broke the first of them. */
  readonly shown: readonly string[]
  /** How often each fault, state and action was reached. */
  readonly reached: Readonly<Record<string, number>>
}

/** One run after the other, in this process. */
export const runShare = async ({ seeds, from, untilBroken }: Seeds): Promise<Totals> => {
  const coverage = new Coverage()
  const shown: string[] = []
  let [runs, trades, steps, broken] = [0, 0, 0, 0]
  for (let seed = from; seed < from + seeds; seed += 1) {
    const world = new World(seed, {})
    const report = await world.run()
    runs += 1
    steps += report.steps
    trades += report.issued
    coverage.add(world.environment.coverage.counts)
    if (report.broken === undefined) continue
    broken += 1
    if (broken <= shownMax) shown.push(`seed ${seed}: ${report.broken}`)
    if (untilBroken) break
  }
  return { runs, trades, steps, broken, shown, reached: coverage.counts }
}

/** Contiguous shares; which run is the first that breaks is one process's to say. */
export const sharesOf = ({ seeds, from, untilBroken }: Seeds, jobs: number): readonly Seeds[] => {
  const count = untilBroken ? 1 : Math.min(jobs, seeds)
  return Array.from({ length: count }, (_, index) => {
    const start = Math.floor((index * seeds) / count)
    const end = Math.floor(((index + 1) * seeds) / count)
    return { seeds: end - start, from: from + start, untilBroken }
  })
}

export const runSeeds = async (seeds: Seeds, jobs: number): Promise<Totals> => {
  const shares = sharesOf(seeds, jobs)
  const isAlone = shares.length === 1
  const totals = isAlone ? [await runShare(seeds)] : await Promise.all(shares.map(runIn))
  const coverage = new Coverage()
  for (const { reached } of totals) coverage.add(reached)
  const sum = (of: (share: Totals) => number) =>
    totals.reduce((total, share) => total + of(share), 0)
  return {
    runs: sum(({ runs }) => runs),
    trades: sum(({ trades }) => trades),
    steps: sum(({ steps }) => steps),
    broken: sum(({ broken }) => broken),
    shown: totals.flatMap(({ shown }) => shown).slice(0, shownMax),
    reached: coverage.counts
  }
}

const entry = fileURLToPath(new URL('./main.ts', import.meta.url))

/** In a process of its own, with the loader of this one. */
const runIn = ({ seeds, from }: Seeds): Promise<Totals> =>
  new Promise((resolve, reject) => {
    const child = fork(entry, ['--seeds', `${seeds}`, '--from', `${from}`, '--share'])
    let totals: Totals | undefined
    child.on('message', (message) => {
      totals = message as Totals
    })
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      if (totals !== undefined) resolve(totals)
      else reject(new Error(`seeds from ${from} on ended with ${signal ?? code}, and no totals`))
    })
  })
