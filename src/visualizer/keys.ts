/** What keys do, and the list of it. */
import { html, type TemplateResult } from 'lit-html'
import { type App, toldOf } from './app.ts'

const steps: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1 }
const stepMs = 1_000

interface Key {
  readonly keys: readonly string[]
  readonly shown: string
  readonly does: string
  readonly act: (app: App, event: KeyboardEvent) => void
}

const keys: readonly Key[] = [
  { keys: ['l', 'Escape'], shown: 'L', does: 'live again', act: (app) => app.goLive() },
  {
    keys: Object.keys(steps),
    shown: '← →',
    does: 'a second back or on; with Shift ten',
    act: (app, { key, shiftKey }) =>
      app.scrub((app.moment?.at ?? 0) + steps[key]! * stepMs * (shiftKey ? 10 : 1))
  },
  { keys: ['['], shown: '[', does: 'to what happened before', act: (app) => toHappening(app, -1) },
  { keys: [']'], shown: ']', does: 'to what happened next', act: (app) => toHappening(app, 1) },
  {
    keys: ['d'],
    shown: 'D',
    does: 'data or system',
    act: (app) => app.set({ view: app.view === 'data' ? 'system' : 'data' })
  },
  {
    keys: ['?'],
    shown: '?',
    does: 'this list',
    act: (app) => app.set({ isHelpOpen: !app.isHelpOpen })
  }
]

/** Keys that are typed into a field are the field's. */
export const onKey = (app: App, event: KeyboardEvent): void => {
  const target = event.target as HTMLElement
  const isTyping = /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName)
  if (event.ctrlKey || event.metaKey || event.altKey || (isTyping && event.key !== 'Escape')) return
  if (event.key === 'Escape' && app.isHelpOpen) return app.set({ isHelpOpen: false })
  const key = keys.find((it) => it.keys.includes(event.key))
  if (key === undefined) return
  event.preventDefault()
  key.act(app, event)
}

const toHappening = (app: App, direction: 1 | -1): void => {
  const { chosen, recording, scrubMs } = app
  const isShown = chosen !== undefined && recording?.seenAt(toldOf(chosen)) === scrubMs
  const at = isShown ? chosen.at : (app.moment?.at ?? 0)
  const all = [...(app.recording?.transitions() ?? [])].sort((one, other) => one.at - other.at)
  const next =
    direction === 1 ? all.find((it) => it.at > at) : all.findLast((it) => it.at < at)
  if (next === undefined) return
  app.show({ kind: 'state', at: next.at, transition: next })
}

export const helpView = (app: App): TemplateResult => html`
  <dialog ?open=${app.isHelpOpen} aria-labelledby="help-title">
    <h2 id="help-title">Keys</h2>
    <dl>
      ${keys.map(
        ({ shown, does }) => html`<dt><kbd>${shown}</kbd></dt>
          <dd>${does}</dd>`
      )}
    </dl>
    <button type="button" @click=${() => app.set({ isHelpOpen: false })}>Close</button>
  </dialog>
`
