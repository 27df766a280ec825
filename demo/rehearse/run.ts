/**
 * A rehearsal: all sections against their budgets, then the drills, then what is counted.
 *
 * 1. A step that is not shown does not end it: all else is rehearsed, and all problems are told.
 * 2. Paced, a step lasts as long as its talking point takes to be read out, if that is longer.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { describeEnvironment } from '../../bench/environment.ts'
import { openPresenter, type Presenter } from '../present/presenter.ts'
import type { StepResult } from '../show/run-step.ts'
import { sections } from '../show/sections.ts'
import type { Stage } from '../show/stage.ts'
import type { Section } from '../show/step.ts'
import { drill, drills } from './drills.ts'
import { gatherFacts } from './facts.ts'
import type { Drill, Rehearsal, SectionRun } from './record.ts'

export interface RehearseOptions {
  readonly projectRoot: string
  readonly folder: string
  readonly stage: Stage
  readonly command: string
  readonly settings: Rehearsal['settings']
  /** Aborted to break it off. */
  readonly signal: AbortSignal
  /** Told of each step, section and drill. */
  readonly say: (text: string) => void
}

/** Of somebody who reads out, unhurried. */
const wordsPerSecond = 2.4
/** Between two looks at rates. */
const [rateMsPaced, rateMsFast] = [3_000, 2_000]

export const rehearse = async (options: RehearseOptions): Promise<Rehearsal> => {
  const { projectRoot, folder, stage, settings, signal, say } = options
  const rateMs = settings.isPaced ? rateMsPaced : rateMsFast
  const environment = await describeEnvironment(folder)
  const presenter = await openPresenter({ projectRoot, stage, port: 0, rateMs })
  try {
    const runs: SectionRun[] = []
    for (const section of sections) runs.push(await rehearsed(section, presenter, options))
    const facts = await gatherFacts(projectRoot, stage.url)
    const drilled: Drill[] = []
    for (const plan of drills) {
      signal.throwIfAborted()
      const done = await drill(plan, stage, presenter)
      drilled.push(done)
      const { seconds, problem } = done
      say(`drill ${plan.id}: ${problem ?? `backup shown after ${seconds?.toFixed(1)} s`}`)
    }
    const sum = (of: (run: SectionRun) => number) => runs.reduce((all, it) => all + of(it), 0)
    return {
      environment,
      command: options.command,
      settings,
      sections: runs,
      totalSeconds: sum(({ seconds }) => seconds),
      budgetSeconds: sum(({ budgetSeconds }) => budgetSeconds),
      drills: drilled,
      facts
    }
  } finally {
    await presenter.close()
  }
}

export const readingSeconds = (says: string): number => says.split(/\s+/).length / wordsPerSecond

const rehearsed = async (
  section: Section,
  presenter: Presenter,
  { settings, signal, say }: RehearseOptions
): Promise<SectionRun> => {
  const { id, title, budgetSeconds } = section
  say(`${title}: ${budgetSeconds} s`)
  const startedMs = performance.now()
  const steps: StepResult[] = []
  for (const step of section.steps) {
    signal.throwIfAborted()
    const stepMs = performance.now()
    const result = await presenter.run(step, signal)
    steps.push(result)
    const { problem, ms } = result
    const took = `${(ms / 1_000).toFixed(1)} s`.padStart(7)
    const outcome = problem === undefined ? 'shown' : `NOT SHOWN: ${problem}`
    say(`${took}  ${step.id.padEnd(10)}  ${outcome}`)
    const restMs = readingSeconds(result.says) * 1_000 - (performance.now() - stepMs)
    if (settings.isPaced && restMs > 0) await delay(restMs, undefined, { signal }) // (2)
  }
  const seconds = (performance.now() - startedMs) / 1_000
  return {
    id,
    title,
    budgetSeconds,
    seconds: Number(seconds.toFixed(2)),
    executingSeconds: steps.reduce((sum, { ms }) => sum + ms, 0) / 1_000,
    isShown: steps.every(({ problem }) => problem === undefined),
    isInBudget: seconds <= budgetSeconds,
    steps
  }
}
