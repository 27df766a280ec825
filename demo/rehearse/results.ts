/** The file that a rehearsal leaves, for documents and for the presenter. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { StepResult } from '../show/run-step.ts'
import type { Rehearsal } from './record.ts'
import type { Score } from './score.ts'

export const resultsFile = join('demo', 'results', 'rehearsal.json')

const textMax = 1_500

export interface Verdict {
  readonly isGood: boolean
  readonly problems: readonly string[]
}

export const writeRehearsal = (
  file: string,
  rehearsal: Rehearsal,
  { score, verdict }: { readonly score: Score; readonly verdict: Verdict }
): void => {
  const sections = rehearsal.sections.map((section) => ({
    ...section,
    steps: section.steps.map(shortened)
  }))
  mkdirSync(dirname(file), { recursive: true })
  const whole = { ...rehearsal, sections, score, verdict }
  writeFileSync(file, `${JSON.stringify(whole, undefined, 2)}\n`)
}

/** What the last one executed; undefined where there was none that can be read. */
export const readRehearsed = (
  projectRoot: string
): { readonly results: readonly StepResult[]; readonly date: string } | undefined => {
  const file = join(projectRoot, resultsFile)
  if (!existsSync(file)) return undefined
  const { sections, environment } = JSON.parse(readFileSync(file, 'utf8')) as Rehearsal
  const results = sections.flatMap(({ steps }) => steps)
  return { results, date: String(environment['date']) }
}

/** Answers as far as they are worth keeping. */
const shortened = (step: StepResult): StepResult => {
  const { answer } = step
  if (answer === undefined) return step
  const rest = answer.text.length - textMax
  const text = rest > 0 ? `${answer.text.slice(0, textMax)}…` : answer.text
  const ms = answer.ms.map((one) => Math.round(one * 10) / 10)
  return { ...step, answer: { ...answer, text, ms, json: undefined } }
}
