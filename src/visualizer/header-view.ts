/** What is the level, since when and why; and whether what is shown is now. */
import { html, nothing, type TemplateResult } from 'lit-html'
import { hasKey } from './api.ts'
import type { App } from './app.ts'
import { clock, duration, levels, rankOf } from './format.ts'

export interface HeaderActions {
  readonly save: () => void
  readonly pickFile: () => void
  readonly turnTheme: () => void
}

const meanings: Readonly<Record<string, string>> = {
  normal: 'everything is captured',
  soft: 'throttled: larger batches, quotes conflated',
  graceful: 'tier 3 is shed',
  aggressive: 'tiers 2 and 3 and all quotes are shed',
  circuitBreak: 'feeds are paused'
}

export const headerView = (app: App, actions: HeaderActions): TemplateResult => {
  const { moment } = app
  const level = moment?.degradation?.level ?? null
  return html`
    <header class="bar">
      <h1>K2</h1>
      <div class="level" data-level=${level ?? 'unknown'} id="level">
        <span class="rungs" aria-hidden="true">${levels.map((_, rank) => rung(rank, level))}</span>
        <strong>${level ?? 'level unknown'}</strong>
        <span class="quiet">${levelText(app)}</span>
      </div>
      ${whenView(app)}
      <nav class="views" aria-label="Views">
        ${viewButton(app, 'system', 'System')} ${viewButton(app, 'data', 'Data')}
      </nav>
      <div class="tools">
        <button type="button" @click=${actions.save} ?disabled=${app.recording === undefined}>
          Save episode
        </button>
        <button type="button" @click=${actions.pickFile}>Open…</button>
        <button type="button" @click=${actions.turnTheme}>Light / dark</button>
        ${hasKey()
          ? html`<button type="button" @click=${() => app.set({ isKeyAsked: true })}>
              API key
            </button>`
          : nothing}
        <button type="button" @click=${() => app.set({ isHelpOpen: true })}>Shortcuts</button>
      </div>
    </header>
    <p class="visually-hidden" role="status" aria-live="polite">${announced(app)}</p>
    ${app.notice === '' ? nothing : html`<p class="notice" role="alert">${app.notice}</p>`}
  `
}

const rung = (rank: number, level: string | null): TemplateResult =>
  html`<i class=${rank <= rankOf(level) ? 'lit' : ''} data-rank=${rank}></i>`

const levelText = ({ moment }: App): string => {
  const degradation = moment?.degradation
  if (degradation?.level == null) return ''
  const since =
    degradation.since === null
      ? ''
      : ` for ${duration((moment?.at ?? 0) - Date.parse(degradation.since))}`
  const quotes = degradation.quotes_level
  const ofQuotes =
    quotes === null || quotes === degradation.level ? '' : `; quotes: ${quotes}`
  return `${meanings[degradation.level] ?? ''}${since}${ofQuotes}`
}

const viewButton = (app: App, view: App['view'], text: string): TemplateResult => html`
  <button
    type="button"
    aria-pressed=${app.view === view}
    @click=${() => app.set({ view })}
  >${text}</button>
`

const whenView = (app: App): TemplateResult => {
  const { link, opened, scrubMs } = app
  if (opened !== undefined)
    return html`<div class="when recorded">
      <span>${opened.name}, ${clock(app.moment?.at ?? 0)}</span>
      <button type="button" @click=${() => app.goLive()}>Close, go live</button>
    </div>`
  if (scrubMs !== undefined)
    return html`<div class="when past">
      <span>at ${clock(scrubMs)}</span>
      <button type="button" @click=${() => app.goLive()}>Live (L)</button>
    </div>`
  if (link.state === 'live' && app.staleMs === 0)
    return html`<div class="when live"><span>● live</span></div>`
  return html`<div class="when stale"><span>${linkText(app)}</span></div>`
}

const linkText = ({ link, staleMs }: App): string => {
  switch (link.state) {
    case 'loading':
      return 'loading…'
    case 'refused':
      return link.reason
    case 'disconnected': {
      const last = staleMs === 0 ? '' : `; last update ${duration(staleMs)} ago`
      return `disconnected: ${link.reason}${last}; trying again`
    }
    case 'live':
      return `last update ${duration(staleMs)} ago`
    default:
      return link satisfies never
  }
}

/** For those who listen: the level and why, when it changes. */
const announced = (app: App): string => {
  const change = app.isLive ? app.live?.changes().at(-1) : undefined
  const level = app.moment?.degradation?.level
  if (app.link.state === 'disconnected') return 'Disconnected from K2.'
  if (change === undefined) return level == null ? '' : `Level ${level}.`
  return `Level ${change.to}: ${change.reason}.`
}
