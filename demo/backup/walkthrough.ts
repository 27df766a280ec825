/**
 * The demonstration as it was executed, as one HTML file that needs nothing beside it: what was
 * said, what was typed, what came back, and a picture of each step.
 */
import { escaped } from '../charts.ts'
import type { StepResult } from '../show/run-step.ts'
import { sections } from '../show/sections.ts'
import { figureText, type Section, type Step } from '../show/step.ts'

export interface Walked {
  readonly step: Step
  readonly section: Section
  readonly result: StepResult
  /** JPEG. */
  readonly picture: Uint8Array
}

export interface Made {
  readonly environment: Readonly<Record<string, unknown>>
  readonly command: string
}

const textMax = 6_000

export const walkthroughOf = (
  walked: readonly Walked[],
  { environment, command }: Made
): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>K2: the demonstration as it was executed</title>
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<style>
body{font:18px/1.55 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem}
img{width:100%;border:1px solid;border-radius:6px}
pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:14px;border:1px solid;padding:.6rem;
max-height:24rem;overflow:auto}
.wrong{font-weight:700}
nav li{margin:.2rem 0}
</style>
</head>
<body>
<h1>K2: the demonstration as it was executed</h1>
<p>${escaped(String(environment['date']))}, commit ${escaped(String(environment['commit']))},
on ${escaped(String(environment['cpu']))} (${escaped(String(environment['cores']))} cores),
Node ${escaped(String(environment['node']))}; by <code>${escaped(command)}</code>.
Every figure was measured by the step that it stands at.</p>
<nav aria-label="Sections"><ol>
${sections.map(({ id, title }) => `<li><a href="#${id}">${escaped(title)}</a></li>`).join('\n')}
</ol></nav>
<main>
${sections.map((section) => sectionOf(section, walked)).join('\n')}
</main>
</body>
</html>
`

const sectionOf = (section: Section, walked: readonly Walked[]): string => `
<h2 id="${section.id}">${escaped(section.title)}</h2>
<p>${escaped(section.point)}</p>
${walked.filter((it) => it.section.id === section.id).map(stepOf).join('\n')}`

const stepOf = ({ step, result, picture }: Walked): string => {
  const { ms, figures, says, answer, problem } = result
  const text = answer?.text ?? ''
  const rest = text.length > textMax ? `\n… and ${text.length - textMax} characters more` : ''
  const encoded = Buffer.from(picture).toString('base64')
  return `<h3 id="${step.id}">${escaped(step.title)}</h3>
<p>${escaped(says)}</p>
<ul>${figures.map((it) => `<li>${escaped(it.name)}: ${escaped(figureText(it))}</li>`).join('')}</ul>
<p class="${problem === undefined ? '' : 'wrong'}">${
    problem === undefined
      ? `Shown in ${(ms / 1_000).toFixed(2)} s: ${escaped(step.proves)}.`
      : `Not shown: ${escaped(problem)}.`
  }</p>
<pre tabindex="0">$ ${escaped(answer?.command ?? '(nothing was executed)')}
${escaped(text.slice(0, textMax) + rest)}</pre>
<img src="data:image/jpeg;base64,${encoded}" alt="${escaped(`${step.title}: ${step.proves}`)}">`
}
