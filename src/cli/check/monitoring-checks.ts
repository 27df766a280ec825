/**
 * Dashboards and alerts: what their expressions name is there; and where a Prometheus is reachable,
 * that it has each rule, evaluates it, and which alerts fire.
 */
import { metricsByComponent } from '../../adapters/telemetry/metrics.ts'
import { askUrl, type CheckContext, plural, reasonOf } from './check-context.ts'
import { type CheckLine, line, notConfigured } from './check-report.ts'
import { namesIn, readDashboards, readRules, type Rule, unknownNames } from './monitoring-files.ts'

interface LoadedRule {
  readonly name: string
  readonly type: string
  readonly health: string
  readonly state?: string
  readonly lastError?: string
}

const declaredNames = (rules: readonly Rule[]): ReadonlySet<string> => {
  const metrics = Object.values(metricsByComponent).flatMap((metrics) =>
    Object.values<{ readonly name: string; readonly kind: string }>(metrics)
  )
  return new Set([
    ...metrics.flatMap(({ name, kind }) =>
      kind === 'histogram' ? ['_bucket', '_sum', '_count'].map((it) => `${name}${it}`) : [name]
    ),
    ...rules.flatMap(({ record }) => record ?? [])
  ])
}

export const dashboardChecks = async (context: CheckContext): Promise<readonly CheckLine[]> => {
  const { projectRoot } = context
  const rules = await readRules(projectRoot)
  const boards = await readDashboards(projectRoot)
  if (rules === undefined || boards === undefined)
    return [notConfigured('dashboards', 'dashboards', 'deploy/grafana is not here')]
  const known = declaredNames(rules)
  return [
    ...boards.map(({ file, title, expressions }) => {
      const unknown = unknownNames(expressions, known)
      const names = new Set(expressions.flatMap(namesIn)).size
      return line('dashboards', title, {
        figure:
          unknown.length === 0
            ? `${plural(expressions.length, 'query', 'queries')} of ${plural(names, 'metric')}`
            : `asks for what no metric is named: ${unknown.join(', ')}`,
        values: { queries: expressions.length, metrics: names, unknown: unknown.length },
        ...(unknown.length === 0
          ? {}
          : { remedy: `npm run generate   (writes ${file})`, isFailure: true })
      })
    }),
    await grafanaLine(context)
  ]
}

const grafanaLine = async ({ grafanaUrl }: CheckContext): Promise<CheckLine> => {
  if (grafanaUrl === undefined)
    return notConfigured('dashboards', 'Grafana', 'none is named: --grafana http://127.0.0.1:3000')
  try {
    const { status, text, ms } = await askUrl(`${grafanaUrl}/api/health`)
    const { database, version } = JSON.parse(text) as { database?: string; version?: string }
    const isWell = status === 200 && database === 'ok'
    return line('dashboards', 'Grafana', {
      figure: `${version ?? ''} database ${database ?? 'unknown'}, ${ms.toFixed(0)} ms`.trim(),
      ...(isWell ? {} : { remedy: 'docker compose restart grafana', isFailure: true })
    })
  } catch (error) {
    return line('dashboards', 'Grafana', {
      figure: reasonOf(error),
      remedy: 'docker compose up -d grafana   (or another --grafana)',
      isFailure: true
    })
  }
}

export const alertChecks = async (context: CheckContext): Promise<readonly CheckLine[]> => {
  const rules = await readRules(context.projectRoot)
  if (rules === undefined)
    return [notConfigured('alerts', 'alerts', 'deploy/prometheus is not here')]
  const { prometheusUrl } = context
  if (prometheusUrl === undefined)
    return [
      notConfigured(
        'alerts',
        'Prometheus',
        'none is reachable: npm run stack -- up --services prometheus, or --prometheus URL'
      ),
      ...alertLines(rules, undefined)
    ]
  try {
    const { text, ms } = await askUrl(`${prometheusUrl}/api/v1/rules`)
    const { data } = JSON.parse(text) as { data: { groups: { rules: LoadedRule[] }[] } }
    const loaded = data.groups.flatMap((group) => group.rules)
    const figure = `${plural(loaded.length, 'rule')} loaded, ${ms.toFixed(0)} ms`
    return [
      line('alerts', 'Prometheus', { figure, values: { rules: loaded.length, answerMs: ms } }),
      await targetLine(prometheusUrl),
      ...alertLines(rules, loaded)
    ]
  } catch (error) {
    return [
      line('alerts', 'Prometheus', {
        figure: reasonOf(error),
        remedy: 'npm run stack -- restart prometheus',
        isFailure: true
      }),
      ...alertLines(rules, undefined)
    ]
  }
}

/** Whether it scrapes a K2: without that no alert says anything. */
const targetLine = async (prometheusUrl: string): Promise<CheckLine> => {
  const { text } = await askUrl(`${prometheusUrl}/api/v1/targets?state=active`)
  const { data } = JSON.parse(text) as {
    readonly data: {
      readonly activeTargets: ReadonlyArray<{
        readonly labels: Readonly<Record<string, string>>
        readonly health: string
        readonly lastError: string
      }>
    }
  }
  const targets = data.activeTargets.filter(({ labels }) => labels['job'] === 'k2')
  const up = targets.filter(({ health }) => health === 'up')
  const { lastError = '' } = targets.find(({ health }) => health !== 'up') ?? {}
  const isScraped = up.length > 0 && up.length === targets.length
  return line('alerts', 'scraped K2', {
    figure: `${up.length} of ${targets.length} up${lastError === '' ? '' : `: ${lastError}`}`,
    values: { targets: targets.length, up: up.length },
    ...(isScraped ? {} : { remedy: 'npm start   (at the address that Prometheus scrapes)' })
  })
}

/** A line for each alert; rules that record are those that alerts name. */
export const alertLines = (
  rules: readonly Rule[],
  loaded: readonly LoadedRule[] | undefined
): readonly CheckLine[] => {
  const known = declaredNames(rules)
  return rules.flatMap((rule) => {
    const name = rule.alert ?? rule.record
    if (name === undefined) return []
    const part = rule.file
    const unknown = unknownNames([rule.expr], known)
    if (unknown.length > 0) {
      const figure = `asks for what no metric is named: ${unknown.join(', ')}`
      const remedy = `mend ${name} in deploy/prometheus/rules/${part}`
      return line('alerts', name, { part, figure, remedy, isFailure: true })
    }
    if (loaded === undefined)
      return line('alerts', name, { part, figure: 'name only what is declared' })
    return loadedLine(rule, name, loaded.find((it) => it.name === name))
  })
}

const loadedLine = (
  { file: part, annotations }: Rule,
  name: string,
  found: LoadedRule | undefined
): CheckLine => {
  const restart = 'npm run stack -- restart prometheus'
  if (found === undefined)
    return line('alerts', name, { part, figure: 'not loaded', remedy: restart, isFailure: true })
  const { health, state = 'recorded', lastError = '' } = found
  if (health === 'err')
    return line('alerts', name, {
      part,
      figure: `cannot be evaluated: ${lastError}`,
      remedy: restart,
      isFailure: true
    })
  return line('alerts', name, {
    part,
    figure: health === 'unknown' ? 'not evaluated yet' : state,
    ...(state === 'firing'
      ? { remedy: `see ${annotations?.runbook_url ?? 'docs/runbook.md'}` }
      : {})
  })
}
