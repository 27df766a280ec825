/**
 * A dashboard as it is described here, and as Grafana reads it.
 *
 * 1. Expressions name metrics without an instance; every selector gets that of the variable.
 * 2. Panels fill rows of 24 columns from left to right, in the order of the description.
 */

type Color = 'green' | 'yellow' | 'orange' | 'red' | 'dark-red'
/** From this value on, that color; undefined: from the least on. */
type Mark = readonly [value: number | undefined, color: Color]

export interface Panel {
  readonly title: string
  /** A sentence; it says what is well and what is not. */
  readonly about: string
  /** Grafana's name of it. */
  readonly unit: string
  /** `states`: which of a few values, over time. */
  readonly kind?: 'lines' | 'stacked' | 'number' | 'states'
  /** Columns of 24; lines take 12 and numbers 6 unless told. */
  readonly width?: number
  readonly marks?: readonly Mark[]
  /** Names of values. */
  readonly names?: Readonly<Record<number, string>>
  /** Alert whose section of the runbook says more. */
  readonly alert?: string
  /** Expression and legend. */
  readonly queries: readonly (readonly [expr: string, legend: string])[]
}

export interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly about: string
  readonly rows: readonly { readonly title: string; readonly panels: readonly Panel[] }[]
}

const datasource = { type: 'prometheus', uid: 'prometheus' }
const types = {
  lines: 'timeseries',
  stacked: 'timeseries',
  number: 'stat',
  states: 'state-timeline'
}
const heights = { lines: 8, stacked: 8, number: 4, states: 5 }
const columns = 24

/** As Grafana's provisioning reads it. */
export const grafanaJson = ({ uid, title, about, rows }: Dashboard): string => {
  const document = {
    uid,
    title,
    description: about,
    tags: ['k2'],
    timezone: 'utc',
    schemaVersion: 41,
    version: 1,
    editable: false,
    refresh: '5s',
    time: { from: 'now-30m', to: 'now' },
    links: [
      { type: 'dashboards', tags: ['k2'], title: 'K2', asDropdown: true, keepTime: true }
    ],
    templating: { list: [instanceVariable] },
    panels: placed(rows)
  }
  return `${JSON.stringify(document, undefined, 2)}\n`
}

const instanceVariable = {
  name: 'instance',
  label: 'Process',
  type: 'query',
  datasource,
  query: { query: 'label_values(up{job="k2"}, instance)', refId: 'instance' },
  refresh: 2,
  includeAll: true,
  multi: true,
  allValue: '.+',
  current: { text: 'All', value: '$__all' }
}

/** (2) */
const placed = (rows: Dashboard['rows']): readonly object[] => {
  const panels: object[] = []
  let y = 0
  for (const row of rows) {
    panels.push({
      id: panels.length + 1,
      type: 'row',
      title: row.title,
      collapsed: false,
      gridPos: { x: 0, y, w: columns, h: 1 },
      panels: []
    })
    y += 1
    let x = 0
    let height = 0
    for (const panel of row.panels) {
      const kind = panel.kind ?? 'lines'
      const w = panel.width ?? (kind === 'number' ? 6 : 12)
      if (x + w > columns) [x, y, height] = [0, y + height, 0]
      const gridPos = { x, y, w, h: heights[kind] }
      panels.push({ id: panels.length + 1, ...grafanaPanel(panel, kind), gridPos })
      x += w
      height = Math.max(height, heights[kind])
    }
    y += height
  }
  return panels
}

const grafanaPanel = (panel: Panel, kind: NonNullable<Panel['kind']>) => ({
  type: types[kind],
  title: panel.title,
  description:
    panel.alert === undefined
      ? panel.about
      : `${panel.about} Runbook: docs/runbook.md#${panel.alert.toLowerCase()}`,
  datasource,
  fieldConfig: {
    defaults: {
      unit: panel.unit,
      ...(panel.marks === undefined ? {} : { thresholds: thresholdsOf(panel.marks) }),
      ...(panel.names === undefined ? {} : { mappings: [mappingOf(panel.names)] }),
      ...(kind === 'stacked' ? { custom: { stacking: { mode: 'normal' }, fillOpacity: 30 } } : {}),
      ...(kind === 'lines' && panel.marks !== undefined
        ? { custom: { thresholdsStyle: { mode: 'dashed' } } }
        : {})
    },
    overrides: []
  },
  targets: panel.queries.map(([expr, legendFormat], index) => ({
    refId: String.fromCodePoint(65 + index),
    datasource,
    expr: ofInstances(expr),
    legendFormat
  }))
})

const thresholdsOf = (marks: readonly Mark[]) => ({
  mode: 'absolute',
  steps: marks.map(([value, color]) => ({ color, value: value ?? null }))
})

const mappingOf = (names: Readonly<Record<number, string>>) => ({
  type: 'value',
  options: Object.fromEntries(
    Object.entries(names).map(([value, text], index) => [value, { text, index }])
  )
})

/** (1) */
const ofInstances = (expr: string): string =>
  expr.replaceAll(/(?<![\w:])((?:[a-z]+:)?k2_\w+(?::\w+)?)(?:\{([^}]*)\})?/g, (_, name, labels) => {
    const others = typeof labels === 'string' && labels !== '' ? `${labels},` : ''
    return `${String(name)}{${others}instance=~"$instance"}`
  })
