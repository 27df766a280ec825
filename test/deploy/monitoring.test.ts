import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test, type TestContext } from 'vitest'
import { stringify } from 'yaml'
import { dashboards } from '../../deploy/grafana/source/all.ts'
import { grafanaJson } from '../../deploy/grafana/source/dashboard.ts'
import { promtool } from '../support/promtool.ts'
import { alerts, ruleFiles, rules } from './alert-files.ts'
import { closedValues, declaredLabels } from './declared-metrics.ts'
import { expanded, labelFaults, selectorsOf } from './promql.ts'
import { readText, readYaml } from './deploy-files.ts'

interface Query {
  readonly expr: string
  readonly legendFormat: string
}

interface Dashboard {
  readonly uid: string
  readonly panels: readonly {
    readonly id: number
    readonly title: string
    readonly type: string
    readonly description?: string
    readonly datasource?: { readonly uid: string }
    readonly gridPos: Readonly<Record<'x' | 'y' | 'w' | 'h', number>>
    readonly targets?: readonly Query[]
  }[]
}

const boards = Object.keys(dashboards).map(
  (name) => JSON.parse(readText(`deploy/grafana/dashboards/${name}.json`)) as Dashboard
)
const queries = boards.flatMap(({ panels }) => panels.flatMap(({ targets = [] }) => targets))
const path = (name: string) => fileURLToPath(new URL(`../../deploy/${name}`, import.meta.url))
/** Whether each selector of K2's metrics asks for the instances of the variable. */
const everyInstance = (expr: string) =>
  expr.match(/k2_\w+/g)?.length === expr.match(/instance=~"\$instance"/g)?.length
const expressions = [...queries, ...rules].map(({ expr }) => expanded(expr))

describe('dashboards and rules', () => {
  test('every metric that is asked for is one of K2', () => {
    const asked = expressions.flatMap((expr) => selectorsOf(expr)).map(({ name }) => name)
    expect(asked.length).toBeGreaterThan(20)
    expect(asked.filter((name) => !declaredLabels.has(name))).toEqual([])
  })

  test('every label that is matched, grouped by, or shown, is one of the metric', () => {
    const faults = expressions.flatMap((expr) => labelFaults(expr, declaredLabels))
    for (const { expr, legendFormat } of queries) {
      for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
        if (!new RegExp(`by \\([^)]*\\b${label}\\b`).test(expr)) faults.push(`${label}: ${expr}`)
      }
    }
    expect(faults).toEqual([])
  })

  test('every value that a label must have is one that it may have', () => {
    const asked = expressions.flatMap(selectorsOf).flatMap(({ name, labels }) =>
      [...labels].flatMap(([label, value]) => {
        const allowed = closedValues(name, label)
        return value === undefined || allowed === undefined ? [] : { name, label, value, allowed }
      })
    )
    expect(asked.length).toBeGreaterThan(5)
    expect(asked.filter(({ value, allowed }) => !allowed.includes(value))).toEqual([])
  })

  test('the files are what their descriptions say (npm run generate)', () => {
    const files = readdirSync(path('grafana/dashboards'))
    expect(files.toSorted()).toEqual(Object.keys(dashboards).map((it) => `${it}.json`).toSorted())
    for (const [name, dashboard] of Object.entries(dashboards)) {
      expect(readText(`deploy/grafana/dashboards/${name}.json`)).toBe(grafanaJson(dashboard))
    }
    expect(new Set(boards.map(({ uid }) => uid)).size).toBe(boards.length)
  })

  test.each(boards)('$uid: panels are explained, and have places that do not overlap', (board) => {
    const { panels } = board
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, n) => `${x + (n % w)},${y + Math.floor(n / w)}`)
    )
    expect(new Set(cells).size).toBe(cells.length)
    for (const { title, type, description, gridPos, datasource, targets = [] } of panels) {
      expect(title).not.toBe('')
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
      if (type === 'row') continue
      expect(description).toMatch(/\.(?: Runbook: docs\/runbook\.md#\w+)?$/)
      expect(datasource?.uid).toBe('prometheus')
      expect(targets.length).toBeGreaterThan(0)
      for (const { expr } of targets) expect(everyInstance(expr)).toBe(true)
    }
  })

  test('panels name sections of the runbook that there are', () => {
    const panels = Object.values(dashboards).flatMap(({ rows }) => rows.flatMap((it) => it.panels))
    const names = alerts.map(({ alert }) => alert)
    expect(panels.flatMap(({ alert }) => alert ?? []).filter((it) => !names.includes(it))).toEqual(
      []
    )
  })

  test('Grafana finds data source and dashboard where the compose file mounts them', () => {
    const sources = readYaml('deploy/grafana/provisioning/datasources/prometheus.yml')
    expect(sources).toMatchObject({
      datasources: [{ uid: 'prometheus', url: 'http://prometheus:9090' }]
    })
    const folders = readYaml('deploy/grafana/provisioning/dashboards/k2.yml')
    const path = '/var/lib/grafana-dashboards'
    expect(folders).toMatchObject({ providers: [{ options: { path } }] })
    expect(readText('deploy/docker-compose.yml')).toContain(`./grafana/dashboards:${path}:ro`)
  })
})

const programOf = (context: TestContext) => {
  const found = promtool()
  return 'missing' in found ? context.skip(found.missing) : found.run
}

describe('Prometheus itself accepts', () => {
  const folders: string[] = []
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
  })

  /** Checks every expression as a rule of its own, as Grafana would send it. */
  const asRules = (exprs: readonly string[]): string => {
    const folder = mkdtempSync(join(tmpdir(), 'k2-rules-'))
    folders.push(folder)
    const file = join(folder, 'rules.yml')
    const recorded = exprs.map((expr, at) => ({
      record: `k2:panel:${at}`,
      expr: expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.+')
    }))
    writeFileSync(file, stringify({ groups: [{ name: 'panels', rules: recorded }] }))
    return file
  }

  test('the configuration and the rules', (context) => {
    const run = programOf(context)
    // The file of the key is there only in the container.
    const config = run('check', 'config', '--syntax-only', path('prometheus/prometheus.yml'))
    expect(config).toMatchObject({ code: 0 })
    const files = ruleFiles.map((file) => path(`prometheus/rules/${file}`))
    expect(run('check', 'rules', ...files)).toMatchObject({ code: 0 })
  })

  test('every query of the dashboards', (context) => {
    const run = programOf(context)
    const file = asRules(queries.map(({ expr }) => expr))
    expect(run('check', 'rules', file)).toMatchObject({ code: 0 })
    const broken = run('check', 'rules', asRules(['sum by topic (k2_disk_bytes)']))
    expect(broken.code).not.toBe(0)
  })
})
