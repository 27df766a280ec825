/** The sections of the demonstration: their times, and how long each took when it was rehearsed. */
import { sections } from '../../demo/show/sections.ts'
import { numberText, stampText } from './format.ts'
import { readResult } from './results.ts'

interface Rehearsal {
  readonly sections: readonly {
    readonly id: string
    readonly seconds: number
    readonly isShown: boolean
  }[]
  readonly totalSeconds: number
}

/** @throws Error if a section was not rehearsed, or did not show what it is to show */
export const flowTable = (root: string): string => {
  const file = readResult(root, 'demo/rehearsal')
  const { sections: rehearsed, totalSeconds } = file.json as Rehearsal
  const { command } = file.provenance
  const took = (id: string): string => {
    const section = rehearsed.find((it) => it.id === id)
    if (section?.isShown !== true) throw new Error(`${id} was not shown: run ${command} again`)
    return `${numberText(section.seconds)} s`
  }
  const minutes = (seconds: number) => `${numberText(seconds / 60)} min`
  const total = sections.reduce((sum, { budgetSeconds }) => sum + budgetSeconds, 0)
  const rows = sections.map(
    ({ id, title, point, budgetSeconds }, index) =>
      `| ${index + 1}. ${title} | ${minutes(budgetSeconds)} | ${took(id)} | ${point} |`
  )
  return [
    `| section | ${minutes(total)} | rehearsed: ${minutes(totalSeconds)} | what it leaves |`,
    '|---|---|---|---|',
    ...rows,
    '',
    `Rehearsed ${stampText(file.provenance)}: \`${command}\`. On stage: \`npm run present\`.`
  ].join('\n')
}
