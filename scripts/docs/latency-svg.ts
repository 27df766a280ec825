/**
 * Histograms of latencies as one picture: a row for each, all over the same logarithmic axis, with
 * the percentiles marked. Pure. It has its own light and dark colours, as whoever shows it prefers.
 */
import type { HistogramJson } from '../../bench/latencies.ts'
import { numberText } from './format.ts'

export interface LatencyRow {
  readonly title: string
  readonly detail: string
  readonly histogram: HistogramJson
  /** Milliseconds, as the result has them. */
  readonly marks: Readonly<Record<'p50' | 'p95' | 'p99', number>>
}

const width = 880
const [left, right] = [24, 24]
const [top, bottom] = [44, 58]
const [rowHeight, barHeight] = [104, 62]
const plotWidth = width - left - right

const style = `
  text { font: 13px system-ui, sans-serif; fill: #1f2933 }
  .title { font-weight: 600 } .quiet { fill: #5b6774; font-size: 12px }
  .bar { fill: #3b7dd8 } .grid { stroke: #d5dbe1 } .p50 { stroke: #1f2933 }
  .p95 { stroke: #b7791f } .p99 { stroke: #c2352b } .ground { fill: #ffffff }
  tspan.p95-text { fill: #8f5f14 } tspan.p99-text { fill: #b02a21 } line { stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6e9ed } .quiet { fill: #a3adb8 } .bar { fill: #5b9bf0 }
    .grid { stroke: #353d47 } .p50 { stroke: #e6e9ed } .p95 { stroke: #e0aa4f }
    .p99 { stroke: #ff7b6f } tspan.p95-text { fill: #e0aa4f } tspan.p99-text { fill: #ff7b6f }
    .ground { fill: #14181d }
  }`

export const latencySvg = (
  heading: string,
  source: string,
  rows: readonly LatencyRow[]
): string => {
  const height = top + rows.length * rowHeight + bottom
  const scale = scaleOf(rows)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escape(heading)}</title>`,
    `<style>${style}\n</style>`,
    `<rect class="ground" width="${width}" height="${height}"/>`,
    text([left, 24], heading, 'title'),
    ...axis(scale, height),
    ...rows.flatMap((row, index) => rowParts(row, scale, top + index * rowHeight)),
    text([left, height - 14], source, 'quiet'),
    '</svg>',
    ''
  ].join('\n')
}

/** From milliseconds to a place on the axis. */
type Scale = { readonly from: number; readonly to: number; readonly at: (ms: number) => number }

const scaleOf = (rows: readonly LatencyRow[]): Scale => {
  const from = Math.min(...rows.map(({ histogram }) => histogram.buckets[0]![0]))
  const to = Math.max(...rows.map(({ histogram }) => histogram.end))
  const at = (ms: number) => left + (Math.log(ms / from) / Math.log(to / from)) * plotWidth
  return { from, to, at }
}

const ticks = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000]

const axis = ({ from, to, at }: Scale, height: number): readonly string[] =>
  ticks
    .filter((ms) => ms >= from && ms <= to)
    .flatMap((ms) => [
      line(at(ms), top, height - bottom, 'grid'),
      text([at(ms), height - bottom + 16], `${numberText(ms)} ms`, 'quiet', 'middle')
    ])

const rowParts = (
  { title, detail, histogram, marks }: LatencyRow,
  scale: Scale,
  y: number
): readonly string[] => {
  const floor = y + rowHeight - 8
  const tallest = Math.max(...histogram.buckets.map(([, count]) => count))
  const values = Object.entries(marks)
  const told = values.map(([name, ms]) => span(`${name} ${numberText(ms)} · `, `${name}-text`))
  const most = `longest ${numberText(histogram.max)} ms of ${numberText(histogram.count)}`
  return [
    ...histogram.buckets.map(([bound, count], index) => {
      const next = histogram.buckets[index + 1]?.[0] ?? histogram.end
      const [x, end] = [scale.at(bound), scale.at(next)]
      // By the root: one answer of a thousand is to be seen beside the hundreds.
      const tall = Math.sqrt(count / tallest) * barHeight
      const box = `x="${px(x)}" y="${px(floor - tall)}" width="${px(end - x - 1)}"`
      return `<rect class="bar" ${box} height="${px(tall)}"/>`
    }),
    ...values.map(([name, ms]) => line(scale.at(ms), floor - barHeight, floor, name)),
    text([left, y + 14], title, 'title'),
    text([left + title.length * 8.4 + 10, y + 14], detail, 'quiet'),
    `<text class="quiet" x="${width - right}" y="${y + 14}" text-anchor="end">` +
      `${told.join('')}${most}</text>`
  ]
}

const span = (of: string, kind: string): string => `<tspan class="${kind}">${of}</tspan>`

const px = (value: number): string => value.toFixed(1)

const line = (x: number, from: number, to: number, kind: string): string =>
  `<line class="${kind}" x1="${px(x)}" x2="${px(x)}" y1="${px(from)}" y2="${px(to)}"/>`

type Place = readonly [x: number, y: number]

const text = ([x, y]: Place, of: string, kind: string, anchor = 'start'): string =>
  `<text class="${kind}" x="${px(x)}" y="${px(y)}" text-anchor="${anchor}">${escape(of)}</text>`

const escape = (of: string): string =>
  of.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
