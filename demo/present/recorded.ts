/** A section as it was executed, as a page by itself: what there always is to fall back on. */
import { escaped } from '../charts.ts'
import { figureText, type Section } from '../show/step.ts'
import type { StepResult } from '../show/run-step.ts'

const textMax = 2_500

export const recordedPage = (
  section: Section,
  results: readonly StepResult[],
  from: string
): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escaped(section.title)}, as executed</title>
<meta name="color-scheme" content="light dark">
<style>body{font:18px/1.5 system-ui,sans-serif;margin:2rem;max-width:70rem}
pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:14px;border:1px solid;padding:.6rem}
.no{font-weight:700}</style></head><body>
<h1>${escaped(section.title)}</h1><p>${escaped(section.point)}</p><p>${escaped(from)}</p>
${results.map((result) => stepOf(section, result)).join('\n')}
</body></html>`

const stepOf = ({ steps }: Section, result: StepResult): string => {
  const { id, startedAt, ms, answer, figures, says, problem } = result
  const title = steps.find((step) => step.id === id)?.title ?? id
  const text = answer?.text ?? ''
  const rest = text.length > textMax ? `\n… and ${text.length - textMax} characters more` : ''
  return `<h2>${escaped(title)}</h2><p>${escaped(says)}</p>
<ul>${figures.map((it) => `<li>${escaped(it.name)}: ${escaped(figureText(it))}</li>`).join('')}</ul>
<p class="${problem === undefined ? '' : 'no'}">Executed ${escaped(startedAt)}, in ${ms} ms. ${
    problem === undefined ? 'Shown.' : `Not shown: ${escaped(problem)}`
  }</p>
<pre>$ ${escaped(answer?.command ?? '(nothing was executed)')}
${escaped(text.slice(0, textMax) + rest)}</pre>`
}
