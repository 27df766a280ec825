/** What the presenter's page looks like, of its state. */
import { html, nothing } from 'lit-html'

/** K2's page is laid out for a screen of this width, and scaled to the room there is. */
const k2Width = 1500

const keys = [
  ['→ / Space', 'the next step: what runs is left, and the step is executed at once'],
  ['←', 'the step before, as it was; it is not executed again'],
  ['Enter', 'execute this step again'],
  ['B', 'backup of this section, or back to the live page'],
  ['1 – 9', 'which of the backup material'],
  ['R', 'clocks back to nought'],
  ['D', 'light or dark'],
  ['?', 'this list']
]

export const pageView = (app) => html`
  ${top(app)} ${sectionsBar(app)}
  <main>
    <section class="say" aria-label="What is said">${talk(app)} ${output(app)}</section>
    ${app.isBackup ? backupView(app) : live(app)}
  </main>
  <footer>
    <span><kbd>→</kbd> next</span><span><kbd>←</kbd> back</span><span><kbd>B</kbd> backup</span>
    <span><kbd>Enter</kbd> again</span><span><kbd>?</kbd> all keys</span>
    ${app.areKeysAway
      ? html`<strong>Keys go to the page of K2 while the pointer is on it.</strong>`
      : nothing}
    ${app.show.backupProblems.map((problem) => html`<span>${problem}</span>`)}
  </footer>
  ${help(app)}
`

const clock = (seconds) =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`

const wellTexts = { live: 'K2 is live', cut: 'no trades come in: B', silent: 'K2 is silent: B' }

const top = (app) => {
  const { state, detail } = app.k2
  const total = app.show.sections.reduce((sum, it) => sum + it.budgetSeconds, 0)
  return html`<header class="top">
    <h1>K2</h1>
    <span class="well ${state}" role="status" title=${detail}>${wellTexts[state]}</span>
    <div class="clocks">
      ${clockView('section', app.sectionSeconds, app.section.budgetSeconds)}
      ${clockView('in all', app.totalSeconds, total)}
    </div>
  </header>`
}

const clockView = (name, seconds, budget) => html`
  <div class=${seconds > budget ? 'over' : ''}>
    <span>${name}</span> <b>${clock(seconds)}</b> <span>of ${clock(budget)}</span>
  </div>
`

const sectionsBar = (app) => html`<nav class="sections" aria-label="Sections">
  ${app.show.sections.map((it, index) => {
    const here = index === app.sectionIndex
    return html`<button
      type="button"
      class=${index < app.sectionIndex ? 'done' : ''}
      data-long=${it.budgetSeconds > 60 ? 'yes' : 'no'}
      aria-current=${here ? 'step' : 'false'}
      @click=${() => app.goToSection(index)}
    >${it.title}</button>`
  })}
</nav>`

const talk = (app) => {
  const { step, result, section } = app
  const number = `${section.title}, ${app.stepIndex + 1} of ${section.steps.length}`
  return html`<div>
    <p class="number">${number}</p>
    <h2>${step.title}</h2>
    <p class="point">${withFigures(step.says, result)}</p>
    ${verdict(app)}
  </div>`
}

/** Figures stand out; what is not yet known is an ellipsis. */
const withFigures = (says, result) =>
  says.split(/(\{\w+\})/).map((part) => {
    const [, name] = /^\{(\w+)\}$/.exec(part) ?? []
    if (name === undefined) return part
    const text = result?.texts[name]
    return text === undefined ? '…' : html`<b>${text}</b>`
  })

const verdict = ({ isRunning, result, step, runSeconds }) => {
  if (isRunning)
    return html`<p class="verdict runs" role="status">
      executing, ${Math.floor(runSeconds)} s; given up after ${step.secondsMax} s, left by →
    </p>`
  if (result === undefined) return html`<p class="verdict runs">not executed: Enter does</p>`
  if (result.problem !== undefined)
    return html`<p class="verdict no" role="status">✗ ${result.problem}</p>`
  return html`<p class="verdict yes" role="status">
    ✓ ${step.proves} (${(result.ms / 1000).toFixed(2)} s)
  </p>`
}

const output = ({ result, step }) => html`<div class="output">
  <code class="command" tabindex="0">$ ${result?.answer?.command ?? ''}</code>
  <div class="came" tabindex="0" role="group" aria-label="Output of the command">
    ${came(result?.answer, step.columns)}
  </div>
</div>`

const came = (answer, columns) => {
  if (answer === undefined) return nothing
  const { rows, text } = answer
  return Array.isArray(rows) && rows.length > 0 && typeof rows[0] === 'object'
    ? table(rows.map(flat), columns)
    : html`<pre>${text}</pre>`
}

const columnsMax = 7

/** What is nested one level deep has columns of its own. */
const flat = (row) => ({ ...row, ...row.summary })

const table = (rows, columns) => {
  const names =
    columns ??
    Object.keys(rows[0])
      .filter((name) => rows.some((row) => row[name] !== null))
      .slice(0, columnsMax)
  return html`<table>
    <thead>
      <tr>${names.map((name) => html`<th scope="col">${name}</th>`)}</tr>
    </thead>
    <tbody>
      ${rows.map(
        (row) => html`<tr>${names.map((name) => cellView(cell(row[name])))}</tr>`
      )}
    </tbody>
  </table>`
}

const [cellMax, wideMin] = [140, 40]

const cellView = (text) =>
  html`<td class=${text.length > wideMin ? 'wide' : ''}>${text}</td>`

const cell = (value) => {
  const isNested = typeof value === 'object' && value !== null
  const text = isNested ? JSON.stringify(value) : String(value ?? '')
  return text.length > cellMax ? `${text.slice(0, cellMax)}…` : text
}

const live = (app) => html`<section class="live" aria-label="The page of K2">
  <iframe title="The page of K2" src=${app.livePage} width=${k2Width}></iframe>
</section>`

/** After the page was laid out. */
export const fitLive = () => {
  const place = document.querySelector('section.live')
  const frame = place?.querySelector('iframe')
  if (frame == null) return
  const scale = place.clientWidth / k2Width
  frame.style.transform = `scale(${scale})`
  frame.style.height = `${place.clientHeight / scale}px`
}

const backupView = (app) => {
  const { material, picked, show, section } = app
  return html`<section class="backup" aria-label="Backup">
    <div class="bar">
      <strong>Backup</strong>
      ${material.map(
        (name, index) => html`<button
          type="button"
          aria-pressed=${name === picked}
          @click=${() => app.pick(name)}
        ><kbd>${index + 1}</kbd> ${name.replace(/\.png$/, '')}</button>`
      )}
      ${section.material.length === 0
        ? html`<p>Pictures and video: <kbd>npm run backup</kbd> makes them.</p>`
        : nothing}
      ${show.rehearsedAt === null ? nothing : html`<p>rehearsed ${show.rehearsedAt}</p>`}
    </div>
    <div class="shown">${materialView(app, picked)}</div>
  </section>`
}

const materialView = (app, name) => {
  const address = `/backup/${name}`
  if (name.endsWith('.png')) return html`<img src=${address} alt=${`Picture ${name}`}>`
  if (name.endsWith('.mp4')) return html`<video src=${address} controls autoplay muted></video>`
  if (name.endsWith('.cast')) return html`<pre tabindex="0">${app.castText}</pre>`
  const src = name.endsWith('.html') ? address : `/recorded/${app.section.id}`
  return html`<iframe title=${`Backup: ${name}`} src=${src}></iframe>`
}

const help = (app) => html`<dialog ?open=${app.isHelpOpen} aria-labelledby="keys-title">
  <h2 id="keys-title">Keys</h2>
  <dl>
    ${keys.map(([key, does]) => html`<dt><kbd>${key}</kbd></dt><dd>${does}</dd>`)}
  </dl>
</dialog>`
