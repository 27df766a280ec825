/**
 * What a section of the demonstration is made of: as data, so that the rehearsal runs it, the
 * presenter shows it and the backup is recorded of it, all of them the same.
 *
 * 1. No figure stands in a text: `{name}` in a talking point is a figure that the step measured.
 * 2. A step counts as shown only if its `judge` found nothing wrong with what was answered.
 */

export type SectionId =
  | 'positioning'
  | 'streaming'
  | 'storage'
  | 'monitoring'
  | 'resilience'
  | 'hybrid'
  | 'cost'

export interface Section {
  readonly id: SectionId
  readonly title: string
  /** What it is to leave the audience with. */
  readonly point: string
  readonly budgetSeconds: number
  readonly steps: readonly Step[]
}

export interface Step {
  /** Unique over all sections. */
  readonly id: string
  readonly title: string
  /** Talking point (1). */
  readonly says: string
  readonly does: Action
  /** Of an answer, what is shown as a table; unless told, its `data`, if those are rows. */
  readonly rows?: (json: unknown) => readonly unknown[]
  /** Of those rows, what is worth a look; all columns unless told. */
  readonly columns?: readonly string[]
  /** Page of K2 that stands beside it. */
  readonly shows: string
  /** Given up after so long. */
  readonly secondsMax: number
  /** What must be true of the answer, in words; `judge` checks it. */
  readonly proves: string
  readonly judge: (answer: Answer, earlier: Earlier) => Judged
}

/** What is executed. What depends on an earlier answer is a function of those. */
export type Action =
  | { readonly kind: 'http'; readonly path: Given<string>; readonly times?: number }
  | { readonly kind: 'sql'; readonly sql: string }
  /** Of the K2 that runs, or, `isLocal`, by itself. */
  | { readonly kind: 'cli'; readonly args: readonly string[]; readonly isLocal?: boolean }
  /** Two looks at K2 and the exchange, some seconds apart. */
  | { readonly kind: 'rates' }
  /** Does something to K2, watches what comes of it, and ends once it is over. */
  | { readonly kind: 'fault'; readonly fault: Fault }

type Given<A> = A | ((earlier: Earlier) => A)

/** More than lands per second until trades are shed; calm again; `kill -9` of the log. */
export type Fault = 'flood' | 'recover' | 'kill'

export interface Answer {
  /** What was done, as its user would type it. */
  readonly command: string
  /** What came back, to be shown. */
  readonly text: string
  /** Of an answer that is JSON, or of what was watched; undefined where it is none. */
  readonly json: unknown
  /** HTTP status, or exit code. */
  readonly code: number
  /** Of each time that it was asked. */
  readonly ms: readonly number[]
}

/** Answers of steps before this one, by id. */
export type Earlier = ReadonlyMap<string, Answer>

export interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
}

export interface Judged {
  readonly figures: readonly Figure[]
  /** Why it does not count as shown; undefined: it does. */
  readonly problem: string | undefined
}

export const figure = (name: string, value: number, unit = ''): Figure => ({ name, value, unit })

/** @param checks what must be true, each with what is wrong where it is not */
export const judged = (
  figures: readonly Figure[],
  checks: readonly (readonly [isTrue: boolean, wrong: string])[]
): Judged => ({
  figures,
  problem: checks.find(([isTrue]) => !isTrue)?.[1]
})

/** A talking point with the figures that there are (1); what is not yet known is an ellipsis. */
export const said = (says: string, figures: readonly Figure[]): string =>
  says.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const found = figures.find((it) => it.name === name)
    return found === undefined ? '…' : figureText(found)
  })

export const figureText = ({ value, unit }: Figure): string => {
  const digits = Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : Math.abs(value) < 1 ? 3 : 1
  const number = value.toLocaleString('en', { maximumFractionDigits: digits })
  return unit === '' ? number : `${number} ${unit}`
}

/** Names of the figures that a talking point refers to. */
export const figuresSaid = (says: string): readonly string[] =>
  [...says.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!)
