/** A dashboard of Grafana's JSON as one SVG, with the series that each panel was answered. Pure. */
import { type PanelData, panelSvg } from './panel-svg.ts'
import type { Series } from './prometheus.ts'

export interface Board {
  readonly title: string
  readonly panels: readonly BoardPanel[]
}

interface BoardPanel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: Readonly<Record<'x' | 'y' | 'w' | 'h', number>>
  readonly fieldConfig?: {
    readonly defaults: {
      readonly unit: string
      readonly custom?: { readonly stacking?: unknown }
      readonly thresholds?: { readonly steps: PanelData['steps'] }
      readonly mappings?: readonly {
        readonly options: Readonly<Record<string, { readonly text: string }>>
      }[]
    }
  }
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[]
}

const cellWidth = 50
const cellHeight = 27
const gap = 6
const headHeight = 46

const style = `
svg { background: #fff; font-family: system-ui, sans-serif }
.head { font-size: 20px; font-weight: 600; fill: #222 }
.row { font-size: 13px; font-weight: 600; fill: #555 }
.title { font-size: 12px; font-weight: 600; fill: #333 }
.small { font-size: 10px; fill: #666 }
.state { font-size: 10px; fill: #111 }
.number { font-size: 26px; font-weight: 600 }
.panel { fill: #fafafa; stroke: #ddd }
.grid { stroke: #e4e4e4 }
.line { fill: none; stroke-width: 1.5 }`

/** @param answers of each panel, by its id, of each of its targets */
export const dashboardSvg = (
  { title, panels }: Board,
  answers: ReadonlyMap<number, readonly (readonly Series[])[]>,
  span: readonly [fromSeconds: number, toSeconds: number]
): string => {
  const rows = Math.max(...panels.map(({ gridPos }) => gridPos.y + gridPos.h))
  const width = 24 * cellWidth + gap
  const height = headHeight + rows * cellHeight + gap
  const drawn = panels.map((panel) => {
    const { x, y, w, h } = panel.gridPos
    const box = {
      x: x * cellWidth + gap,
      y: headHeight + y * cellHeight,
      width: w * cellWidth - gap,
      height: h * cellHeight - gap
    }
    return panel.type === 'row'
      ? `<text x="${box.x + 2}" y="${box.y + 17}" class="row">${panel.title}</text>`
      : panelSvg(dataOf(panel, answers.get(panel.id) ?? []), box, span)
  })
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" ` +
    `width="${width}" height="${height}"><style>${style}</style>` +
    `<rect width="${width}" height="${height}" fill="#fff"/>` +
    `<text x="${gap + 2}" y="30" class="head">${title}</text>${drawn.join('\n')}</svg>\n`
  )
}

const dataOf = (panel: BoardPanel, answers: readonly (readonly Series[])[]): PanelData => {
  const { unit = 'short', custom, thresholds, mappings } = panel.fieldConfig?.defaults ?? {}
  const names = Object.entries(mappings?.[0]?.options ?? {})
  return {
    type: panel.type,
    title: panel.title,
    unit,
    isStacked: custom?.stacking !== undefined,
    steps: thresholds?.steps ?? [],
    names: new Map(names.map(([value, { text }]) => [Number(value), text])),
    lines: (panel.targets ?? []).flatMap(({ legendFormat }, at) =>
      (answers[at] ?? []).map(({ metric, values }) => ({
        name: legendFormat.replaceAll(
          /\{\{(\w+)\}\}/g,
          (_, label: string) => metric[label] ?? 'all'
        ),
        points: values
      }))
    )
  }
}
