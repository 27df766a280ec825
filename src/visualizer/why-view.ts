/** Why something happened: event, signal and threshold, guards, actions, and what followed. */
import { html, nothing, type TemplateResult } from 'lit-html'
import { type App, type Happening, managerPath } from './app.ts'
import { clock, clockMs, duration, eventText, inUnit, nameOf } from './format.ts'
import type { LevelChange, WatchTransition } from './watch-types.ts'

const shownMax = 200
/** What comes so soon after is taken for a consequence. */
const followedMs = 3_000
const followedMax = 12

export const whyView = (app: App): TemplateResult => {
  const all = app.happenings()
  const routine = app.hasRoutine ? new Set<string>() : routineOf(all)
  const listed = all
    .filter((it) => !app.isFiltered || pathOf(it) === app.selected)
    .filter((it) => !routine.has(titleOf(it)))
    .slice(0, shownMax)
  return html`
    <section class="panel why" aria-labelledby="why-title">
      <h2 id="why-title">Why</h2>
      ${app.chosen === undefined
        ? html`<p class="quiet">Choose what happened, and this says why.</p>`
        : detailView(app, app.chosen, all)}
      <div class="filters">
        ${filterView(`only ${nameOf(app.selected)}`, app.isFiltered, (isFiltered) =>
          app.set({ isFiltered })
        )}
        ${filterView('with routine', app.hasRoutine, (hasRoutine) => app.set({ hasRoutine }))}
      </div>
      ${listed.length === 0
        ? html`<p class="empty">Nothing has happened in this hour.</p>`
        : html`<ol class="happenings all" tabindex="0" aria-label="What happened, newest first">
            ${listed.map((it) => lineView(app, it))}
          </ol>`}
    </section>
  `
}

const filterView = (
  text: string,
  isOn: boolean,
  turn: (isOn: boolean) => void
): TemplateResult => html`
  <label>
    <input
      type="checkbox"
      .checked=${isOn}
      @change=${(event: Event) => turn((event.target as HTMLInputElement).checked)}
    />
    ${text}
  </label>
`

/** What an actor does again and again tells nobody anything. */
const routineMin = 12

const routineOf = (all: readonly Happening[]): ReadonlySet<string> => {
  const counts = new Map<string, number>()
  for (const it of all)
    if (it.kind === 'state') counts.set(titleOf(it), (counts.get(titleOf(it)) ?? 0) + 1)
  return new Set([...counts].filter(([, count]) => count >= routineMin).map(([title]) => title))
}

const pathOf = (it: Happening): string => (it.kind === 'level' ? managerPath : it.transition.path)

const lineView = (app: App, it: Happening): TemplateResult => html`
  <li>
    <button
      type="button"
      class=${it.kind}
      aria-pressed=${isSame(it, app.chosen)}
      @click=${() => app.set({ chosen: it })}
    >
      <time>${clock(it.at)}</time> ${titleOf(it)}
    </button>
  </li>
`

const isSame = (it: Happening, other: Happening | undefined): boolean =>
  other !== undefined && it.at === other.at && titleOf(it) === titleOf(other)

const titleOf = (it: Happening): string =>
  it.kind === 'level'
    ? `${it.change.scope === 'quotes' ? 'quotes: ' : ''}${it.change.from} → ${it.change.to}`
    : `${nameOf(it.transition.path)}: ${it.transition.from || 'new'} → ${it.transition.to}`

const detailView = (app: App, it: Happening, all: readonly Happening[]): TemplateResult => html`
  <article class="detail">
    <h3>${titleOf(it)}</h3>
    <p><time>${clockMs(it.at)}</time></p>
    ${it.kind === 'level' ? levelView(it.change) : stateView(it.transition)}
    ${followedView(app, it, all)}
    <button type="button" @click=${() => app.show(it)}>Show this moment</button>
  </article>
`

const row = (name: string, value: string | null): TemplateResult | typeof nothing =>
  value === null || value === ''
    ? nothing
    : html`<dt>${name}</dt>
        <dd>${value}</dd>`

const levelView = (change: LevelChange): TemplateResult => html`
  <p>${change.reason}.</p>
  <dl>
    ${row('signal', change.signal?.replaceAll('_', ' ') ?? null)}
    ${row('value', change.signal === null ? null : inUnit(change.value, change.unit))}
    ${row('threshold', change.signal === null ? null : inUnit(change.threshold, change.unit))}
    ${row('limit', change.limit === null ? null : inUnit(change.limit, change.unit))}
    ${row('dwell before', change.dwell_seconds === null ? null : inUnit(change.dwell_seconds, 's'))}
    ${row('cooldown after', inUnit(change.cooldown_seconds, 's'))}
    ${row('kind', change.kind)} ${row('action', change.action)}
  </dl>
`

const stateView = (transition: WatchTransition): TemplateResult => html`
  <dl>
    ${row('event', eventText(transition.event))} ${row('with', transition.detail)}
    ${row('machine', transition.machine)} ${row('actions', transition.actions.join(', '))}
  </dl>
  ${transition.guards.length === 0
    ? nothing
    : html`<table class="guards">
        <caption>Guards, in the order in which they were asked</caption>
        <tbody>
          ${transition.guards.map(
            ({ guard, target, result }) =>
              html`<tr data-result=${result}>
                <td>${guard}</td>
                <td>${target ?? 'stays'}</td>
                <td>${result ? '✓ true' : '✗ false'}</td>
              </tr>`
          )}
        </tbody>
      </table>`}
`

const followedView = (app: App, it: Happening, all: readonly Happening[]): TemplateResult => {
  const followed = all
    .filter((next) => next.at >= it.at && next.at <= it.at + followedMs && !isSame(next, it))
    .reverse()
  return html`
    <h4>What followed within ${duration(followedMs)}</h4>
    ${followed.length === 0
      ? html`<p class="quiet">Nothing that is seen here.</p>`
      : html`<ol class="happenings">
          ${followed.slice(0, followedMax).map((next) => lineView(app, next))}
        </ol>`}
    ${followed.length > followedMax
      ? html`<p class="quiet">and ${followed.length - followedMax} more</p>`
      : nothing}
  `
}
