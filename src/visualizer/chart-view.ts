/** The statechart of an actor: what it is in, how it came there, what was never reached. */
import { html, nothing, svg, type SVGTemplateResult, type TemplateResult } from 'lit-html'
import type { App } from './app.ts'
import { type Box, lineHeight, linesOf, type PlacedChart } from './chart-layout.ts'
import { type ChartState, edgeCounts, edgesTaken, isWithin } from './chart-model.ts'
import { nameOf, short } from './format.ts'
import type { WatchActor, WatchTransition } from './watch-types.ts'

/** Of the selected actor: its own, or its keeper's where it has none. */
export const machineOf = (actor: WatchActor, isKeeper: boolean): string | null =>
  isKeeper ? actor.machines.keeper : (actor.machines.kept ?? actor.machines.keeper)

const sideOf = (actor: WatchActor, isKeeper: boolean): 'keeper' | 'kept' =>
  isKeeper || actor.machines.kept === null ? 'keeper' : 'kept'

export const chartView = (app: App): TemplateResult => {
  const actor = app.moment?.actors.get(app.selected)
  return html`
    <section class="panel chart" aria-labelledby="chart-title">
      <h2 id="chart-title">${nameOf(app.selected)}</h2>
      ${actor === undefined
        ? html`<p class="empty">There is no such actor at this moment.</p>`
        : html`
            ${actor.machines.keeper !== null && actor.machines.kept !== null
              ? sidesView(app)
              : nothing}
            ${machineView(app, actor)}
          `}
    </section>
  `
}

const machineView = (app: App, actor: WatchActor): TemplateResult => {
  const { isKeeper, chart } = app
  const machine = machineOf(actor, isKeeper)
  if (machine === null)
    return html`<p class="empty">It has no machine: it runs as long as its parent wants it to.</p>`
  return html`
    <p class="states">
      ${machine}: <strong>${actor.state[sideOf(actor, isKeeper)] ?? 'unknown'}</strong>
    </p>
    ${chart?.chart.id === machine
      ? drawing(app, chart, actor)
      : html`<p class="empty">Drawing…</p>`}
  `
}

const sidesView = (app: App): TemplateResult => html`
  <div class="sides" role="group" aria-label="Which machine">
    ${sideButton(app, false, 'Its own machine')} ${sideButton(app, true, "Its supervisor's view")}
  </div>
`

const sideButton = (app: App, isKeeper: boolean, text: string): TemplateResult => html`
  <button
    type="button"
    aria-pressed=${app.isKeeper === isKeeper}
    @click=${() => app.set({ isKeeper })}
  >${text}</button>
`

const drawing = (app: App, placed: PlacedChart, actor: WatchActor): TemplateResult => {
  const side = sideOf(actor, app.isKeeper)
  const at = actor.state[side] ?? ''
  const ofActor = ({ path, of }: { readonly path: string; readonly of: string }): boolean =>
    path === actor.path && of === side
  const counts = edgeCounts([...app.moment!.counts.values()].filter(ofActor))
  const last = app.recording?.transitions(app.scrubMs).findLast(ofActor)
  const fired = last === undefined ? new Set<string>() : edgesTaken(last)
  const margin = 12
  const size = `${-margin} ${-margin} ${placed.width + 2 * margin} ${placed.height + 2 * margin}`
  return html`
    <div class="canvas" tabindex="0" role="group" aria-label="Statechart, to be scrolled">
      <svg
        viewBox=${size}
        width=${placed.width + 2 * margin}
        height=${placed.height + 2 * margin}
        role="img"
        aria-label=${`Statechart of ${placed.chart.id}; it is in ${at}`}
      >
        <defs>
          <marker
            id="head"
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerUnits="userSpaceOnUse"
            markerWidth="9"
            markerHeight="9"
            orient="auto-start-reverse"
          >
            <path d="M0 0 L8 4 L0 8 z"></path>
          </marker>
        </defs>
        ${[...placed.states.values()].map((it) => stateView(it, at))}
        ${placed.edges.map((it) =>
          edgeView(it, counts.get(it.edge.id) ?? 0, fired.has(it.edge.id) ? last : undefined)
        )}
      </svg>
    </div>
    ${anywhereView(placed)}
  `
}

const stateView = (
  { state, box }: { readonly state: ChartState; readonly box: Box },
  at: string
): SVGTemplateResult => {
  const isCompound = state.children.length > 0
  const classes = ['node', isCompound ? 'compound' : 'leaf', state.type]
  if (at !== '' && isWithin(state.path, at)) classes.push('current')
  const tags = state.tags.map((tag) => `tag: ${tag}`)
  return svg`
    <g class=${classes.join(' ')} transform=${`translate(${box.x} ${box.y})`}>
      <title>${[state.path, ...tags, ...state.notes].join('\n')}</title>
      <rect width=${box.width} height=${box.height} rx="7"></rect>
      ${state.type === 'final'
        ? svg`<rect x="3" y="3" width=${box.width - 6} height=${box.height - 6} rx="5"></rect>`
        : nothing}
      ${state.isInitial ? svg`<circle class="initial" cx="9" cy="9" r="3.5"></circle>` : nothing}
      <text x=${box.width / 2} y=${isCompound ? 20 : box.height / 2 + 4.5}>${state.label}</text>
    </g>
  `
}

type PlacedEdge = PlacedChart['edges'][number]

const edgeView = (
  { edge, points, label }: PlacedEdge,
  count: number,
  last: WatchTransition | undefined
): SVGTemplateResult => {
  const classes = ['edge', count === 0 ? 'unreached' : 'reached']
  // Two names by turns: a name that changes starts the animation again.
  if (last !== undefined) classes.push('fired', last.at % 2 === 0 ? 'even' : 'odd')
  const line = points.map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${x} ${y}`).join(' ')
  const taken = count === 0 ? nothing : svg`<tspan class="count"> ×${short(count)}</tspan>`
  return svg`
    <g class=${classes.join(' ')}>
      <title>${`${edge.from} to ${edge.to}: taken ${count} times`}</title>
      <path d=${line} marker-end="url(#head)"></path>
      ${linesOf(edge.ways).map(
        (line, index) => svg`
          <text x=${label.x} y=${label.y + 10 + index * lineHeight}>
            ${line}${index === 0 ? taken : nothing}
          </text>`
      )}
    </g>
  `
}

/** What leads on from any state has no arrow of its own. */
const anywhereView = ({ chart }: PlacedChart): TemplateResult | typeof nothing => {
  const edges = chart.edges.filter(({ from }) => from === '')
  if (edges.length === 0) return nothing
  const texts = edges.map(({ ways, to }) => `${linesOf(ways).join(' ')} → ${to}`)
  return html`<p class="quiet">From any state: ${texts.join('; ')}</p>`
}
