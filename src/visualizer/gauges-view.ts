/** Each signal of pressure against its marks: where a level is entered, and where it is left. */
import { html, svg, type SVGTemplateResult, type TemplateResult } from 'lit-html'
import type { App } from './app.ts'
import { inUnit, levels, rankOf } from './format.ts'
import { positionOf, segments } from './gauge-scale.ts'
import type { PressureSignal } from './watch-types.ts'

const width = 200
const height = 22

export const gaugesView = ({ moment }: App): TemplateResult => {
  const signals = moment?.degradation?.signals ?? []
  return html`
    <section class="panel gauges" aria-labelledby="gauges-title" tabindex="0">
      <h2 id="gauges-title">Signals</h2>
      <p class="quiet">▲ a level is entered at, ▽ left below: ${levels.slice(1).join(', ')}</p>
      ${signals.length === 0
        ? html`<p class="empty">No sample has been taken yet.</p>`
        : html`<table>
            <thead>
              <tr>
                <th scope="col">Signal</th>
                <th scope="col">Value</th>
                <th scope="col">Level</th>
              </tr>
            </thead>
            <tbody>${signals.map(rowView)}</tbody>
          </table>`}
      ${injectedView(moment?.degradation?.injected ?? null)}
    </section>
  `
}

const rowView = (signal: PressureSignal): TemplateResult => {
  const name = [signal.signal, signal.data_type ?? ''].join(' ').trim()
  const rank = Math.max(0, rankOf(signal.level))
  return html`
    <tr data-rank=${rank} data-state=${signal.state}>
      <th scope="row">${name.replaceAll('_', ' ')}</th>
      <td>
        ${inUnit(signal.value, signal.unit)}${signal.limit === null
          ? ''
          : html`<span class="quiet"> of ${inUnit(signal.limit, signal.unit)}</span>`}
        ${signal.state === 'fresh' ? '' : html`<em>${signal.state}</em>`}
      </td>
      <td>${bar(signal)}</td>
    </tr>
  `
}

const bar = ({ value, unit, level, marks }: PressureSignal): TemplateResult => {
  const share = value === null ? 0 : positionOf(value, marks.enter)
  const spoken = marks.enter
    .map((mark, index) => (mark === null ? '' : `${levels[index + 1]} at ${inUnit(mark, unit)}`))
    .filter((it) => it !== '')
    .join(', ')
  return html`<svg
    class="gauge"
    viewBox=${`0 0 ${width} ${height}`}
    role="img"
    aria-label=${`${level}; ${spoken === '' ? 'no marks' : spoken}`}
  >
    <title>${spoken}</title>
    <rect class="track" y="7" width=${width} height="8" rx="4"></rect>
    <rect class="fill" y="7" width=${Math.max(1, share * width)} height="8" rx="4"></rect>
    ${marks.enter.map((mark, index) => enterMark(mark, index))}
    ${marks.leave.map((mark) => leaveMark(mark, marks.enter))}
  </svg>`
}

const enterMark = (mark: number | null, index: number): SVGTemplateResult | string => {
  if (mark === null) return ''
  const x = ((index + 1) / (segments + 1)) * width
  return svg`<path class="enter" data-rank=${index + 1} d=${`M${x} 14 l4 7 h-8 z`}></path>`
}

const leaveMark = (
  mark: number | null,
  enter: PressureSignal['marks']['enter']
): SVGTemplateResult | string => {
  if (mark === null) return ''
  const x = positionOf(mark, enter) * width
  return svg`<path class="leave" d=${`M${x} 8 l-4 -7 h8 z`}></path>`
}

const injectedView = (
  injected: { readonly value: number; readonly expires: string | null } | null
): TemplateResult | string =>
  injected === null
    ? ''
    : html`<p class="notice">
        An operator has injected a pressure of ${inUnit(injected.value, 'share')}, until
        ${injected.expires === null ? 'it is cleared' : injected.expires.slice(11, 19)} UTC.
      </p>`
