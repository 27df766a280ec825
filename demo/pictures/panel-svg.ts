/**
 * One panel of a dashboard as SVG, from the series that Prometheus gave for it: lines, stacked
 * areas, states over time, or the newest number. Pure.
 */
import type { Series } from './prometheus.ts'

export interface PanelData {
  readonly type: string
  readonly title: string
  readonly unit: string
  readonly isStacked: boolean
  /** Values from which on a color holds; the first holds from the least on. */
  readonly steps: readonly { readonly value: number | null; readonly color: string }[]
  /** Names of values. */
  readonly names: ReadonlyMap<number, string>
  readonly lines: readonly { readonly name: string; readonly points: Series['values'] }[]
}

export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

type Span = readonly [fromSeconds: number, toSeconds: number]

const palette = [
  '#4e79a7', '#f28e2b', '#59a14f', '#e15759', '#76b7b2', '#edc948', '#b07aa1', '#9c755f'
]
const colors: Readonly<Record<string, string>> = {
  green: '#59a14f',
  yellow: '#edc948',
  orange: '#f28e2b',
  red: '#e15759',
  'dark-red': '#8f2b2d'
}
const linesMax = 8
const legendMax = 5

export const panelSvg = (panel: PanelData, box: Box, span: Span): string => {
  const inner = { x: box.x + 52, y: box.y + 30, width: box.width - 64, height: box.height - 62 }
  const drawn =
    panel.type === 'stat'
      ? number(panel, box)
      : panel.type === 'state-timeline'
        ? states(panel, { ...inner, x: box.x + 150, width: box.width - 162 }, span)
        : chart(panel, inner, span)
  return (
    `<rect x="${box.x}" y="${box.y}" width="${box.width}" height="${box.height}" class="panel"/>` +
    text(box.x + 10, box.y + 19, panel.title, 'title') +
    drawn
  )
}

const escaped = (words: string): string =>
  words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')

const text = (x: number, y: number, words: string, kind = 'small'): string =>
  `<text x="${round(x)}" y="${round(y)}" class="${kind}">${escaped(words)}</text>`

const round = (value: number): number => Math.round(value * 10) / 10

const newest = ({ points }: PanelData['lines'][number]): number =>
  Number(points.findLast(([, value]) => Number.isFinite(Number(value)))?.[1] ?? 0)

const most = ({ points }: PanelData['lines'][number]): number =>
  Math.max(0, ...points.map(([, value]) => Number(value)).filter((it) => Number.isFinite(it)))

const colorOf = ({ steps }: PanelData, value: number): string => {
  const step = steps.findLast(({ value: from }) => from === null || value >= from)
  return colors[step?.color ?? ''] ?? '#4e79a7'
}

const number = (panel: PanelData, box: Box): string =>
  panel.lines
    .slice(0, 2)
    .map((line, at, all) => {
      const value = newest(line)
      const words = panel.names.get(value) ?? shown(value, panel.unit)
      const x = box.x + 14 + (at * (box.width - 20)) / all.length
      const caption = all.length > 1 ? text(x, box.y + box.height - 12, line.name) : ''
      const fill = `style="fill:${colorOf(panel, value)}"`
      return (
        `<text x="${round(x)}" y="${box.y + box.height / 2 + 20}" class="number" ${fill}>` +
        `${escaped(words)}</text>${caption}`
      )
    })
    .join('')

const states = (panel: PanelData, box: Box, [from, to]: Span): string => {
  const lines = panel.lines.slice(0, linesMax)
  const height = Math.min(34, box.height / Math.max(1, lines.length))
  return lines
    .map(({ name, points }, row) => {
      const y = box.y + row * height
      const runs = runsOf(points)
      const bars = runs.map(([value, start, end]) => {
        const x = box.x + ((start - from) / (to - from)) * box.width
        const width = Math.max(1, ((end - start) / (to - from)) * box.width)
        const label = panel.names.get(value) ?? String(value)
        const fits = width > label.length * 7
        const words = fits ? text(x + 4, y + height / 2 + 4, label, 'state') : ''
        return (
          `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" ` +
          `height="${round(height - 3)}" fill="${colorOf(panel, value)}">` +
          `<title>${escaped(label)}</title></rect>${words}`
        )
      })
      return text(box.x - 140, y + height / 2 + 4, clipped(name, 22)) + bars.join('')
    })
    .join('')
}

/** Times of the same value. */
const runsOf = (points: Series['values']): readonly (readonly [number, number, number])[] => {
  const runs: [number, number, number][] = []
  for (const [at, text] of points) {
    const value = Number(text)
    const last = runs.at(-1)
    if (last !== undefined) last[2] = at
    if (last === undefined || last[0] !== value) runs.push([value, at, at + 1])
  }
  return runs
}

const chart = (panel: PanelData, box: Box, [from, to]: Span): string => {
  const lines = panel.lines.toSorted((a, b) => most(b) - most(a)).slice(0, linesMax)
  const stacked = panel.isStacked ? stack(lines) : lines
  const values = stacked.flatMap(({ points }) => points.map(([, it]) => Number(it)))
  const top = Math.max(...values.filter((it) => Number.isFinite(it)), 0) * 1.08 || 1
  const x = (at: number) => round(box.x + ((at - from) / (to - from)) * box.width)
  const share = (value: number) => Math.min(1, Math.max(0, value / top))
  const y = (value: number) => round(box.y + box.height - share(value) * box.height)
  const grid = [0, 0.5, 1].map((part) => {
    const at = y(part * top)
    return (
      `<line x1="${box.x}" y1="${at}" x2="${box.x + box.width}" y2="${at}" class="grid"/>` +
      text(box.x - 46, at + 4, shown(part * top, panel.unit))
    )
  })
  const marks = panel.steps.flatMap(({ value, color }) =>
    value === null || value > top
      ? []
      : `<line x1="${box.x}" y1="${y(value)}" x2="${box.x + box.width}" y2="${y(value)}" ` +
        `stroke="${colors[color]}" stroke-dasharray="4 4"/>`
  )
  const drawn = stacked.map(({ points }, at) => {
    const shape = points
      .filter(([, value]) => Number.isFinite(Number(value)))
      .map(([seconds, value]) => `${x(seconds)},${y(Number(value))}`)
      .join(' ')
    return `<polyline points="${shape}" class="line" stroke="${palette[at % palette.length]}"/>`
  })
  return [...grid, ...marks, ...drawn, legend(lines, box)].join('')
}

const legend = (lines: PanelData['lines'], box: Box): string => {
  const width = box.width / Math.min(legendMax, Math.max(1, lines.length))
  return lines
    .slice(0, legendMax)
    .map(({ name }, at) => {
      const x = box.x + at * width
      const y = box.y + box.height + 18
      const fill = palette[at] ?? ''
      const swatch = `<rect x="${round(x)}" y="${y - 8}" width="9" height="9" fill="${fill}"/>`
      return swatch + text(x + 13, y, clipped(name, Math.floor((width - 16) / 6)))
    })
    .join('')
}

/** Each on top of those before it. */
const stack = (lines: PanelData['lines']): PanelData['lines'] => {
  const sums = new Map<number, number>()
  return lines.map(({ name, points }) => ({
    name,
    points: points.map(([at, value]) => {
      const sum = (sums.get(at) ?? 0) + (Number.isFinite(Number(value)) ? Number(value) : 0)
      sums.set(at, sum)
      return [at, String(sum)] as const
    })
  }))
}

const clipped = (words: string, charsMax: number): string =>
  words.length <= charsMax ? words : `…${words.slice(words.length - Math.max(1, charsMax - 1))}`

const shown = (value: number, unit: string): string => {
  if (unit === 'percentunit') return `${precise(value * 100)} %`
  if (unit === 's') return value < 1 ? `${precise(value * 1_000)} ms` : `${precise(value)} s`
  const base = unit === 'bytes' || unit === 'Bps' ? 1_024 : 1_000
  const power = Math.min(4, Math.floor(Math.log(Math.max(1, value)) / Math.log(base)))
  const prefix = ['', 'k', 'M', 'G', 'T'][power] ?? ''
  return `${precise(value / base ** power)}${prefix === '' ? '' : ` ${prefix}`}`
}

const precise = (value: number): string =>
  value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toPrecision(2)
