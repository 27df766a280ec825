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
const heightPx = 150

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
  #colours: ReadonlyMap<string, string> = new Map()
  readonly #resized = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const chart = this.#charts.find(({ root }) => root.parentElement === target)
      chart?.setSize({ width: target.clientWidth, height: heightPx })
    }
  })

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
        <div class="plots">${plots.map(() => html`<div class="plot"></div>`)}</div>
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
    const places = [...document.querySelectorAll<HTMLElement>('.plot')]
    if (recording === undefined || places.length === 0) return
    if (this.#drawn?.recording !== recording || this.#charts[0]?.root.parentElement !== places[0])
      this.#build(recording, places)
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

  #build(recording: Recording, places: readonly HTMLElement[]): void {
    for (const chart of this.#charts.splice(0)) chart.destroy()
    this.#resized.disconnect()
    this.#colours = coloursOf(places[0]!)
    this.#columns = recording.columns()
    for (const [index, plot] of plots.entries()) {
      const place = places[index]!
      const options = { ...this.#options(recording, plot), width: place.clientWidth }
      const chart = new uPlot(options, dataOf(recording, this.#columns, plot), place)
      this.#charts.push(chart)
      chart.over.addEventListener('click', () => this.#clicked(chart))
      this.#resized.observe(place)
    }
    this.#drawn = { recording, seq: -1 }
  }

  /** A click is no drag: a drag zooms, and has a selection. */
  #clicked(chart: uPlot): void {
    const { left = -1 } = chart.cursor
    if (left >= 0 && chart.select.width === 0) this.#app.scrub(chart.posToVal(left, 'x') * 1_000)
  }

  #colour(name: string): string {
    return this.#colours.get(name) ?? ''
  }

  #options(
    recording: Recording,
    { title, unit, lines, top }: Plot
  ): Omit<uPlot.Options, 'width'> {
    const axis = { stroke: this.#colour('quiet'), grid: { stroke: this.#colour('line'), width: 1 } }
    return {
      title,
      height: heightPx,
      cursor: { sync: { key: 'k2' }, drag: { x: true, y: false } },
      scales: {
        x: { time: true },
        y: { range: (_, __, max) => [0, Math.max(max ?? 0, top ?? 1) * 1.08] }
      },
      axes: [
        { ...axis, space: 70, values: (_, ticks) => ticks.map((tick) => clock(tick * 1_000)) },
        { ...axis, size: 80, values: (_, ticks) => ticks.map((tick) => inUnit(tick, unit)) }
      ],
      series: [
        { value: ({ data }, at) => clock((at ?? data[0].at(-1) ?? 0) * 1_000) },
        ...lines.map((name, index) => ({
          label: recording.series.find((it) => it.name === name)?.label ?? name,
          stroke: this.#colour(`line-${index + 1}`),
          width: 1.6,
          dash: index === 3 ? [5, 3] : [],
          spanGaps: false,
          points: { show: false },
          // Where nothing is pointed at: the newest.
          value: ({ data }: uPlot, value: number | null, series: number, at: number | null) =>
            inUnit(at === null ? data[series]?.at(-1) : value, unit)
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
    const { ctx, bbox } = chart
    for (const { from, to, value } of runsOf(column)) {
      if (value === null || value === 0) continue
      const left = within(chart, times[from]!)
      const right = within(chart, times[Math.min(to, times.length - 1)]!)
      ctx.fillStyle = this.#colour(`band-${value}`)
      ctx.fillRect(left, bbox.top, Math.max(2, right - left), bbox.height)
    }
  }

  /** Faults and what operators did, and the moment that is shown. */
  #drawMarks(chart: uPlot): void {
    const { ctx, bbox } = chart
    const line = (ms: number, name: string, dash: number[]): void => {
      const { min, max } = chart.scales['x']!
      if (min == null || max == null || ms / 1_000 < min || ms / 1_000 > max) return
      const x = chart.valToPos(ms / 1_000, 'x', true)
      ctx.save()
      ctx.strokeStyle = this.#colour(name)
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

const lineNames = ['line-1', 'line-2', 'line-3', 'line-4']
const bandNames = ['band-1', 'band-2', 'band-3', 'band-4']
const colourNames = ['text', 'quiet', 'line', 'fault', 'operator', ...lineNames, ...bandNames]

/** A canvas knows no variables of styles, and takes only what they come to. */
const coloursOf = (place: HTMLElement): ReadonlyMap<string, string> => {
  const probe = document.createElement('span')
  place.append(probe)
  const colours = new Map(
    colourNames.map((name) => {
      probe.style.color = `var(--${name})`
      return [name, getComputedStyle(probe).color]
    })
  )
  probe.remove()
  return colours
}

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
      (mark) => html`<li>
        <button
          type="button"
          class=${mark.kind}
          @click=${() => app.scrub(app.recording?.seenAt(mark))}
        >
          <time>${clock(mark.at)}</time> ${mark.kind}: ${mark.text}
        </button>
      </li>`
    )}
  </ul>
`
