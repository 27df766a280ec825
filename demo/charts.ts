/**
 * Charts over the time of a run, as SVG that takes its colours from the page. Pure.
 *
 * 1. A chart has one scale: what has another unit has a chart of its own.
 * 2. What nobody answered is a gap in the line, not a value.
 */
import type { Mark } from './record.ts'

export interface Line {
  readonly name: string
  /** Of the page: `a`, `b`, `c`. */
  readonly color: 'a' | 'b' | 'c'
  readonly points: readonly { readonly atMs: number; readonly value: number | null }[]
}

export interface Chart {
  readonly title: string
  readonly unit: string
  readonly lines: readonly Line[]
  /** Horizontal lines, such as the marks of levels. */
  readonly marks?: readonly { readonly value: number; readonly name: string }[]
  /** As steps, with these names on the scale. */
  readonly steps?: readonly string[]
}

export interface Span {
  /** What times are told from. */
  readonly originMs: number
  readonly fromMs: number
  readonly toMs: number
  /** Faults and what mended them. */
  readonly faults: readonly Mark[]
}

const width = 760
const plot = { left: 84, right: 12, top: 10, bottom: 22 }
const heightOf = ({ steps }: Chart): number => (steps === undefined ? 150 : 130)
const timeTicks = 8
const nameHeight = 13

export const svgOf = (chart: Chart, span: Span): string => {
  const height = heightOf(chart)
  const scale = scaleOf(chart, span, height)
  const parts = [
    ...grid(chart, scale),
    ...times(span, scale, height),
    ...faultLines(span, scale, height),
    ...markLines(chart, scale),
    ...chart.lines.map((line) => path(line, scale, chart.steps !== undefined))
  ]
  const label = escaped(`${chart.title}, ${chart.unit}, over time`)
  const box = `viewBox="0 0 ${width} ${height}"`
  return `<svg ${box} role="img" aria-label="${label}">${parts.join('')}</svg>`
}

interface Scale {
  readonly x: (atMs: number) => number
  readonly y: (value: number) => number
  readonly max: number
}

const scaleOf = ({ lines, marks = [], steps }: Chart, span: Span, height: number): Scale => {
  const values = lines.flatMap(({ points }) => points.map(({ value }) => value ?? 0))
  const shownMarks = marks.map(({ value }) => value)
  const highest = Math.max(1, ...values)
  // A mark far above everything would flatten the rest.
  const withMarks = Math.max(highest, ...shownMarks.filter((mark) => mark <= 3 * highest))
  const max = steps === undefined ? rounded(withMarks) : steps.length - 1
  const inner = { x: width - plot.left - plot.right, y: height - plot.top - plot.bottom }
  const ms = Math.max(1, span.toMs - span.fromMs)
  return {
    max,
    x: (atMs) => plot.left + (inner.x * (atMs - span.fromMs)) / ms,
    y: (value) => plot.top + inner.y * (1 - Math.min(1, value / max))
  }
}

/** A number with one digit that is not less. */
export const rounded = (value: number): number => {
  const power = 10 ** Math.floor(Math.log10(value))
  const step = [1, 2, 4, 5, 8, 10].find((factor) => factor * power >= value) ?? 10
  return step * power
}

const grid = ({ steps }: Chart, { y, max }: Scale): readonly string[] => {
  const ticks = steps === undefined ? [0, max / 2, max] : steps.map((_, index) => index)
  return ticks.map((tick) => {
    const at = y(tick).toFixed(1)
    const text = steps === undefined ? short(tick) : steps[tick]!
    return (
      `<line class="grid" x1="${plot.left}" x2="${width - plot.right}" y1="${at}" y2="${at}"/>` +
      `<text class="tick" x="${plot.left - 8}" y="${at}" dy="4" text-anchor="end">` +
      `${escaped(text)}</text>`
    )
  })
}

export const short = (value: number): string => {
  if (value >= 1e6) return `${trimmed(value / 1e6)} M`
  return value >= 1e3 ? `${trimmed(value / 1e3)} k` : trimmed(value)
}

const trimmed = (value: number): string => String(Number(value.toPrecision(3)))

const times = (
  { originMs, fromMs, toMs }: Span,
  { x }: Scale,
  height: number
): readonly string[] => {
  const seconds = (toMs - fromMs) / 1_000
  const step = [5, 10, 15, 30, 60, 120, 300].find((it) => seconds / it <= timeTicks) ?? 600
  const first = Math.ceil((fromMs - originMs) / 1_000 / step)
  const last = Math.floor((toMs - originMs) / 1_000 / step)
  const ticks = Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step)
  return ticks.map((second) => {
    const at = x(originMs + second * 1_000).toFixed(1)
    const text = `${Math.floor(second / 60)}:${String(second % 60).padStart(2, '0')}`
    return `<text class="tick" x="${at}" y="${height - 6}" text-anchor="middle">${text}</text>`
  })
}

const faultLines = ({ faults }: Span, { x }: Scale, height: number): readonly string[] =>
  faults.map(({ atMs, kind, text }) => {
    const at = x(atMs).toFixed(1)
    return (
      `<line class="${kind === 'fault' ? 'fault' : 'mended'}" x1="${at}" x2="${at}" ` +
      `y1="${plot.top}" y2="${height - plot.bottom}"><title>${escaped(text)}</title></line>`
    )
  })

/** A name that would lie on the one below is left out. */
const markLines = ({ marks = [] }: Chart, { y, max }: Scale): readonly string[] => {
  let namedAt = Number.POSITIVE_INFINITY
  return marks.flatMap(({ value, name }) => {
    if (value > max) return []
    const at = y(value)
    const isNamed = namedAt - at >= nameHeight
    if (isNamed) namedAt = at
    const [x1, x2] = [plot.left, width - plot.right]
    const text =
      `<text class="name" x="${x2}" y="${at.toFixed(1)}" dy="-3" text-anchor="end">` +
      `${escaped(name)}</text>`
    return [
      `<line class="mark" x1="${x1}" x2="${x2}" y1="${at.toFixed(1)}" y2="${at.toFixed(1)}"/>`,
      ...(isNamed ? [text] : [])
    ]
  })
}

const path = ({ points, color }: Line, { x, y }: Scale, isStep: boolean): string => {
  let text = ''
  let last: string | undefined
  for (const { atMs, value } of points) {
    if (value === null) {
      last = undefined
      continue
    }
    const [px, py] = [x(atMs).toFixed(1), y(value).toFixed(1)]
    if (last === undefined) text += `M${px} ${py}`
    else text += isStep && last !== py ? `L${px} ${last}L${px} ${py}` : `L${px} ${py}`
    last = py
  }
  return `<path class="line ${color}" d="${text}"/>`
}

export const escaped = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
