import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test, type TestContext } from 'vitest'
import { stringify } from 'yaml'
import { openMetrics } from '../../src/adapters/telemetry/metrics.ts'
import { promtool } from '../support/promtool.ts'
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

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly alert: string
      readonly expr: string
      readonly annotations: Readonly<Record<string, string>>
    }[]
  }[]
}

const dashboard = JSON.parse(readText('deploy/grafana/dashboards/k2.json')) as Dashboard
const rules = (readYaml('deploy/prometheus/rules.yml') as Rules).groups.flatMap(
  ({ rules }) => rules
)
const queries = dashboard.panels.flatMap(({ targets }) => targets)
const expressions = [...queries, ...rules].map(({ expr }) => expr)

/** Series of a metric, as Prometheus names them, and its labels. */
const series = new Map<string, ReadonlySet<string>>(
  openMetrics()
    .registry.getMetricsAsArray()
    .flatMap((metric) => {
      const { name, type, labelNames } = metric as unknown as Declared
      const endings = type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']
      const labels = new Set(type === 'histogram' ? [...labelNames, 'le'] : labelNames)
      return endings.map((ending) => [`${name}${ending}`, labels] as const)
    })
)

interface Declared {
  readonly name: string
  readonly type: string
  readonly labelNames: readonly string[]
}

describe('dashboard and alerts', () => {
  test('every metric that is asked for is one of K2', () => {
    const asked = expressions.flatMap((expr) => expr.match(/\bk2_\w+/g) ?? [])
    expect(asked.length).toBeGreaterThan(20)
    expect(asked.filter((name) => !series.has(name))).toEqual([])
  })

  test('every label that is grouped by, or shown, is one of the metric', () => {
    const faults: string[] = []
    for (const expr of expressions) {
      const names = expr.match(/\bk2_\w+/g) ?? []
      const labels = [...expr.matchAll(/\bby \(([\w, ]+)\)/g)].flatMap(([, list]) =>
        (list ?? '').split(',').map((label) => label.trim())
      )
      for (const label of labels) {
        if (!names.every((name) => series.get(name)?.has(label))) faults.push(`${label}: ${expr}`)
      }
    }
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

  test('every alert says what to do', () => {
    expect(rules.length).toBeGreaterThan(0)
    for (const { annotations } of rules) {
      expect(annotations['summary']).toEqual(expect.any(String))
      expect(annotations['remedy']).toEqual(expect.any(String))
    }
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

  test('the configuration and the alerts', (context) => {
    const run = programOf(context)
    // The file of the key is there only in the container.
    const config = run('check', 'config', '--syntax-only', path('prometheus/prometheus.yml'))
    expect(config).toMatchObject({ code: 0 })
    const alerts = run('check', 'rules', path('prometheus/rules.yml'))
    expect(alerts).toMatchObject({ code: 0 })
    expect(alerts.output).toContain(`${rules.length} rules found`)
  })

  test('every query of the dashboard', (context) => {
    const run = programOf(context)
    const file = asRules(queries.map(({ expr }) => expr))
    expect(run('check', 'rules', file)).toMatchObject({ code: 0 })
    const broken = run('check', 'rules', asRules(['sum by topic (k2_disk_bytes)']))
    expect(broken.code).not.toBe(0)
  })
})
