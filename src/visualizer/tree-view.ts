/** The supervision tree: each actor with its state, health, restarts, queue and rate. */
import { html, nothing, type TemplateResult } from 'lit-html'
import type { App } from './app.ts'
import { bytes, duration, nameOf, short } from './format.ts'
import type { WatchActor } from './watch-types.ts'

export const treeView = (app: App, release: (path: string) => void): TemplateResult => {
  const actors = [...(app.moment?.actors.values() ?? [])]
  const roots = childrenOf(actors, null)
  return html`
    <section class="panel tree" aria-labelledby="tree-title">
      <h2 id="tree-title">Supervision tree</h2>
      ${roots.length === 0
        ? html`<p class="empty">No actors are known yet.</p>`
        : html`<ul role="tree" aria-labelledby="tree-title" @keydown=${onArrow}>
            ${roots.map((actor) => branchView(app, actors, { actor, release, depth: 1 }))}
          </ul>`}
    </section>
  `
}

const childrenOf = (actors: readonly WatchActor[], parent: string | null) =>
  actors.filter((it) => it.parent === parent).sort((one, other) => one.order - other.order)

interface Branch {
  readonly actor: WatchActor
  readonly release: (path: string) => void
  readonly depth: number
}

const symbols: Readonly<Record<WatchActor['health'], string>> = {
  healthy: '●',
  degraded: '▲',
  unavailable: '◆',
  quarantined: '■',
  ended: '○'
}

const branchView = (
  app: App,
  actors: readonly WatchActor[],
  { actor, release, depth }: Branch
): TemplateResult => {
  const { path, health } = actor
  const children = childrenOf(actors, path)
  const isSelected = app.selected === path
  return html`
    <li
      role="treeitem"
      aria-level=${depth}
      aria-selected=${isSelected}
      aria-expanded=${children.length === 0 ? nothing : 'true'}
      aria-label=${spoken(app, actor)}
      tabindex=${isSelected ? 0 : -1}
      data-path=${path}
      @click=${(event: Event) => {
        event.stopPropagation()
        app.set({ selected: path, isKeeper: false })
      }}
    >
      <div class="actor" data-health=${health}>
        <span class="sign" aria-hidden="true">${symbols[health]}</span>
        <span class="name">${nameOf(path)}</span>
        <span class="state">${stateOf(actor)}</span>
        ${factsView(app, actor)}
        ${health === 'quarantined' && app.isLive
          ? html`<button
              type="button"
              class="release"
              @click=${(event: Event) => {
                event.stopPropagation()
                release(path)
              }}
            >Release</button>`
          : nothing}
      </div>
      ${actor.last_error !== null && health !== 'healthy'
        ? html`<p class="error">${actor.last_error.tag}: ${actor.last_error.message}</p>`
        : nothing}
      ${children.length === 0
        ? nothing
        : html`<ul role="group">
            ${children.map((child) =>
              branchView(app, actors, { actor: child, release, depth: depth + 1 })
            )}
          </ul>`}
    </li>
  `
}

const stateOf = ({ state }: WatchActor): string => state.kept ?? state.keeper ?? ''

const factsOf = (app: App, actor: WatchActor): readonly string[] => {
  const { restarts, crashes_in_window: crashes, restarts_max: max, backoff_until: until } = actor
  const nowMs = app.isLive ? Date.now() : (app.moment?.at ?? 0)
  const facts: string[] = []
  if (until !== null && until > nowMs) facts.push(`restarts in ${duration(until - nowMs)}`)
  if (crashes > 0) {
    const window = actor.window_seconds === null ? '' : ` in ${actor.window_seconds} s`
    facts.push(`${crashes}${max === null ? '' : ` of ${max}`} crashes${window}`)
  }
  if (restarts > 0) facts.push(`${restarts} restarts`)
  if (actor.queue_bytes !== null) {
    const bound = actor.queue_bytes_max === null ? '' : ` of ${bytes(actor.queue_bytes_max)}`
    facts.push(`${bytes(actor.queue_bytes)}${bound}`)
  }
  if (actor.messages_per_second !== null && actor.messages_per_second > 0)
    facts.push(`${short(actor.messages_per_second)}/s`)
  return facts
}

const factsView = (app: App, actor: WatchActor): TemplateResult => html`
  <span class="facts">
    ${factsOf(app, actor).map((fact) => html`<span>${fact}</span>`)}
    ${actor.queue_bytes !== null && actor.queue_bytes_max !== null
      ? html`<meter
          max=${actor.queue_bytes_max}
          high=${actor.queue_bytes_max * 0.8}
          .value=${actor.queue_bytes}
          aria-label="queue"
        ></meter>`
      : nothing}
  </span>
`

const spoken = (app: App, actor: WatchActor): string =>
  [nameOf(actor.path), actor.health, stateOf(actor), ...factsOf(app, actor)].join(', ')

/** Up and down move through the tree, as in any other. */
const onArrow = (event: KeyboardEvent): void => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
  if (step === undefined) return
  event.preventDefault()
  event.stopPropagation()
  const tree = event.currentTarget as HTMLElement
  const items = [...tree.querySelectorAll<HTMLElement>('[role=treeitem]')]
  const at = items.findIndex((item) => item.getAttribute('aria-selected') === 'true')
  const next = items[Math.max(0, Math.min(items.length - 1, at + step))]
  next?.click()
  next?.focus()
}
