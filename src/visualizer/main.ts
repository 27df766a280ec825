/** Puts the page together: the connection fills the app, each change is rendered once per frame. */
import { html, nothing, render, type TemplateResult } from 'lit-html'
import { App } from './app.ts'
import { post } from './api.ts'
import { placed, type PlacedChart } from './chart-layout.ts'
import { chartOf } from './chart-model.ts'
import { chartView, machineOf } from './chart-view.ts'
import { follow } from './connection.ts'
import { DataView } from './data-view.ts'
import { readEpisode, saveEpisode } from './episode-file.ts'
import { gaugesView } from './gauges-view.ts'
import { headerView } from './header-view.ts'
import { keyForm } from './key-form.ts'
import { helpView, onKey } from './keys.ts'
import { Timeline } from './timeline-view.ts'
import { treeView } from './tree-view.ts'
import type { WatchMachine } from './watch-types.ts'
import { whyView } from './why-view.ts'

const place = document.querySelector<HTMLElement>('#page')!
const charts = new Map<string, Promise<PlacedChart>>()
let isScheduled = false

const changed = (): void => {
  if (isScheduled) return
  isScheduled = true
  requestAnimationFrame(() => {
    isScheduled = false
    render(pageView(), place)
    timeline.draw()
    showChart()
  })
}

const app = new App(changed)
const timeline = new Timeline(app)
const dataView = new DataView(app, changed)

const pageView = (): TemplateResult => html`
  ${headerView(app, { save, pickFile, turnTheme })}
  ${keyView()} ${app.view === 'data' ? dataView.view() : systemView()}
  ${helpView(app)}
`

const keyView = (): TemplateResult | typeof nothing => {
  if (app.link.state === 'refused') return keyForm(app.link.reason, start)
  if (!app.isKeyAsked) return nothing
  return keyForm('Another key may allow more.', () => app.set({ isKeyAsked: false }))
}

const systemView = (): TemplateResult => {
  const classes = app.isLive ? 'system' : 'system past'
  if (app.link.state === 'refused' && app.recording === undefined) return html``
  if (app.recording === undefined) {
    const isAway = app.link.state === 'disconnected'
    return html`<main class=${classes} aria-busy="true">
      <p class="empty">${isAway ? 'K2 does not answer yet.' : 'Loading what K2 knows…'}</p>
    </main>`
  }
  return html`<main class=${classes}>
    ${treeView(app, (path) => void release(path))}
    <div class="middle">${chartView(app)} ${gaugesView(app)}</div>
    ${whyView(app)} ${timeline.view()}
  </main>`
}

/** Draws the statechart that is wanted, unless it is shown already. */
const showChart = (): void => {
  const actor = app.moment?.actors.get(app.selected)
  const id = actor === undefined ? null : machineOf(actor, app.isKeeper)
  const machine = id === null ? undefined : app.recording?.machines.get(id)
  if (machine === undefined || app.chart?.chart.id === machine.id) return
  void drawChart(machine)
}

const drawChart = async (machine: WatchMachine): Promise<void> => {
  const found = charts.get(machine.id) ?? placed(chartOf(machine))
  charts.set(machine.id, found)
  try {
    const chart = await found
    if (app.chart !== chart) app.set({ chart })
  } catch (error) {
    notify(`the statechart cannot be drawn: ${String(error)}`)
  }
}

const notify = (notice: string): void => app.set({ notice })

const release = async (path: string): Promise<void> => {
  const name = encodeURIComponent(path)
  try {
    await post(`/v1/system/actors/${name}/release`, {}, 'released on the page')
    notify('')
  } catch (error) {
    notify(`${path} was not released: ${(error as Error).message}`)
  }
}

const save = (): void => {
  if (app.recording !== undefined) saveEpisode(app.recording)
}

const pickFile = (): void => {
  const input = document.createElement('input')
  input.type = 'file'
  input.accept = '.json,application/json'
  input.addEventListener('change', () => {
    const file = input.files?.[0]
    if (file !== undefined) void openFile(file)
  })
  input.click()
}

const openFile = async (file: File): Promise<void> => {
  try {
    app.open(file.name, await readEpisode(file))
    notify('')
  } catch (error) {
    notify(`${file.name} cannot be opened: ${(error as Error).message}`)
  }
}

const themeName = 'k2-theme'

const turnTheme = (): void => {
  const { dataset } = document.documentElement
  const isDark =
    dataset['theme'] === undefined
      ? matchMedia('(prefers-color-scheme: dark)').matches
      : dataset['theme'] === 'dark'
  dataset['theme'] = isDark ? 'light' : 'dark'
  localStorage.setItem(themeName, dataset['theme'])
  timeline.restyle()
  changed()
}

const start = (): void => {
  void follow({
    onLink: (link) => app.set({ link }),
    onRecording: (live) => app.set({ live, lastFrameMs: Date.now() }),
    onFrame: () => app.set({ lastFrameMs: Date.now() })
  })
}

/** Whoever links to this page says which view is meant: `/#data`. */
const showAddressed = (): void => {
  const view = location.hash.slice(1)
  if (view === 'system' || view === 'data') app.set({ view })
}

const kept = localStorage.getItem(themeName)
if (kept !== null) document.documentElement.dataset['theme'] = kept
document.addEventListener('keydown', (event) => onKey(app, event))
document.addEventListener('dragover', (event) => event.preventDefault())
document.addEventListener('drop', (event) => {
  event.preventDefault()
  const file = event.dataTransfer?.files[0]
  if (file !== undefined) void openFile(file)
})
addEventListener('hashchange', showAddressed)
// What is stale grows older without anything that comes.
setInterval(() => {
  if (app.staleMs > 0) changed()
}, 1_000)
showAddressed()
changed()
start()
