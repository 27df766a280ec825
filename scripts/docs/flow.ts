/** The sections of the demonstration with their times, as `demo/show` runs them. */
import { sections } from '../../demo/show/sections.ts'

export const flowTable = (): string => {
  const minutes = (seconds: number) => `${(seconds / 60).toLocaleString('en')} min`
  const total = sections.reduce((sum, { budgetSeconds }) => sum + budgetSeconds, 0)
  const rows = sections.map(
    ({ title, point, budgetSeconds }, index) =>
      `| ${index + 1}. ${title} | ${minutes(budgetSeconds)} | ${point} |`
  )
  const head = `| section | ${minutes(total)} | what it leaves |`
  return [head, '|---|---|---|', ...rows].join('\n')
}
