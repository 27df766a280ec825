/**
 * The presenter: where in the demonstration it is, what runs, and the clocks.
 *
 * 1. No key waits for anything: a step that runs is left by the next one, and its answer ignored.
 * 2. Where it is stands in the address: a page that is loaded again goes on there.
 */
import { render } from 'lit-html'
import { fitLive, pageView } from './views.mjs'

const place = document.querySelector('#page')
const executed = 'as executed'

const app = {
  show: undefined,
  k2: { state: 'silent', detail: 'it was not looked yet' },
  sectionIndex: 0,
  stepIndex: 0,
  results: new Map(),
  running: undefined,
  isBackup: false,
  isHelpOpen: false,
  areKeysAway: false,
  pickedName: undefined,
  castText: '',
  startedMs: undefined,
  sectionStartedMs: undefined,

  get section() {
    return app.show.sections[app.sectionIndex]
  },
  get step() {
    return app.section.steps[app.stepIndex]
  },
  get result() {
    return app.results.get(app.step.id)
  },
  get isRunning() {
    return app.running?.id === app.step.id
  },
  get runSeconds() {
    return app.running === undefined ? 0 : (performance.now() - app.running.startedMs) / 1000
  },
  get totalSeconds() {
    return app.startedMs === undefined ? 0 : (performance.now() - app.startedMs) / 1000
  },
  get sectionSeconds() {
    return app.sectionStartedMs === undefined
      ? 0
      : (performance.now() - app.sectionStartedMs) / 1000
  },
  get livePage() {
    return `${app.show.k2Page}${app.step.shows}`
  },
  /** The picture of this step first; what was executed last. */
  get material() {
    return [...app.section.material, executed]
  },
  get picked() {
    if (app.material.includes(app.pickedName)) return app.pickedName
    return app.material.find((name) => name.endsWith(`-${app.step.id}.png`)) ?? app.material[0]
  },
  pick(name) {
    app.pickedName = name
    if (name.endsWith('.cast')) void playCast(name)
    changed()
  },
  goToSection(index) {
    go(index, 0)
    execute()
  }
}

const changed = () => {
  if (app.show === undefined) return
  render(pageView(app), place)
  fitLive()
}

const go = (sectionIndex, stepIndex) => {
  leave()
  if (sectionIndex !== app.sectionIndex) app.sectionStartedMs = performance.now()
  Object.assign(app, { sectionIndex, stepIndex, pickedName: undefined })
  history.replaceState(null, '', `#${app.step.id}`) // (2)
  changed()
}

/** (1) */
const leave = () => {
  app.running?.controller.abort()
  app.running = undefined
}

const execute = () => {
  leave()
  const { id } = app.step
  const controller = new AbortController()
  app.startedMs ??= performance.now()
  app.sectionStartedMs ??= performance.now()
  const running = { id, controller, startedMs: performance.now() }
  app.running = running
  app.results.delete(id)
  changed()
  void answered(id, controller.signal).then((result) => {
    if (app.running !== running) return undefined
    app.running = undefined
    app.results.set(id, result)
    return changed()
  })
}

const answered = async (id, signal) => {
  try {
    return await (await fetch(`/run/${id}`, { method: 'POST', signal })).json()
  } catch (error) {
    return { problem: `the presenter's server: ${error.message}`, texts: {}, ms: 0 }
  }
}

const next = () => {
  if (app.startedMs === undefined) return execute()
  const { sectionIndex, stepIndex } = app
  if (stepIndex + 1 < app.section.steps.length) go(sectionIndex, stepIndex + 1)
  else if (sectionIndex + 1 < app.show.sections.length) go(sectionIndex + 1, 0)
  else return
  execute()
}

const back = () => {
  const { sectionIndex, stepIndex } = app
  if (stepIndex > 0) go(sectionIndex, stepIndex - 1)
  else if (sectionIndex > 0) {
    go(sectionIndex - 1, app.show.sections[sectionIndex - 1].steps.length - 1)
  }
}

const playCast = async (name) => {
  const lines = (await (await fetch(`/backup/${name}`)).text()).trim().split('\n').slice(1)
  // eslint-disable-next-line no-control-regex
  const plain = (text) => text.replaceAll(/\u001B\[[\d;?]*[A-Za-z]/g, '').replaceAll('\r', '')
  app.castText = lines.map((line) => plain(JSON.parse(line)[2])).join('')
  changed()
}

const turnTheme = () => {
  const { dataset } = document.documentElement
  const isDark =
    dataset.theme === undefined
      ? matchMedia('(prefers-color-scheme: dark)').matches
      : dataset.theme === 'dark'
  dataset.theme = isDark ? 'light' : 'dark'
}

const acts = {
  ArrowRight: next,
  ' ': next,
  PageDown: next,
  ArrowLeft: back,
  PageUp: back,
  Enter: () => execute(),
  b: () => {
    app.isBackup = !app.isBackup
  },
  r: () => {
    app.startedMs = app.sectionStartedMs = performance.now()
  },
  d: turnTheme,
  '?': () => {
    app.isHelpOpen = !app.isHelpOpen
  },
  Escape: () => {
    app.isHelpOpen = false
  }
}

/** Pressed before the page knew what it shows: they count once it does. */
const earlyKeys = []

const press = (event) => {
  // A button that was reached by Tab is pressed by these.
  if (event.target.closest?.('button') && (event.key === ' ' || event.key === 'Enter')) return
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key
  const digit = /^[1-9]$/.test(key) && app.isBackup ? app.material[Number(key) - 1] : undefined
  const act = digit === undefined ? acts[key] : () => app.pick(digit)
  if (act === undefined) return
  event.preventDefault()
  act()
  changed()
}

addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return
  if (app.show !== undefined) press(event)
  else if (!event.repeat) earlyKeys.push(event)
})
addEventListener('resize', changed)

/** What stands in the frame of a K2 that was dead. */
const reloadLive = () => {
  const frame = document.querySelector('section.live iframe')
  if (frame !== null) frame.src = app.livePage
}

const look = async () => {
  try {
    const { k2 } = await (await fetch('/state', { signal: AbortSignal.timeout(2000) })).json()
    const isBack = app.k2.state === 'silent' && k2.state !== 'silent'
    app.k2 = k2
    if (isBack) reloadLive()
  } catch {
    app.k2 = { state: 'silent', detail: 'the presenter itself does not answer' }
  }
  changed()
}

/** After a click into K2's page keys are that page's, until the pointer leaves it. */
addEventListener('blur', () => {
  app.areKeysAway = document.activeElement?.tagName === 'IFRAME'
  changed()
})
addEventListener('focus', () => {
  app.areKeysAway = false
  changed()
})
addEventListener('mouseover', () => {
  if (!app.areKeysAway) return
  document.activeElement?.blur()
  window.focus()
})

app.show = await (await fetch('/show')).json()
const [sectionIndex, stepIndex] = app.show.sections
  .flatMap(({ steps }, section) => steps.map(({ id }, step) => [section, step, id]))
  .find(([, , id]) => `#${id}` === location.hash) ?? [0, 0]
Object.assign(app, { sectionIndex, stepIndex })
changed()
earlyKeys.forEach(press)
void look()
setInterval(look, 1000)
