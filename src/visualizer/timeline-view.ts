/**
 * The hour as charts: rates, backlog, memory and delays over one axis of time, with the level as a
 * band behind them and what happened as marks. uPlot draws them on canvases of its own.
 */
import { html, type TemplateResult } from 'lit-html'
import uPlot from 'uplot'
import type { App } from './app.ts'
import { clock, inUnit } from './format.ts'
import type { Columns, Recording } from './recording.ts'
import type { WatchMark } from './watch-types.ts'

interface Plot {
  readonly title: string
  readonly unit: string
  /** Names of series, with what they are called here. */
  readonly lines: readonly string[]
  /** Where the axis ends at least. */
  readonly top?: number
}

const plots: readonly Plot[] = [
  { title: 'Records per second', unit: '', lines: ['received', 'published', 'landed', 'shed'] },
  { title: 'Lag, records', unit: '', lines: ['lag', 'gap_ids_missing'] },
  {
    title: 'Memory, spool, in flight',
    unit: 'bytes',
    lines: ['memory_bytes', 'spool_bytes', 'in_flight_bytes']
  },
  { title: 'Delays', unit: 's', lines: ['loop_delay', 'query_p99'], top: 0.05 }
]

const levelName = 'level'
const heightPx = 118

/** What the charts are drawn for, and when it was. */
interface Drawn {
  readonly recording: Recording
  seq: number
}

export class Timeline {
  readonly #app: App
  readonly #charts: uPlot[] = []
  #drawn: Drawn | undefined
  #columns: Columns = [[]]
  #marks: readonly WatchMark[] = []

  constructor(app: App) {
    this.#app = app
  }

  view(): TemplateResult {
    const { recording, scrubMs } = this.#app
    const first = recording?.firstMs ?? 0
    const last = recording?.now.at ?? 1
    const at = scrubMs ?? last
    return html`
      <section class="panel timeline" aria-labelledby="timeline-title">
        <h2 id="timeline-title">Timeline</h2>
        <p class="quiet">Drag to zoom, double-click to see all, click to go to a moment.</p>
        <div class="plots"></div>
        <label class="scrubber">
          <span>${clock(at)}</span>
          <input
            type="range"
            min=${first}
            max=${Math.max(last, first + 1)}
            step="100"
            .value=${String(at)}
            aria-label="Moment that is shown"
            aria-valuetext=${scrubMs === undefined ? 'live' : clock(at)}
            @input=${(event: Event) =>
              this.#app.scrub(Number((event.target as HTMLInputElement).value))}
          />
        </label>
        ${marksView(this.#app, recording?.marks() ?? [])}
      </section>
    `
  }

  /** To be called once the view is in the document, and after every change. */
  draw(): void {
    const { recording } = this.#app
    const place = document.querySelector<HTMLElement>('.plots')
    if (recording === undefined || place === null) return
    if (this.#drawn?.recording !== recording || this.#charts[0]?.root.parentElement !== place)
      this.#build(recording, place)
    const { seq } = recording.now
    if (this.#drawn!.seq !== seq) {
      this.#drawn!.seq = seq
      this.#columns = recording.columns()
      this.#marks = recording.marks()
      for (const [index, chart] of this.#charts.entries())
        chart.setData(dataOf(recording, this.#columns, plots[index]!), !isZoomed(chart))
    } else for (const chart of this.#charts) chart.redraw(false)
  }

  /** Colours have changed. */
  restyle(): void {
    this.#drawn = undefined
  }

  #build(recording: Recording, place: HTMLElement): void {
    for (const chart of this.#charts.splice(0)) chart.destroy()
    this.#columns = recording.columns()
    for (const plot of plots) {
      const data = dataOf(recording, this.#columns, plot)
      const chart = new uPlot(this.#options(recording, plot), data, place)
      this.#charts.push(chart)
      chart.over.addEventListener('click', () => this.#clicked(chart))
    }
    this.#drawn = { recording, seq: -1 }
    new ResizeObserver(() => {
      for (const chart of this.#charts) chart.setSize({ width: widthOf(place), height: heightPx })
    }).observe(place)
  }

  /** A click is no drag: a drag zooms, and has a selection. */
  #clicked(chart: uPlot): void {
    const { left = -1 } = chart.cursor
    if (left >= 0 && chart.select.width === 0) this.#app.scrub(chart.posToVal(left, 'x') * 1_000)
  }

  #options(recording: Recording, { title, unit, lines, top }: Plot): uPlot.Options {
    const style = getComputedStyle(document.documentElement)
    const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim()
    const axis = { stroke: colour('quiet'), grid: { stroke: colour('line'), width: 1 } }
    return {
      title,
      width: widthOf(document.querySelector('.plots')!),
      height: heightPx,
      cursor: { sync: { key: 'k2' }, drag: { x: true, y: false } },
      scales: {
        x: { time: true },
        y: { range: (_, __, max) => [0, Math.max(max ?? 0, top ?? 1) * 1.08] }
      },
      axes: [
        axis,
        { ...axis, size: 64, values: (_, ticks) => ticks.map((tick) => inUnit(tick, unit)) }
      ],
      series: [
        { value: (_, at) => (at == null ? '' : clock(at * 1_000)) },
        ...lines.map((name, index) => ({
          label: recording.series.find((it) => it.name === name)?.label ?? name,
          stroke: colour(`line-${index + 1}`),
          width: 1.6,
          dash: index === 3 ? [5, 3] : [],
          spanGaps: false,
          points: { show: false },
          value: (_: uPlot, value: number | null) => inUnit(value, unit)
        }))
      ],
      hooks: {
        drawClear: [(chart) => this.#drawLevels(chart)],
        draw: [(chart) => this.#drawMarks(chart)]
      }
    }
  }

  /** The level as a band behind the lines: darker the higher it is, with its name. */
  #drawLevels(chart: uPlot): void {
    const { recording } = this.#app
    const index = recording?.series.findIndex(({ name }) => name === levelName) ?? -1
    const [times, ...columns] = this.#columns
    const column = columns[index]
    if (column === undefined) return
    const style = getComputedStyle(document.documentElement)
    const { ctx, bbox } = chart
    for (const { from, to, value } of runsOf(column)) {
      if (value === null || value === 0) continue
      const left = within(chart, times[from]!)
      const right = within(chart, times[Math.min(to, times.length - 1)]!)
      ctx.fillStyle = style.getPropertyValue(`--band-${value}`).trim()
      ctx.fillRect(left, bbox.top, Math.max(2, right - left), bbox.height)
    }
  }

  /** Faults and what operators did, and the moment that is shown. */
  #drawMarks(chart: uPlot): void {
    const style = getComputedStyle(document.documentElement)
    const { ctx, bbox } = chart
    const line = (ms: number, name: string, dash: number[]): void => {
      const { min, max } = chart.scales['x']!
      if (min == null || max == null || ms / 1_000 < min || ms / 1_000 > max) return
      const x = chart.valToPos(ms / 1_000, 'x', true)
      ctx.save()
      ctx.strokeStyle = style.getPropertyValue(`--${name}`).trim()
      ctx.setLineDash(dash)
      ctx.beginPath()
      ctx.moveTo(x, bbox.top)
      ctx.lineTo(x, bbox.top + bbox.height)
      ctx.stroke()
      ctx.restore()
    }
    for (const { at, kind } of this.#marks)
      line(at, kind === 'operator' || kind === 'injected' ? 'operator' : 'fault', [2, 3])
    if (this.#app.scrubMs !== undefined) line(this.#app.scrubMs, 'text', [])
  }
}

const widthOf = (place: HTMLElement): number => Math.max(280, place.clientWidth)

const dataOf = (
  recording: Recording,
  [times, ...columns]: Columns,
  plot: Plot
): uPlot.AlignedData => [
  times,
  ...plot.lines.map((name) => {
    const index = recording.series.findIndex((it) => it.name === name)
    return columns[index] ?? times.map(() => null)
  })
]

const isZoomed = (chart: uPlot): boolean => {
  const [times] = chart.data
  const { min, max } = chart.scales['x']!
  if (times.length < 2 || min == null || max == null) return false
  return min > times[0]! + 0.5 || max < times.at(-1)! - 5
}

const within = (chart: uPlot, seconds: number): number => {
  const { left, width } = chart.bbox
  return Math.max(left, Math.min(left + width, chart.valToPos(seconds, 'x', true)))
}

interface Run {
  readonly from: number
  /** Exclusive. */
  readonly to: number
  readonly value: number | null
}

/** Stretches of equal values. */
function* runsOf(column: ReadonlyArray<number | null>): Generator<Run> {
  let from = 0
  for (let to = 1; to <= column.length; to += 1) {
    if (to < column.length && column[to] === column[from]) continue
    yield { from, to, value: column[from] ?? null }
    from = to
  }
}

const marksShown = 8

const marksView = (app: App, marks: readonly WatchMark[]): TemplateResult => html`
  <ul class="marks" aria-label="Faults and what operators did">
    ${marks.slice(-marksShown).reverse().map(
      ({ at, kind, text }) => html`<li>
        <button type="button" class=${kind} @click=${() => app.scrub(at)}>
          <time>${clock(at)}</time> ${kind}: ${text}
        </button>
      </li>`
    )}
  </ul>
`
