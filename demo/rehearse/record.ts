/** What a rehearsal has measured, as plain data: score and report are made of it alone. */
import type { SectionId } from '../show/step.ts'
import type { StepResult } from '../show/run-step.ts'

export interface SectionRun {
  readonly id: SectionId
  readonly title: string
  readonly budgetSeconds: number
  /** Executing, and reading out where it was paced. */
  readonly seconds: number
  readonly executingSeconds: number
  readonly isShown: boolean
  readonly isInBudget: boolean
  readonly steps: readonly StepResult[]
}

export interface Drill {
  readonly id: string
  readonly title: string
  readonly fault: string
  readonly section: SectionId
  /** From the fault until the presenter told of it; null where it did not. */
  readonly noticedSeconds: number | null
  /** From the fault until the backup was served and verified; null where it was not. */
  readonly seconds: number | null
  /** Files of `npm run backup` that were served, each as its name says. */
  readonly files: readonly string[]
  /** The section as executed before was served, too. */
  readonly hasRecorded: boolean
  /** Of a dead K2: from the fault until the backup of each section in turn was there. */
  readonly others: readonly { readonly section: SectionId; readonly seconds: number }[]
  readonly problem: string | undefined
}

/** What stands in the repository, and what `k2 check` says. */
export interface Facts {
  /** Undefined where there is no such command. */
  readonly check: { readonly code: number; readonly summary: string } | undefined
  /** `npm run docs -- --check`. */
  readonly docs: { readonly code: number; readonly summary: string } | undefined
  /** Records in docs/decisions, and those that name alternatives, trade-offs and evidence. */
  readonly decisions: { readonly all: number; readonly whole: number }
  readonly alerts: { readonly all: number; readonly inRunbook: number }
  /** Of README.md and the quick reference, to files of the repository. */
  readonly links: { readonly all: number; readonly broken: readonly string[] }
}

export interface Rehearsal {
  readonly environment: Readonly<Record<string, unknown>>
  readonly command: string
  readonly settings: {
    readonly variant: 'embedded' | 'kafka'
    readonly seed: number
    readonly isPaced: boolean
  }
  readonly sections: readonly SectionRun[]
  readonly totalSeconds: number
  readonly budgetSeconds: number
  readonly drills: readonly Drill[]
  readonly facts: Facts
}

export const drillSecondsMax = 30

/** Why a rehearsal is none to go on stage with; none where it is. */
export const problemsOf = ({ sections, drills }: Rehearsal): readonly string[] => [
  ...sections.flatMap(({ title, steps }) =>
    steps.flatMap(({ id, problem }) =>
      problem === undefined ? [] : [`${title}, ${id}: not shown: ${problem}`]
    )
  ),
  ...sections.flatMap(({ title, seconds, budgetSeconds, isInBudget }) =>
    isInBudget ? [] : [`${title}: took ${seconds.toFixed(1)} s of ${budgetSeconds}`]
  ),
  ...drills.flatMap(({ title, others }) =>
    others.flatMap(({ section, seconds }) =>
      seconds < drillSecondsMax ? [] : [`${title}: ${section} was there after ${seconds} s`]
    )
  ),
  ...drills.flatMap(({ title, seconds, problem }) => {
    if (problem !== undefined) return [`${title}: ${problem}`]
    return seconds !== null && seconds < drillSecondsMax
      ? []
      : [`${title}: switching took ${seconds?.toFixed(1) ?? 'for ever'}, not ${drillSecondsMax} s`]
  })
]
