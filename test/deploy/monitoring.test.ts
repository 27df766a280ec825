import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test, type TestContext } from 'vitest'
import { stringify } from 'yaml'
import { promtool } from '../support/promtool.ts'
import { ruleFiles, rules } from './alert-files.ts'
import { declaredLabels } from './declared-metrics.ts'
import { expanded, labelFaults, selectorsOf } from './promql.ts'
import { readText, readYaml } from './deploy-files.ts'

interface Dashboard {
  readonly uid: string
  readonly panels: readonly {
    readonly id: number
    readonly title: string
    readonly description: string
    readonly datasource: { readonly uid: string }
    readonly gridPos: Readonly<Record<'x' | 'y' | 'w' | 'h', number>>
    readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[]
  }[]
}

const dashboard = JSON.parse(readText('deploy/grafana/dashboards/k2.json')) as Dashboard
const queries = dashboard.panels.flatMap(({ targets }) => targets)
const expressions = [...queries, ...rules].map(({ expr }) => expanded(expr))

describe('dashboard and alerts', () => {
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

  test('panels have names, explanations, ids of their own and places that do not overlap', () => {
    const { panels } = dashboard
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, n) => `${x + (n % w)},${y + Math.floor(n / w)}`)
    )
    expect(new Set(cells).size).toBe(cells.length)
    for (const { title, description, gridPos } of panels) {
      expect(title).not.toBe('')
      expect(description).toMatch(/\.$/)
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
    }
  })

  test('Grafana finds data source and dashboard where the compose file mounts them', () => {
    const sources = readYaml('deploy/grafana/provisioning/datasources/prometheus.yml')
    expect(sources).toMatchObject({
      datasources: [{ uid: 'prometheus', url: 'http://prometheus:9090' }]
    })
    for (const { datasource } of dashboard.panels) expect(datasource.uid).toBe('prometheus')
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
  const path = (name: string) => fileURLToPath(new URL(`../../deploy/${name}`, import.meta.url))

  /** Checks every expression as a rule of its own, as Grafana would send it. */
  const asRules = (exprs: readonly string[]): string => {
    const folder = mkdtempSync(join(tmpdir(), 'k2-rules-'))
    folders.push(folder)
    const file = join(folder, 'rules.yml')
    const recorded = exprs.map((expr, at) => ({
      record: `k2:panel:${at}`,
      expr: expr.replaceAll('$__rate_interval', '1m')
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

  test('every query of the dashboard', (context) => {
    const run = programOf(context)
    const file = asRules(queries.map(({ expr }) => expr))
    expect(run('check', 'rules', file)).toMatchObject({ code: 0 })
    const broken = run('check', 'rules', asRules(['sum by topic (k2_disk_bytes)']))
    expect(broken.code).not.toBe(0)
  })
})
