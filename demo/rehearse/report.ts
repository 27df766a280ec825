/** The report of a rehearsal, as Markdown and as a page, of its record alone. Pure. */
import { escaped } from '../charts.ts'
import { reportStyle } from '../report-style.ts'
import { figureText } from '../show/step.ts'
import type { Rehearsal } from './record.ts'
import type { Verdict } from './results.ts'
import type { Score } from './score.ts'

type Block =
  | { readonly kind: 'heading' | 'text'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly string[] }
  | {
      readonly kind: 'table'
      readonly head: readonly string[]
      readonly rows: readonly (readonly string[])[]
    }

interface Judged {
  readonly score: Score
  readonly verdict: Verdict
}

const heading = (text: string): Block => ({ kind: 'heading', text })
const text = (it: string): Block => ({ kind: 'text', text: it })
const seconds = (it: number | null): string => (it === null ? '–' : `${it.toFixed(1)} s`)

const blocksOf = (run: Rehearsal, { score, verdict }: Judged): readonly Block[] => [
  text(
    verdict.isGood
      ? 'Every section was shown within its budget, and every switch to the backup was in time.'
      : 'This is not yet what to go on stage with:'
  ),
  ...(verdict.isGood ? [] : [{ kind: 'list', items: verdict.problems } as const]),
  heading('Sections'),
  table(
    ['section', 'budget', 'took', 'of it executing', 'shown', 'in time'],
    run.sections.map((it) => [
      it.title,
      seconds(it.budgetSeconds),
      seconds(it.seconds),
      seconds(it.executingSeconds),
      it.isShown ? 'yes' : 'NO',
      it.isInBudget ? 'yes' : 'NO'
    ])
  ),
  text(
    `In all ${seconds(run.totalSeconds)} of ${seconds(run.budgetSeconds)}` +
      (run.settings.isPaced ? ', talking points read out.' : '; nothing was read out.')
  ),
  heading('Steps, and what each measured'),
  table(
    ['step', 'took', 'measured', ''],
    run.sections.flatMap(({ steps }) =>
      steps.map(({ id, ms, figures, problem }) => [
        id,
        seconds(ms / 1_000),
        figures.map((it) => `${it.name} ${figureText(it)}`).join('; '),
        problem === undefined ? 'shown' : `NOT SHOWN: ${problem}`
      ])
    )
  ),
  ...drillBlocks(run),
  heading(`Score: ${score.points} of ${score.max}`),
  text(
    `${score.reachable} can be had by measuring; the other ${score.max - score.reachable} are ` +
      'for what only people can do, and nothing is given for it here.'
  ),
  table(
    ['criterion', 'points', 'of', 'left to people', 'evidence'],
    score.criteria.map((it) => [
      it.name,
      String(Math.round(it.points * 10) / 10),
      String(it.max),
      String(it.people),
      it.evidence.join('; ')
    ])
  ),
  heading('Left to people'),
  { kind: 'list', items: score.people },
  text(
    `${String(run.environment['date'])}, commit ${String(run.environment['commit'])}, ` +
      `${String(run.environment['cpu'])}, ${String(run.environment['cores'])} cores, ` +
      `${run.settings.variant}, seed ${run.settings.seed}. Made by: ${run.command}`
  )
]

const drillBlocks = (run: Rehearsal): readonly Block[] => [
  heading('Switching to the backup'),
  table(
    ['drill', 'what was done', 'noticed after', 'backup served and verified after', 'files'],
    run.drills.map((it) => [
      it.title,
      it.fault,
      seconds(it.noticedSeconds),
      it.problem ?? seconds(it.seconds),
      it.files.length > 0 ? it.files.join(', ') : 'none; the section as executed before'
    ])
  ),
  ...run.drills.flatMap(({ title: name, others }) =>
    others.length === 0
      ? []
      : [
          text(
            `${name}, and every section is switched to in turn; there after: ` +
              `${others.map((it) => `${it.section} ${seconds(it.seconds)}`).join(', ')}.`
          )
        ]
  )
]

const table = (
  head: readonly string[],
  rows: readonly (readonly string[])[]
): Block => ({ kind: 'table', head, rows })

const title = 'Dress rehearsal'

export const markdownOf = (run: Rehearsal, judged: Judged): string => {
  const cells = (row: readonly string[]) =>
    `| ${row.map((it) => it.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`
  const block = (it: Block): string => {
    switch (it.kind) {
      case 'heading':
        return `## ${it.text}`
      case 'text':
        return it.text
      case 'list':
        return it.items.map((item) => `- ${item}`).join('\n')
      case 'table':
        return [cells(it.head), `|${'---|'.repeat(it.head.length)}`, ...it.rows.map(cells)]
          .join('\n')
      default:
        return it satisfies never
    }
  }
  return `${[`# ${title}`, ...blocksOf(run, judged).map(block)].join('\n\n')}\n`
}

export const htmlOf = (run: Rehearsal, judged: Judged): string => {
  const row = (tag: string, cells: readonly string[]) =>
    `<tr>${cells.map((it) => `<${tag}>${escaped(it)}</${tag}>`).join('')}</tr>`
  const block = (it: Block): string => {
    switch (it.kind) {
      case 'heading':
        return `<h2>${escaped(it.text)}</h2>`
      case 'text':
        return `<p>${escaped(it.text)}</p>`
      case 'list':
        return `<ul>${it.items.map((item) => `<li>${escaped(item)}</li>`).join('')}</ul>`
      case 'table':
        return (
          `<div class="wide"><table>${row('th', it.head)}` +
          `${it.rows.map((cells) => row('td', cells)).join('')}</table></div>`
        )
      default:
        return it satisfies never
    }
  }
  const outcome = judged.verdict.isGood ? 'held' : 'broken'
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>K2: ${title.toLowerCase()}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>${reportStyle} th { text-align: left; padding-right: 12px; } main { max-width: 1100px; }
</style></head><body><main><h1 class="${outcome}">${title}</h1>
${blocksOf(run, judged).map(block).join('\n')}
</main></body></html>
`
}
